"""From batches to logits, from logits to grids, and models as files.

It must not score, train or choose data: a model here is built, run, stored and adapted, no more.
"""
