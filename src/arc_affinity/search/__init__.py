"""A second source of answers: programs of grid functions, found by search, that reproduce a task's demonstrations."""

from arc_affinity.search.ranking import Found
from arc_affinity.search.solve import FAULTS, TRUSTED_COST, fault, solve_task

__all__ = ["FAULTS", "TRUSTED_COST", "Found", "fault", "solve_task"]
