"""Named recipes and recipes in files. Nothing here imports torch.

A recipe is data: whole, frozen, saved beside every run, and silent about hardware.
"""
