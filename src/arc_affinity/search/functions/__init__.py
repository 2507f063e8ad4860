"""Grid functions: what the steps of a program do, from cutting a grid into pieces to putting pieces together.

Each is a pure function of the values that it is given; none knows the task or its answer.
"""
