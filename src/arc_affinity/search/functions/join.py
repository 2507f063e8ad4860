"""Functions that make one grid of pieces."""

from __future__ import annotations

import numpy as np

from arc_affinity.search.values import Pieces
from arc_affinity.types import MAX_SIDE, Grid


def in_place(pieces: Pieces) -> Grid:
    """Lay the pieces where they were on an empty grid, later ones over earlier ones."""
    canvas = np.zeros(pieces.shape, np.uint8)
    for piece in pieces.items:
        rows, cols = piece.grid.shape
        part = canvas[piece.row : piece.row + rows, piece.col : piece.col + cols]
        picture = piece.grid[: part.shape[0], : part.shape[1]]
        part[:] = np.where(picture > 0, picture, part)
    return canvas


def side_by_side(pieces: Pieces) -> Grid | None:
    """Put pieces of equal height in a row."""
    if len({piece.grid.shape[0] for piece in pieces.items}) > 1:
        return None
    if sum(piece.grid.shape[1] for piece in pieces.items) > MAX_SIDE:
        return None
    return np.concatenate([piece.grid for piece in pieces.items], 1)


def stacked(pieces: Pieces) -> Grid | None:
    """Put pieces of equal width in a column."""
    if len({piece.grid.shape[1] for piece in pieces.items}) > 1:
        return None
    if sum(piece.grid.shape[0] for piece in pieces.items) > MAX_SIDE:
        return None
    return np.concatenate([piece.grid for piece in pieces.items])


def _equal_stack(pieces: Pieces, most: int = 9) -> np.ndarray | None:
    """The pictures as one array, if they have the same size."""
    shapes = {piece.grid.shape for piece in pieces.items}
    if len(shapes) > 1 or not 2 <= len(pieces.items) <= most:
        return None
    return np.stack([piece.grid for piece in pieces.items])


def overlaid(pieces: Pieces) -> Grid | None:
    """Lay equal-sized pieces on each other, the first on top."""
    stack = _equal_stack(pieces)
    if stack is None:
        return None
    first = (stack > 0).argmax(0)
    return np.take_along_axis(stack, first[None], 0)[0]


def common(pieces: Pieces) -> Grid | None:
    """Keep the cells of the first that no other equal-sized piece has as background."""
    stack = _equal_stack(pieces)
    return None if stack is None else np.where((stack > 0).all(0), stack[0], np.uint8(0))


def exclusive(pieces: Pieces) -> Grid | None:
    """Keep the cells that exactly one of the equal-sized pieces has."""
    stack = _equal_stack(pieces)
    if stack is None:
        return None
    return np.where((stack > 0).sum(0) == 1, stack.max(0), np.uint8(0))


def neither(pieces: Pieces) -> Grid | None:
    """Mark the cells that none of the equal-sized pieces has."""
    stack = _equal_stack(pieces)
    return None if stack is None else (stack == 0).all(0).astype(np.uint8)


def voted(pieces: Pieces) -> Grid | None:
    """Give each cell the commonest colour that equal-sized pieces have there."""
    stack = _equal_stack(pieces, 60)
    if stack is None:
        return None
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
    """One cell a piece, of its commonest colour with background counting, laid out as the pieces are."""
    rows = sorted({piece.row for piece in pieces.items})
    cols = sorted({piece.col for piece in pieces.items})
    if len(rows) * len(cols) != len(pieces.items):
        return None
    result = np.zeros((len(rows), len(cols)), np.uint8)
    for piece in pieces.items:
        counts = piece.colours
        colour = int(counts[1:].argmax()) + 1 if counts[1:].any() else 0
        result[rows.index(piece.row), cols.index(piece.col)] = colour
    return result


def colours_in_a_row(pieces: Pieces) -> Grid | None:
    """A row of one cell a piece, of its commonest colour besides background."""
    if len(pieces.items) > MAX_SIDE:
        return None
    return np.array([[int(piece.colours[1:].argmax()) + 1 for piece in pieces.items]], np.uint8)


def bars(pieces: Pieces) -> Grid | None:
    """A bar a piece of as many cells as it has, in its colour, one under the other."""
    longest = max(piece.cells for piece in pieces.items)
    if longest > MAX_SIDE or len(pieces.items) > MAX_SIDE:
        return None
    result = np.zeros((len(pieces.items), max(longest, 1)), np.uint8)
    for row, piece in enumerate(pieces.items):
        result[row, : piece.cells] = int(piece.colours[1:].argmax()) + 1
    return result


def count_diagonal(pieces: Pieces) -> Grid | None:
    """A square with as many rows as there are pieces, the diagonal in the first one's colour."""
    count = len(pieces.items)
    if count > MAX_SIDE:
        return None
    return np.asarray(np.eye(count) * (int(pieces.items[0].colours[1:].argmax()) + 1), np.uint8)


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
