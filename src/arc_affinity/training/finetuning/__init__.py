"""Adapting a trained model to one task, and scoring it before and after on what it was not trained on."""
