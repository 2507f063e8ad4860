"""The network of `solve`: one pair a sequence, its output written cell by cell; the task is a learned vector.

It sees no demonstrations: they are what its weights are trained on. It must not know how it is trained or ranked.
"""
