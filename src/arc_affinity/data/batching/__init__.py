"""From examples to batches: which demonstrations are shown, grids as tokens, padding, and which examples go together.

A query must never be among its own demonstrations, and every draw comes from a seed.
"""
