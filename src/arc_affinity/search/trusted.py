"""The program of a task that is most to be trusted, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from arc_affinity.search.solve import FAULTS, TRUSTED_COST, solve_task
from arc_affinity.types import Task


@dataclass(frozen=True)
class FoundProgram:
    """The program of a task; ``text`` is None, and ``reason`` says why, where there is none to be trusted."""

    text: str | None
    cost: float = 0.0
    reason: str = ""


def found_program(task: Task, seconds: float) -> FoundProgram:
    """Return the most trusted program that gives every demonstration's output; outputs of tests are not looked at."""
    try:
        answers = solve_task(task, seconds=seconds)
    except FAULTS as error:
        return FoundProgram(None, reason=f"the search failed ({type(error).__name__})")
    first = answers[0] if answers else ()
    fitting = [each for each in first if each.fits == len(task.train) and each.source != "same input"]
    if not fitting:
        return FoundProgram(None, reason=f"no program within {seconds:g} s that fits every demonstration")
    if fitting[0].cost >= TRUSTED_COST:
        why = f"only programs too long to be trusted, the best of cost {fitting[0].cost:.1f}"
        return FoundProgram(None, reason=why)
    return FoundProgram(fitting[0].program, fitting[0].cost)
