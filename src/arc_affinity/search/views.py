"""Views of a task: its grids mirrored or turned, or with their colours exchanged; answers are turned back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from arc_affinity.types import COLOURS, Grid, Pair

Table = UInt8[np.ndarray, "10"]
Indices = Int[np.ndarray, "_side"]


@dataclass(frozen=True)
class View:
    """One of the eight symmetries of the square, then a relabelling of colours for each input.

    Rows and columns are exchanged (``transposed``), then come quarter ``turns`` to the left, then the new colours of
    ``tables``, a table an input: demonstrations first, then tests. Programs call it ``name``, "" for none.
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

    ``inputs`` are the demonstrations', then the tests'.
    """
    same = np.arange(COLOURS, dtype=np.uint8)
    plain = tuple(same for _ in inputs)
    colourings = {"": plain}
    background = tuple(background_first(grid) for grid in inputs)
    ranked = tuple(ranked_by_count(grid, False) for grid in inputs)
    ranked_all = tuple(ranked_by_count(grid, True) for grid in inputs)
    chosen = {"background by count": background, "colours by count": ranked, "all colours by count": ranked_all}
    for name, tables in chosen.items():
        if not any(np.array_equal(tables, others) for others in colourings.values()):
            colourings[name] = tables
    symmetries = {"": (False, 0), "transposed": (True, 0), "turned round": (False, 2), "mirrored": (True, 1)}
    views = [View(name, False, 0, tables) for name, tables in colourings.items()]
    return views + [View(name, *symmetry, plain) for name, symmetry in symmetries.items() if name]


def background_first(grid: Grid) -> Table:
    """Exchange colour 0 with the commonest colour."""
    table = np.arange(COLOURS, dtype=np.uint8)
    commonest = int(np.bincount(grid.ravel(), minlength=COLOURS).argmax())
    table[0], table[commonest] = commonest, 0
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


@dataclass(frozen=True)
class LatticeView:
    """Grids of equal parts of one colour each, between full lines: a part becomes a cell.

    ``grids`` are the inputs as they were, demonstrations first; ``cells`` are the rows and columns of the part that
    each cell of each input is in, -1 for a line.
    """

    name: str
    grids: tuple[Grid, ...]
    cells: tuple[tuple[Indices, Indices], ...]

    def apply(self, grid: Grid, index: int) -> Grid:
        """Return a grid of the pair ``index`` with one cell a part."""
        rows, cols = self.cells[index]
        first_rows = [int(np.flatnonzero(rows == number)[0]) for number in range(int(rows.max()) + 1)]
        first_cols = [int(np.flatnonzero(cols == number)[0]) for number in range(int(cols.max()) + 1)]
        return grid[np.ix_(first_rows, first_cols)]

    def undo(self, grid: Grid, index: int) -> Grid:
        """Return the input of the pair ``index`` with its parts coloured as ``grid``; ``grid`` if sizes differ."""
        rows, cols = self.cells[index]
        if grid.shape != (rows.max() + 1, cols.max() + 1):
            return grid
        on_part = (rows >= 0)[:, None] & (cols >= 0)
        return np.where(on_part, grid[np.ix_(rows, cols)], self.grids[index])


def lattice_view(demonstrations: Sequence[Pair], inputs: Sequence[Grid]) -> LatticeView | None:
    """Return the view of parts as cells; None unless all inputs, and all outputs likewise, are such lattices."""
    found = [lattice_cells(grid) for grid in inputs]
    cells = tuple(each for each in found if each is not None)
    if len(cells) < len(inputs):
        return None
    view = LatticeView("parts as cells", tuple(inputs), cells)
    whole: list[tuple[Grid | None, int]] = [
        *((pair.output, i) for i, pair in enumerate(demonstrations)),
        *((grid, i) for i, grid in enumerate(inputs)),
    ]
    for grid, index in whole:
        if grid is None or grid.shape != inputs[index].shape:
            return None
        if not np.array_equal(view.undo(view.apply(grid, index), index), grid):
            return None
    return view


def all_views(demonstrations: Sequence[Pair], inputs: Sequence[Grid]) -> list[View | LatticeView]:
    """Return every view to try: that of parts as cells, if there is one, comes after the first of `views_of`."""
    views: list[View | LatticeView] = [*views_of(inputs)]
    lattice = lattice_view(demonstrations, inputs)
    if lattice is not None:
        views.insert(1, lattice)
    return views


def lattice_cells(grid: Grid) -> tuple[Indices, Indices] | None:
    """Return the part, counted from 0, of each row and of each column of a lattice; -1 for lines; None if it is none.

    Lines are the rows and columns that have the colour of the cell where most of them cross.
    """
    rows, cols = (grid == grid[:, :1]).all(1), (grid == grid[:1]).all(0)
    counts = np.bincount(np.append(grid[rows, 0], grid[0, cols]), minlength=COLOURS)
    if not counts.any():
        return None
    colour = int(counts.argmax())
    places = []
    for line in (rows & (grid[:, 0] == colour), cols & (grid[0] == colour)):
        if line.all() or not line.any():
            return None
        starts = ~line & np.append(True, line[:-1])
        places.append(np.where(line, -1, np.cumsum(starts) - 1))
    return places[0], places[1]
