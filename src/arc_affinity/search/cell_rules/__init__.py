"""Rules that give an output cell by cell: what is true of each cell, and small trees learned over it.

Learned from a task's demonstrations alone; kept apart from programs, which are found and not learned.
"""
