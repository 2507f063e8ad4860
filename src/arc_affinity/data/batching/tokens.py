"""A grid as the sequence of tokens that a model reads or writes, and back (ours).

Cells follow in raster order. PAD after the first row says how wide the grid is; PAD in column 0 says that the grid
is complete. Rows after the first have the width of the first, so they need no PAD and no sequence decodes to a ragged
grid. A grid 30 wide or 30 high reaches the canvas's edge and needs no PAD there. A 3x2 grid is::

    (0,0) (0,1) PAD@(0,2) (1,0) (1,1) (2,0) (2,1) PAD@(3,0)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from arc_affinity.types import MAX_SIDE, PAD, Grid

Tokens = Int[np.ndarray, "steps"]


def canvas_positions(rows: int, cols: int) -> Int[np.ndarray, "cells"]:
    """Canvas position of every cell of a grid in raster order: ``row * MAX_SIDE + col``."""
    return (np.arange(rows)[:, None] * MAX_SIDE + np.arange(cols)).ravel()


def encode_grid(grid: Grid) -> tuple[Tokens, Tokens]:
    """Return the tokens of ``grid`` and the canvas position that each is written to."""
    rows, cols = grid.shape
    cells, places = grid.astype(np.int64).ravel(), canvas_positions(rows, cols)
    tokens, positions = [cells[:cols]], [places[:cols]]
    if cols < MAX_SIDE:
        tokens.append(np.array([PAD]))
        positions.append(np.array([cols]))
    tokens.append(cells[cols:])
    positions.append(places[cols:])
    if rows < MAX_SIDE:
        tokens.append(np.array([PAD]))
        positions.append(np.array([rows * MAX_SIDE]))
    return np.concatenate(tokens), np.concatenate(positions)


def pad_is_legal(position: Int[np.ndarray, "canvas"]) -> Bool[np.ndarray, "canvas"]:
    """True where PAD may stand: behind a cell of the first row, or in column 0 of a later row."""
    row, col = np.divmod(position, MAX_SIDE)
    return ((row == 0) & (col > 0)) | ((row > 0) & (col == 0))


def decode_grid(tokens: Tokens) -> Grid | None:
    """Return the grid that ``tokens`` spell; steps after its end are ignored.

    None where they spell none: PAD at the very first step, or the sequence stops before the grid is complete.
    """
    ends = np.flatnonzero(tokens == PAD)
    cols = int(ends[0]) if len(ends) and ends[0] <= MAX_SIDE else MAX_SIDE
    if cols == 0 or len(tokens) < cols:
        return None
    rest = tokens[cols + (cols < MAX_SIDE) :][: (MAX_SIDE - 1) * cols]
    ends = np.flatnonzero(rest == PAD)
    cells = rest[: int(ends[0])] if len(ends) else rest
    complete = len(ends) or len(cells) == (MAX_SIDE - 1) * cols
    if not complete or len(cells) % cols:
        return None
    return np.concatenate([tokens[:cols], cells]).reshape(-1, cols).astype(np.uint8)
