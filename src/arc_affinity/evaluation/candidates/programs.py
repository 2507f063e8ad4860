"""Answers by programs: every task searched on its own, wherever there is a worker, and kept in a journal."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from arc_affinity.data.datasets.registry import parse_grid
from arc_affinity.documents import Count, Seconds, fit
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Id, Place, Text
from arc_affinity.processes import hand_out
from arc_affinity.search import FAULTS, fault, many, solve_task
from arc_affinity.types import Grid, Task

logger = logging.getLogger(__name__)

LONGEST = 2000
"""Characters of a program's text."""

KEPT = 5
"""Programs of a question that are kept: those with different answers, the most trusted first."""


@dataclass(frozen=True)
class Program:
    """An answer that a program gives.

    The program in words has a description length, ``cost``, without a unit; it reproduces ``fits`` of the ``shown``
    demonstrations.
    """

    grid: Grid
    text: str
    cost: float
    fits: int
    shown: int

    @property
    def fits_all(self) -> bool:
        """Whether it reproduces every demonstration."""
        return self.fits == self.shown

    @property
    def judged(self) -> bool:
        """Whether demonstrations that it was not made from say how often it is right: ``fits`` of ``shown``."""
        return self.shown >= many.FROM


@dataclass(frozen=True)
class Searched:
    """The programs of every question whose task was searched, and the seconds that it took, earlier, interrupted runs
    included."""

    programs: Mapping[Place, tuple[Program, ...]]
    seconds: float


@dataclass(frozen=True)
class _Line:
    """A line of the journal: a task with the programs of each test (grid, text, cost, demonstrations reproduced);
    without a task, that the time was over."""

    seconds: Seconds = 0.0
    task: Id | None = None
    programs: list[list[tuple[Any, Text, Annotated[float, Meta(ge=0)], Count]]] = field(default_factory=list)


def search_task(task: Task, seconds: float, states: int) -> list[list[list[Any]]] | str:
    """Search one task; what a worker process is called with. Returns JSON values, per test and program, or its fault:
    raised, it would end the work of all tasks where that is done in one process."""
    try:
        answers = solve_task(task, seconds=seconds, states=states)
    except (ArcAffinityError, *FAULTS) as error:
        return fault(error)
    return [
        [[found.grid.tolist(), _short(found.program), found.cost, found.fits] for found in output[:KEPT]]
        for output in answers
    ]


def _short(program: str) -> str:
    """A learned rule of many branches is cut: nobody reads it, and records bound what they hold."""
    return program if len(program) <= LONGEST else f"{program[: LONGEST - 1]}…"


def search_tasks(
    tasks: Sequence[Task],
    each: float,
    states: int,
    journal: Journal,
    executor: Executor,
    at_a_time: int,
    report: Callable[[float], None],
    seconds: float | None = None,
) -> Searched:
    """Search every task that the journal does not hold yet and return the programs of every question.

    Args:
        tasks: the tasks; outputs of their tests are not looked at.
        each: seconds for one; infinite: the states alone decide, and answers are the same everywhere.
        states: distinct results in each view of a task.
        journal: one line a task, with the seconds until then; a last one where the time was over before the tasks.
        executor: where the work is done.
        at_a_time: tasks that are given out at once.
        report: called with the share of the tasks that are done.
        seconds: after which, those of earlier runs included, no further task is begun; those left have no programs.
            None: all are searched.

    Raises:
        ArcAffinityError: a line of the journal is damaged, or of another task.
    """
    by_id = {task.id: task for task in tasks}
    done: dict[str, list[tuple[Program, ...]]] = {}
    before = 0.0
    for where, row in journal.rows():
        line: _Line = fit(row, _Line, where)
        before = line.seconds
        if line.task is not None:
            done[line.task] = _programs_of(by_id.get(line.task), line.programs, where)
    missing = [task for task in tasks if task.id not in done]
    begun = time.monotonic() - before
    end = math.inf if seconds is None else begun + seconds

    def submit(task: Task) -> Future[list[list[list[Any]]] | str]:
        # The last ones have what is left.
        return executor.submit(search_task, task, min(each, end - time.monotonic()), states)

    for task, future in hand_out(submit, missing, at_a_time, end):
        found = future.result()
        if isinstance(found, str):
            logger.warning("task %s: the search failed (%s)", task.id, found)
            found = [[] for _ in task.test]
        took = round(time.monotonic() - begun, 3)
        journal.append({"task": task.id, "programs": found, "seconds": took})
        done[task.id] = _programs_of(task, found, f"programs of task {task.id}")
        report(len(done) / len(tasks))
    took = time.monotonic() - begun
    if missing and len(done) < len(tasks):
        journal.append({"seconds": round(took, 3)})
    programs = {(task.id, index): kept for task in tasks for index, kept in enumerate(done.get(task.id, ()))}
    return Searched(programs, took)


def _programs_of(task: Task | None, found: Sequence[Sequence[Sequence[Any]]], where: str) -> list[tuple[Program, ...]]:
    """Return the programs of each test of ``task`` from JSON values; ``where`` begins every message.

    Raises:
        ArcAffinityError: it is no task of the run, has other tests or fewer demonstrations, or a grid is none.
    """
    if task is None:
        raise ArcAffinityError(f"{where}: a task that is not asked")
    shown = len(task.train)
    if len(found) != len(task.test):
        raise ArcAffinityError(
            f"{where}: programs for {len(found)} tests of task {task.id}, which has {len(task.test)}"
        )
    if any(fits > shown for kept in found for *_, fits in kept):
        raise ArcAffinityError(f"{where}: more demonstrations reproduced than the {shown} of task {task.id}")
    return [
        tuple(Program(parse_grid(grid, f"{where}: a grid"), text, cost, fits, shown) for grid, text, cost, fits in kept)
        for kept in found
    ]
