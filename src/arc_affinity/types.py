"""The nouns of the package: grids, pairs, tasks, examples, token ids and size limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

Grid = UInt8[np.ndarray, "_rows _cols"]
"""A picture: 1-30 rows and columns of colours 0-9."""

COLOURS = 10
"""Number of colours, 0-9 (Chollet 2019, arXiv 1911.01547, section III.1)."""

PAD = 10
"""Token after the colours: fills batches, and in an output says that a row or the grid ends."""

VOCABULARY = 11
"""Colours and PAD (arXiv 2512.07109, section 6.1)."""

MAX_SIDE = 30
"""Largest number of rows or columns of a grid."""

CANVAS = MAX_SIDE * MAX_SIDE
"""Cells of the canvas; a cell at (row, col) has canvas position ``row * MAX_SIDE + col``."""


@dataclass(frozen=True)
class Pair:
    """An input grid with its output; ``output`` is None where the answer is withheld.

    Pairs are equal where their grids have the same shapes and bytes, and so are the tasks and examples made of them:
    all of these may be compared, and be in sets.
    """

    input: Grid
    output: Grid | None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pair):
            return NotImplemented
        return _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash(_content(self))


def _content(pair: Pair) -> tuple[object, ...]:
    """What tells a pair from others: arrays themselves are compared cell by cell, which gives no one answer."""
    grids = (pair.input, pair.output)
    return tuple(None if grid is None else (grid.shape, grid.tobytes()) for grid in grids)


@dataclass(frozen=True)
class Task:
    """An ARC task: demonstrations to learn the rule from, and test pairs to apply it to."""

    id: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]
    dataset: str = ""


@dataclass(frozen=True)
class Example:
    """One question to a model: a query and the demonstrations that it may look at.

    ``index`` is the position of the query in its store or among its task's test pairs.
    """

    task_id: str
    index: int
    query: Pair
    demonstrations: tuple[Pair, ...]
