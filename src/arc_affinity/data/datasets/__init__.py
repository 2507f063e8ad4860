"""Published datasets by name or path: finding them, reading their files, checking every grid, choosing tasks.

The one way in for grids from outside; nothing here changes a task.
"""
