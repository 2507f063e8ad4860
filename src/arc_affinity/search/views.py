"""Views of a task: its grids mirrored or turned, or with their colours exchanged; answers are turned back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from arc_affinity.types import COLOURS, Grid

Table = UInt8[np.ndarray, "10"]


@dataclass(frozen=True)
class View:
    """One of the eight symmetries of the square, then a relabelling of colours for each input.

    Attributes:
        name: what programs call it; "" for none.
        transposed: whether rows and columns are exchanged, first of all.
        turns: quarter turns to the left, after that.
        tables: new colour of each colour, a table an input: demonstrations first, then tests.
    """

    name: str
    transposed: bool
    turns: int
    tables: tuple[Table, ...]

    def apply(self, grid: Grid, index: int) -> Grid:
        """Return a grid of the pair ``index`` in this view."""
        turned = np.rot90(grid.T if self.transposed else grid, self.turns)
        return self.tables[index][turned]

    def undo(self, grid: Grid, index: int) -> Grid:
        """Return the grid of the pair ``index`` that looks like ``grid`` in this view."""
        back = np.empty(COLOURS, np.uint8)
        back[self.tables[index]] = np.arange(COLOURS, dtype=np.uint8)
        turned = np.rot90(back[grid], -self.turns)
        return turned.T if self.transposed else turned


def views_of(inputs: Sequence[Grid]) -> list[View]:
    """Return the views to try, the likeliest to help first; those that change nothing are left out.

    Args:
        inputs: those of the demonstrations and then the tests'.
    """
    same = np.arange(COLOURS, dtype=np.uint8)
    plain = tuple(same for _ in inputs)
    colourings = {"": plain}
    background = tuple(background_first(grid) for grid in inputs)
    ranked = tuple(ranked_by_count(grid, False) for grid in inputs)
    ranked_all = tuple(ranked_by_count(grid, True) for grid in inputs)
    chosen = {"background by count": background, "colours by count": ranked, "all colours by count": ranked_all}
    for name, tables in chosen.items():
        if not any(_equal(tables, others) for others in colourings.values()):
            colourings[name] = tables
    symmetries = {"": (False, 0), "transposed": (True, 0), "turned round": (False, 2), "mirrored": (True, 1)}
    views = [View(name, False, 0, tables) for name, tables in colourings.items()]
    return views + [View(name, *symmetry, plain) for name, symmetry in symmetries.items() if name]


def background_first(grid: Grid) -> Table:
    """Exchange colour 0 with the commonest colour."""
    table = np.arange(COLOURS, dtype=np.uint8)
    commonest = np.bincount(grid.ravel(), minlength=COLOURS).argmax()
    table[[0, commonest]] = table[[commonest, 0]]
    return table


def ranked_by_count(grid: Grid, background_too: bool) -> Table:
    """Number the grid's colours by how many cells they have, the commonest 1 (or 0 with ``background_too``).

    Colours that the grid lacks keep their order behind.
    """
    counts = np.bincount(grid.ravel(), minlength=COLOURS)
    first = 0 if background_too else 1
    order = np.argsort(-counts[first:], kind="stable") + first
    table = np.zeros(COLOURS, np.uint8)
    table[order] = np.arange(first, COLOURS)
    return table


def _equal(some: Sequence[Table], others: Sequence[Table]) -> bool:
    """Whether two relabellings are one."""
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))
