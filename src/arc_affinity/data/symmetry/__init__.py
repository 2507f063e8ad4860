"""Changes to grids that keep a task's rule, each with its inverse, and the comparison of tasks by content.

Names and ids of tasks play no part here: two tasks are the same if their grids are.
"""
