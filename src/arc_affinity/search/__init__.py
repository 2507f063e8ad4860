"""A second source of answers: programs of grid functions, found by search, that reproduce a task's demonstrations."""

from arc_affinity.search.solve import Found, solve_task

__all__ = ["Found", "solve_task"]
