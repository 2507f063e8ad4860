"""``arc-affinity model``: what a model is made of, bringing checkpoints in, merging adapters."""
