"""From files and generators to batches: datasets by name, generated examples, demonstrations, symmetries, stores.

It holds no network and no score: whatever needs a model or an answer belongs further right.
"""
