"""Functions that choose among pieces by what they are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from arc_affinity.search.regions import enclosed, label_colours, label_mask
from arc_affinity.search.values import Piece, Pieces
from arc_affinity.types import Grid

Measure = Callable[[Piece, Pieces], float]


def area(piece: Piece, _: Pieces) -> float:
    """Cells of the bounding box."""
    return piece.grid.size


def cells(piece: Piece, _: Pieces) -> float:
    """Cells that are not background."""
    return piece.cells


def height(piece: Piece, _: Pieces) -> float:
    """Rows."""
    return piece.grid.shape[0]


def width(piece: Piece, _: Pieces) -> float:
    """Columns."""
    return piece.grid.shape[1]


def fullness(piece: Piece, _: Pieces) -> float:
    """Share of the bounding box that is not background."""
    return piece.cells / piece.grid.size


def number_of_colours(piece: Piece, _: Pieces) -> float:
    """Colours besides background."""
    return int(np.count_nonzero(piece.colours[1:]))


def rarest_cells(piece: Piece, _: Pieces) -> float:
    """Cells of the rarest colour of the piece, if it has two or more."""
    counts = piece.colours[1:][piece.colours[1:] > 0]
    return int(counts.min()) if len(counts) > 1 else 0


def regions_within(piece: Piece, _: Pieces) -> float:
    """Connected one-coloured regions, diagonals included."""
    return label_colours(piece.grid, diagonal=True)[1]


def holes(piece: Piece, _: Pieces) -> float:
    """Connected regions of enclosed background."""
    return label_mask(enclosed(piece.grid))[1]


def top(piece: Piece, _: Pieces) -> float:
    """First row."""
    return piece.row


def left(piece: Piece, _: Pieces) -> float:
    """First column."""
    return piece.col


def copies(piece: Piece, pieces: Pieces) -> float:
    """How many pieces have this picture."""
    return sum(other.key == piece.key for other in pieces.items)


def same_outline(piece: Piece, pieces: Pieces) -> float:
    """How many pieces have this outline, whatever their colours."""
    return sum(other.shape_key == piece.shape_key for other in pieces.items)


def same_colour(piece: Piece, pieces: Pieces) -> float:
    """How many pieces have the colours of this one."""
    mine = piece.colours[1:] > 0
    return sum(bool(((other.colours[1:] > 0) == mine).all()) for other in pieces.items)


def same_size(piece: Piece, pieces: Pieces) -> float:
    """How many pieces have as many cells as this one."""
    return sum(other.cells == piece.cells for other in pieces.items)


def mirror_symmetric(piece: Piece, _: Pieces) -> float:
    """How many of the mirrors left-right, top-bottom and diagonal leave the piece as it is."""
    grid = piece.grid
    square = grid.shape[0] == grid.shape[1]
    mirrors = (grid[:, ::-1], grid[::-1], *((grid.T,) if square else ()))
    return sum(np.array_equal(grid, mirror) for mirror in mirrors)


def on_border(piece: Piece, pieces: Pieces) -> float:
    """1 if the piece touches the border of the grid."""
    rows, cols = piece.grid.shape
    at_start = piece.row == 0 or piece.col == 0
    return float(at_start or piece.row + rows == pieces.shape[0] or piece.col + cols == pieces.shape[1])


def own_colour(piece: Piece, _: Pieces) -> float:
    """The commonest colour besides background."""
    return int(piece.colours[1:].argmax()) + 1


MEASURES = MappingProxyType(
    {
        "cells": cells,
        "area": area,
        "height": height,
        "width": width,
        "fullness": fullness,
        "colours": number_of_colours,
        "rarest": rarest_cells,
        "regions": regions_within,
        "holes": holes,
        "top": top,
        "left": left,
        "copies": copies,
        "same outline": same_outline,
        "same colour": same_colour,
        "same size": same_size,
        "symmetric": mirror_symmetric,
        "border": on_border,
        "colour": own_colour,
    }
)
"""What pieces are compared by; the name is that of programs."""


def measured(measure: Measure, pieces: Pieces) -> tuple[float, ...]:
    """Return what each piece has of a measure."""
    if measure not in pieces.measured:
        pieces.measured[measure] = tuple(measure(piece, pieces) for piece in pieces.items)
    return pieces.measured[measure]


def most(measure: Measure, least: bool, pieces: Pieces) -> Pieces | None:
    """Keep the pieces that have the most (or least) of a measure; None if that is all of them."""
    if len(pieces.items) < 2:
        return None
    values = measured(measure, pieces)
    wanted = min(values) if least else max(values)
    kept = tuple(piece for piece, value in zip(pieces.items, values, strict=True) if value == wanted)
    return Pieces(kept, pieces.shape) if len(kept) < len(values) else None


def without_most(measure: Measure, least: bool, pieces: Pieces) -> Pieces | None:
    """Leave out the pieces that have the most (or least) of a measure; None if that is all of them."""
    if len(pieces.items) < 2:
        return None
    values = measured(measure, pieces)
    unwanted = min(values) if least else max(values)
    kept = tuple(piece for piece, value in zip(pieces.items, values, strict=True) if value != unwanted)
    return Pieces(kept, pieces.shape) if kept else None


def with_colour(colour: int, wanted: bool, pieces: Pieces) -> Pieces | None:
    """Keep the pieces that have a colour (or lack it, if not ``wanted``); None if that is all or none of them."""
    kept = tuple(piece for piece in pieces.items if bool(piece.colours[colour]) == wanted)
    return Pieces(kept, pieces.shape) if 0 < len(kept) < len(pieces.items) else None


def odd_one(measure: Measure, pieces: Pieces) -> Pieces | None:
    """Keep the one piece whose measure no other has, where all others share theirs with another."""
    if len(pieces.items) < 3:
        return None
    values = measured(measure, pieces)
    counts = Counter(values)
    kept = tuple(piece for piece, value in zip(pieces.items, values, strict=True) if counts[value] == 1)
    return Pieces(kept, pieces.shape) if len(kept) == 1 else None


def sort_by(measure: Measure, descending: bool, pieces: Pieces) -> Pieces | None:
    """Sort by a measure, equal ones staying in order."""
    if len(pieces.items) < 2:
        return None
    sign = -1 if descending else 1
    values = measured(measure, pieces)
    order = sorted(range(len(values)), key=lambda number: sign * values[number])
    return Pieces(tuple(pieces.items[number] for number in order), pieces.shape)


def only_piece(pieces: Pieces) -> Grid | None:
    """The picture of the pieces, if they all have the same."""
    first = pieces.items[0]
    return first.grid if all(piece.key == first.key for piece in pieces.items[1:]) else None


def nth_piece(pieces: Pieces, number: int) -> Grid | None:
    """The picture of the piece with a number, counted from 0, or backwards from -1."""
    return pieces.items[number].grid if -len(pieces.items) <= number < len(pieces.items) else None
