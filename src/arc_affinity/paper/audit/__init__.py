"""The claims by subject: the gap, the taxonomy, ViTARC, scores and models."""
