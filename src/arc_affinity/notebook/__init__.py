"""The package in a notebook: one call a job, and results that draw themselves.

Everything here is said with the other rooms' functions; nothing but the package's own front imports it, and it knows
nothing of the command line.
"""
