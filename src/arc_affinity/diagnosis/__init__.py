"""What a solver cannot do and why, from records alone and without torch.

It reads what was answered and what was right; it must not run, load or know a model.
"""
