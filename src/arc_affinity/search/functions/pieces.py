"""Functions that cut a grid into pieces."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from arc_affinity.search.functions.paint import by_frequency
from arc_affinity.search.functions.shapes import box_of
from arc_affinity.search.regions import enclosed, label_colours, label_mask, pieces_of
from arc_affinity.search.values import MOST_PIECES, Piece, Pieces
from arc_affinity.types import Grid


def regions(grid: Grid, diagonal: bool) -> Pieces | None:
    """One piece a connected region of one colour."""
    return pieces_of(grid, *label_colours(grid, diagonal))


def objects(grid: Grid, diagonal: bool) -> Pieces | None:
    """One piece a connected region of any colours but background."""
    return pieces_of(grid, *label_mask(grid > 0, diagonal))


def windows(grid: Grid) -> Pieces | None:
    """One piece a connected region of one colour: all that its bounding box holds."""
    return pieces_of(grid, *label_colours(grid), whole=True)


def holes(grid: Grid) -> Pieces | None:
    """One piece a connected region of enclosed background, painted 1."""
    labels, count = label_mask(enclosed(grid == 0))
    return pieces_of((labels > 0).astype(np.uint8), labels, count)


def colours(grid: Grid) -> Pieces | None:
    """One piece a colour: the whole grid with that colour alone, the commonest first."""
    found = by_frequency(grid)
    pieces = tuple(Piece(np.where(grid == colour, grid, np.uint8(0))) for colour in found)
    return Pieces(pieces, grid.shape) if pieces else None


def colour_crops(grid: Grid) -> Pieces | None:
    """One piece a colour, cut to its bounding box, the commonest first."""
    pieces = []
    for colour in by_frequency(grid):
        box = box_of(grid == colour)
        assert box is not None
        part = grid[box]
        pieces.append(Piece(np.where(part == colour, part, np.uint8(0)), box[0].start, box[1].start))
    return Pieces(tuple(pieces), grid.shape) if pieces else None


def cut_at_lines(grid: Grid) -> Pieces | None:
    """Cut at full rows and columns of one colour, of the colour that most of them have; the parts in reading order."""
    uniform_rows = np.flatnonzero((grid == grid[:, :1]).all(1))
    uniform_cols = np.flatnonzero((grid == grid[:1]).all(0))
    counts = np.bincount(np.append(grid[uniform_rows, 0], grid[0, uniform_cols]), minlength=10)
    counts[0] = 0
    if not counts.any():
        return None
    colour = int(counts.argmax())
    rows = _runs(uniform_rows[grid[uniform_rows, 0] == colour], grid.shape[0])
    cols = _runs(uniform_cols[grid[0, uniform_cols] == colour], grid.shape[1])
    return _parts(grid, rows, cols)


def _runs(lines: np.ndarray, side: int) -> list[slice]:
    edges = [-1, *lines.tolist(), side]
    return [slice(a + 1, b) for a, b in itertools.pairwise(edges) if b > a + 1]


def _parts(grid: Grid, rows: list[slice], cols: list[slice]) -> Pieces | None:
    """The parts of a grid, in reading order; None if it is but one, or too many."""
    if not 1 < len(rows) * len(cols) <= MOST_PIECES:
        return None
    return Pieces(tuple(Piece(grid[r, c], r.start, c.start) for r in rows for c in cols), grid.shape)


def cut_evenly(grid: Grid, rows: int, cols: int) -> Pieces | None:
    """Cut into equal parts; a row (or column) between two parts is left out where one is over for each cut."""
    spans = []
    for side, count in zip(grid.shape, (rows, cols), strict=True):
        gap = 1 if (side - (count - 1)) % count == 0 and side % count else 0
        length = (side - gap * (count - 1)) // count
        if length < 1 or length * count + gap * (count - 1) != side:
            return None
        spans.append([slice(i * (length + gap), i * (length + gap) + length) for i in range(count)])
    return _parts(grid, spans[0], spans[1])


def cut_to_squares(grid: Grid) -> Pieces | None:
    """Cut along the longer side into squares."""
    short, long = sorted(grid.shape)
    if long % short or long == short:
        return None
    return cut_evenly(grid, *((long // short, 1) if grid.shape[0] == long else (1, long // short)))


def lines_of(grid: Grid, axis: int) -> Pieces | None:
    """One piece a row (axis 0) or column (axis 1)."""
    spans = [slice(i, i + 1) for i in range(grid.shape[axis])]
    whole = [slice(0, grid.shape[1 - axis])]
    return _parts(grid, spans, whole) if axis == 0 else _parts(grid, whole, spans)


def frames(grid: Grid) -> Pieces | None:
    """One piece a rectangle of at least 3 x 3 whose border has one colour, background aside: what is within."""
    labels, count = label_colours(grid)
    if not 0 < count <= MOST_PIECES:
        return None
    found = pieces_of(grid, labels, count, whole=True)
    assert found is not None
    kept = []
    for piece in found.items:
        part = piece.grid
        if min(part.shape) < 3:
            continue
        border = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
        if (border == border[0]).all() and border[0] > 0:
            kept.append(Piece(part[1:-1, 1:-1], piece.row + 1, piece.col + 1))
    return Pieces(tuple(kept), grid.shape) if kept else None


def each(function: Callable[[Grid], Grid | None], pieces: Pieces) -> Pieces | None:
    """Change every piece by a grid function that keeps its first cell's place."""
    changed = []
    for piece in pieces.items:
        grid = function(piece.grid)
        if grid is None or not grid.size:
            return None
        changed.append(Piece(np.ascontiguousarray(grid), piece.row, piece.col))
    return Pieces(tuple(changed), pieces.shape)


def cropped(pieces: Pieces) -> Pieces | None:
    """Cut every piece to what it has besides background; empty ones are left out."""
    kept = []
    for piece in pieces.items:
        box = box_of(piece.grid > 0)
        if box is not None:
            kept.append(Piece(piece.grid[box], piece.row + box[0].start, piece.col + box[1].start))
    return Pieces(tuple(kept), pieces.shape) if kept else None


def distinct(pieces: Pieces) -> Pieces | None:
    """Keep the first of pieces with the same picture."""
    first: dict[bytes, Piece] = {}
    for piece in pieces.items:
        first.setdefault(piece.key, piece)
    return Pieces(tuple(first.values()), pieces.shape) if len(first) < len(pieces.items) else None


def reverse(pieces: Pieces) -> Pieces:
    """The pieces in the opposite order."""
    return Pieces(pieces.items[::-1], pieces.shape)


def blocks(grid: Grid, rows: int, cols: int) -> Pieces | None:
    """Cut into blocks of a size, without anything between them."""
    if grid.shape[0] % rows or grid.shape[1] % cols:
        return None
    return cut_evenly(grid, grid.shape[0] // rows, grid.shape[1] // cols)


def squares_of(grid: Grid, rows: int, cols: int) -> Pieces | None:
    """One piece a full rectangle of a size without background, in reading order; they may share cells."""
    if grid.shape[0] < rows or grid.shape[1] < cols:
        return None
    views = np.lib.stride_tricks.sliding_window_view(grid, (rows, cols))
    found = np.argwhere((views > 0).all((2, 3)))
    if not 0 < len(found) <= MOST_PIECES:
        return None
    return Pieces(tuple(Piece(views[r, c].copy(), int(r), int(c)) for r, c in found), grid.shape)
