"""Grids and tasks that somebody made by hand, held against what those are that are read from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arc_affinity.data.datasets.registry import parse_grid
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import COLOURS, MAX_SIDE, Grid, Pair, Task


def check_grid(grid: object, where: str) -> Grid:
    """Return a grid, with cells of uint8 whatever whole numbers they were; ``where`` begins the message.

    Raises:
        ArcAffinityError: it is no array of whole numbers with 2 dimensions, has no cells or too many, or a cell is no
            colour.
    """
    if not isinstance(grid, np.ndarray):
        raise ArcAffinityError(f"{where}: {type(grid).__name__} is no grid, which is an array of rows and columns")
    if grid.ndim != 2 or grid.dtype.kind not in "iu":
        raise ArcAffinityError(
            f"{where}: an array of {grid.dtype} with shape {grid.shape} is no grid, which has whole numbers (uint8) in "
            "rows and columns"
        )
    rows, cols = grid.shape
    if not (1 <= rows <= MAX_SIDE and 1 <= cols <= MAX_SIDE):
        raise ArcAffinityError(f"{where}: {rows} rows and {cols} columns; a grid has 1-{MAX_SIDE} of each")
    if grid.dtype == np.uint8 and grid.max() < COLOURS:
        return grid
    return parse_grid(grid.tolist(), where)


def check_pair(pair: Pair, where: str) -> Pair:
    """Return a pair, both of its grids as `check_grid` has them; its output may be withheld.

    Raises:
        ArcAffinityError: as `check_grid`.
    """
    output = None if pair.output is None else check_grid(pair.output, f"{where}, output")
    return Pair(check_grid(pair.input, f"{where}, input"), output)


def check_grids(task: Task) -> Task:
    """Return a task, all of its grids as `check_grid` has them.

    Raises:
        ArcAffinityError: as `check_grid`.
    """
    train, test = (
        tuple(check_pair(pair, f"task {task.id}, {part} pair {number}") for number, pair in enumerate(pairs))
        for part, pairs in (("train", task.train), ("test", task.test))
    )
    return replace(task, train=train, test=test)


def check_task(task: Task) -> Task:
    """Return a task that shows something to learn from, all of its grids as `check_grid` has them.

    Raises:
        ArcAffinityError: it has no demonstrations, the output of one is withheld, or as `check_grid`.
    """
    if not task.train:
        raise ArcAffinityError(f"task {task.id}: no train pairs")
    for number, pair in enumerate(task.train):
        if pair.output is None:
            raise ArcAffinityError(f"task {task.id}, train pair {number}: no output")
    return check_grids(task)


def check_asked(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return tasks whose tests can be asked, all of their grids as `check_grid` has them.

    Raises:
        ArcAffinityError: there are none, one has no tests, or as `check_task` and `check_ids`.
    """
    if not tasks:
        raise ArcAffinityError("there are no tasks to answer")
    check_ids(tasks)
    checked = tuple(map(check_task, tasks))
    for task in checked:
        if not task.test:
            raise ArcAffinityError(f"task {task.id} has no test to answer")
    return checked


def check_ids(tasks: Sequence[Task]) -> None:
    """Refuse tasks of which two have one id, by which what is said of them is told apart.

    Raises:
        ArcAffinityError: two have.
    """
    seen: set[str] = set()
    for task in tasks:
        if task.id in seen:
            raise ArcAffinityError(f"two tasks are called {task.id}; ask them one after the other")
        seen.add(task.id)
