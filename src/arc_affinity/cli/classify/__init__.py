"""``arc-affinity classify`` and its tables and picture; the training of the classifier of grids."""
