"""How right attempts are: single grids first, then tasks and datasets, one score for each protocol.

Pure functions over grids and records; a number never leaves without its protocol.
"""
