"""Grids and tasks that somebody made by hand, held against what those are that are read from files."""

from __future__ import annotations

import numpy as np

from arc_affinity.data.datasets.registry import parse_grid
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import MAX_SIDE, Pair, Task


def check_grid(grid: object, where: str) -> None:
    """Refuse what is no grid; ``where`` begins the message.

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
    parse_grid(grid.tolist(), where)


def check_pair(pair: Pair, where: str) -> None:
    """Refuse a pair whose input, or output where there is one, is no grid.

    Raises:
        ArcAffinityError: as `check_grid`.
    """
    check_grid(pair.input, f"{where}, input")
    if pair.output is not None:
        check_grid(pair.output, f"{where}, output")


def check_grids(task: Task) -> None:
    """Refuse a task that has something else than grids.

    Raises:
        ArcAffinityError: as `check_grid`.
    """
    for part, pairs in (("train", task.train), ("test", task.test)):
        for number, pair in enumerate(pairs):
            check_pair(pair, f"task {task.id}, {part} pair {number}")


def check_task(task: Task) -> None:
    """Refuse a task that shows nothing to learn from, or has something else than grids.

    Raises:
        ArcAffinityError: it has no demonstrations, the output of one is withheld, or as `check_grid`.
    """
    if not task.train:
        raise ArcAffinityError(f"task {task.id}: no train pairs")
    for number, pair in enumerate(task.train):
        if pair.output is None:
            raise ArcAffinityError(f"task {task.id}, train pair {number}: no output")
    check_grids(task)
