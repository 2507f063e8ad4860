"""The parts of the audit: claims about the gap, the taxonomy, ViTARC, scores and models."""
