"""Functions that choose among pieces by what they are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from arc_affinity.search.regions import enclosed, label_colours, label_mask
from arc_affinity.search.values import Piece, Pieces
from arc_affinity.types import Grid

Measure = Callable[[Piece, Pieces], float]


def rarest_cells(piece: Piece, _: Pieces) -> float:
    """Cells of the rarest colour of the piece, if it has two or more."""
    counts = piece.colours[1:][piece.colours[1:] > 0]
    return int(counts.min()) if len(counts) > 1 else 0


def same_colour(piece: Piece, pieces: Pieces) -> float:
    """How many pieces have the colours of this one."""
    mine = piece.colours[1:] > 0
    return sum(bool(((other.colours[1:] > 0) == mine).all()) for other in pieces.items)


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


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "cells": lambda piece, _: piece.cells,
        "area": lambda piece, _: piece.grid.size,
        "height": lambda piece, _: piece.grid.shape[0],
        "width": lambda piece, _: piece.grid.shape[1],
        "fullness": lambda piece, _: piece.cells / piece.grid.size,
        "colours": lambda piece, _: int(np.count_nonzero(piece.colours[1:])),
        "rarest": rarest_cells,
        "regions": lambda piece, _: label_colours(piece.grid, diagonal=True)[1],
        "holes": lambda piece, _: label_mask(enclosed(piece.grid == 0))[1],
        "top": lambda piece, _: piece.row,
        "left": lambda piece, _: piece.col,
        "copies": lambda piece, pieces: sum(other.key == piece.key for other in pieces.items),
        "same outline": lambda piece, pieces: sum(other.shape_key == piece.shape_key for other in pieces.items),
        "same colour": same_colour,
        "same size": lambda piece, pieces: sum(other.cells == piece.cells for other in pieces.items),
        "symmetric": mirror_symmetric,
        "border": on_border,
        "colour": lambda piece, _: piece.colour,
    }
)
"""What pieces are compared by, under the name that programs show; equal pieces are counted with the piece itself."""


def measured(measure: Measure, pieces: Pieces) -> tuple[float, ...]:
    """Return what each piece has of a measure."""
    if measure not in pieces.measured:
        pieces.measured[measure] = tuple(measure(piece, pieces) for piece in pieces.items)
    return pieces.measured[measure]


def extreme(measure: Measure, least: bool, kept: bool, pieces: Pieces) -> Pieces | None:
    """Keep (or leave out, if not ``kept``) the pieces with the most (or ``least``) of a measure.

    None if nothing would be left or, keeping, if all have the same.
    """
    if len(pieces.items) < 2:
        return None
    values = measured(measure, pieces)
    end = min(values) if least else max(values)
    chosen = tuple(piece for piece, value in zip(pieces.items, values, strict=True) if (value == end) == kept)
    return Pieces(chosen, pieces.shape) if chosen and len(chosen) < len(values) else None


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
