"""A laboratory for small neural ARC solvers: train, adapt, score and diagnose."""
