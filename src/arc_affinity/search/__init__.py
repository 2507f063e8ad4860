"""A second source of answers: programs of grid functions, found by search, that reproduce a task's demonstrations."""

from arc_affinity.search.ranking import Found
from arc_affinity.search.solve import FAULTS, TRUSTED_COST, solve_task

__all__ = ["FAULTS", "TRUSTED_COST", "Found", "solve_task"]
