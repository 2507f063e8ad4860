"""From recipes to trained models."""
