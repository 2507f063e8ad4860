"""Functions that make one grid of pieces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from arc_affinity.search.values import Pieces
from arc_affinity.types import MAX_SIDE, Grid

Stack = UInt8[np.ndarray, "pieces rows cols"]


def in_place(pieces: Pieces) -> Grid:
    """Lay the pieces where they were on an empty grid, later ones over earlier ones."""
    canvas = np.zeros(pieces.shape, np.uint8)
    for piece in pieces.items:
        rows, cols = piece.grid.shape
        part = canvas[piece.row : piece.row + rows, piece.col : piece.col + cols]
        picture = piece.grid[: part.shape[0], : part.shape[1]]
        part[:] = np.where(picture > 0, picture, part)
    return canvas


def concatenated(pieces: Pieces, axis: int) -> Grid | None:
    """Put pieces in a row (axis 1) or column (axis 0), if they are of one height or width."""
    across = {piece.grid.shape[1 - axis] for piece in pieces.items}
    if len(across) > 1 or sum(piece.grid.shape[axis] for piece in pieces.items) > MAX_SIDE:
        return None
    return np.concatenate([piece.grid for piece in pieces.items], axis)


def stacked(pieces: Pieces, combine: Callable[[Stack], Grid], most: int = 9) -> Grid | None:
    """Combine 2 to ``most`` pieces of one size cell by cell."""
    if len({piece.grid.shape for piece in pieces.items}) > 1 or not 2 <= len(pieces.items) <= most:
        return None
    return combine(np.stack([piece.grid for piece in pieces.items]))


def overlaid(stack: Stack) -> Grid:
    """Lay the grids on each other, the first on top."""
    return np.take_along_axis(stack, (stack > 0).argmax(0)[None], 0)[0]


def common(stack: Stack) -> Grid:
    """Keep the cells of the first that no other has as background."""
    return np.where((stack > 0).all(0), stack[0], np.uint8(0))


def exclusive(stack: Stack) -> Grid:
    """Keep the cells that exactly one has."""
    return np.where((stack > 0).sum(0) == 1, stack.max(0), np.uint8(0))


def neither(stack: Stack) -> Grid:
    """Mark the cells that none has."""
    return (stack == 0).all(0).astype(np.uint8)


def voted(stack: Stack) -> Grid:
    """Give each cell the commonest colour there."""
    return np.asarray(np.stack([(stack == colour).sum(0) for colour in range(10)]).argmax(0), np.uint8)


def centred(pieces: Pieces) -> Grid | None:
    """Lay pieces on each other with equal centres, smaller ones over larger ones."""
    shapes = [piece.grid.shape for piece in pieces.items]
    rows, cols = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    if any((rows - r) % 2 or (cols - c) % 2 for r, c in shapes) or len(shapes) < 2:
        return None
    canvas = np.zeros((rows, cols), np.uint8)
    for piece in sorted(pieces.items, key=lambda piece: -piece.grid.size):
        r, c = piece.grid.shape
        part = canvas[(rows - r) // 2 : (rows + r) // 2, (cols - c) // 2 : (cols + c) // 2]
        part[:] = np.where(piece.grid > 0, piece.grid, part)
    return canvas


def mosaic(pieces: Pieces) -> Grid | None:
    """One cell a piece, of its commonest colour besides background, laid out as the pieces are."""
    rows = sorted({piece.row for piece in pieces.items})
    cols = sorted({piece.col for piece in pieces.items})
    places = {(piece.row, piece.col) for piece in pieces.items}
    if not len(rows) * len(cols) == len(places) == len(pieces.items):
        return None
    result = np.zeros((len(rows), len(cols)), np.uint8)
    for piece in pieces.items:
        result[rows.index(piece.row), cols.index(piece.col)] = piece.colour if piece.cells else 0
    return result


def colours_in_a_row(pieces: Pieces) -> Grid | None:
    """A row of one cell a piece, of its commonest colour besides background."""
    if len(pieces.items) > MAX_SIDE:
        return None
    return np.array([[piece.colour for piece in pieces.items]], np.uint8)


def bars(pieces: Pieces) -> Grid | None:
    """A bar a piece of as many cells as it has, in its colour, one under the other."""
    longest = max(piece.cells for piece in pieces.items)
    if longest > MAX_SIDE or len(pieces.items) > MAX_SIDE:
        return None
    result = np.zeros((len(pieces.items), max(longest, 1)), np.uint8)
    for row, piece in enumerate(pieces.items):
        result[row, : piece.cells] = piece.colour
    return result


def count_diagonal(pieces: Pieces) -> Grid | None:
    """A square with as many rows as there are pieces, the diagonal in the first one's colour."""
    count = len(pieces.items)
    if count > MAX_SIDE:
        return None
    return np.asarray(np.eye(count) * pieces.items[0].colour, np.uint8)


def packed(pieces: Pieces, axis: int) -> Grid | None:
    """Put pieces in a row (axis 1) or column (axis 0), shorter ones filled up with background at their end."""
    across = max(piece.grid.shape[1 - axis] for piece in pieces.items)
    if sum(piece.grid.shape[axis] for piece in pieces.items) > MAX_SIDE:
        return None
    padded = []
    for piece in pieces.items:
        missing = across - piece.grid.shape[1 - axis]
        padded.append(np.pad(piece.grid, ((0, missing), (0, 0)) if axis == 1 else ((0, 0), (0, missing))))
    return np.concatenate(padded, axis)
