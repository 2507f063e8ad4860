"""From recipes to trained models: pretraining, joint training, fine-tuning, and many fine-tunes at once.

What a run depends on is a recipe; what machine it runs on is not.
"""
