"""Models on disk: folders, those that come with the package, training checkpoints, the published layout.

Nothing that is read may run code, and whatever is damaged is refused in one line.
"""
