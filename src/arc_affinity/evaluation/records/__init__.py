"""Records: one self-describing row an attempt, read and written task by task.

Whatever wants to know how a solver did reads records; they must never need the model that made them.
"""
