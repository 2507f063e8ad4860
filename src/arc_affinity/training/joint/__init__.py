"""Training one network on the pairs of many tasks at once, from nothing or from a bundled base, within a budget.

It takes pairs whose outputs may be learned; it must not see the test outputs of the tasks that are asked.
"""
