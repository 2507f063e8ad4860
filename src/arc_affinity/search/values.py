"""What grid functions take and give: grids, and lists of pieces of a grid; colour 0 is background everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from arc_affinity.types import MAX_SIDE, Grid

Mask = Bool[np.ndarray, "_rows _cols"]
Labels = Int[np.ndarray, "_rows _cols"]

MOST_PIECES = 60
"""Pieces of a grid that are told apart; a grid with more has noise, not objects."""


class Kind(Enum):
    """The types of values, by which functions fit together."""

    GRID = auto()
    PIECES = auto()


@dataclass(frozen=True)
class Piece:
    """A part of a grid: its picture, background where it has no cell, and the place of its first cell."""

    grid: Grid
    row: int = 0
    col: int = 0

    @cached_property
    def cells(self) -> int:
        """Cells that are not background."""
        return int(np.count_nonzero(self.grid))

    @cached_property
    def colours(self) -> Int[np.ndarray, "colours"]:
        """Cells of each colour."""
        return np.bincount(self.grid.ravel(), minlength=10)

    @property
    def colour(self) -> int:
        """The commonest colour besides background; 1 for an empty piece."""
        return int(self.colours[1:].argmax()) + 1

    @cached_property
    def shape_key(self) -> bytes:
        """Equal for pieces of equal outline, whatever their colours."""
        return bytes(self.grid.shape) + (self.grid > 0).tobytes()

    @cached_property
    def key(self) -> bytes:
        """Equal for pieces of equal picture, wherever they are."""
        return bytes(self.grid.shape) + self.grid.tobytes()


@dataclass(frozen=True)
class Pieces:
    """Pieces in order, and the rows and columns of the grid that they were taken from."""

    items: tuple[Piece, ...]
    shape: tuple[int, int]
    measured: dict[object, tuple[float, ...]] = field(default_factory=dict, compare=False, repr=False)
    """What pieces were found to have of measures, so that it is found once."""


Value = Grid | Pieces
State = tuple[Value, ...]
"""The values that one program gives for every input of a task: demonstrations first, then tests."""


@dataclass(frozen=True)
class Step:
    """A grid function that the search may use.

    Programs show its ``name``. ``apply`` returns None where it does not apply; ``cost`` is its part of a program's
    description length.
    """

    name: str
    takes: Kind
    gives: Kind
    apply: Callable[[Value], Value | None]
    cost: float = 1.0


def rows_and_cols(shape: tuple[int, ...]) -> tuple[Labels, Labels]:
    """Return the row and the column of each cell of a grid of this shape."""
    places = np.indices(shape)
    return places[0], places[1]


def is_grid(value: Value) -> bool:
    """Whether a value is a grid of at least one cell that ARC allows (30 x 30 at most)."""
    return isinstance(value, np.ndarray) and 0 < value.shape[0] <= MAX_SIDE and 0 < value.shape[1] <= MAX_SIDE


def grids_in(state: State) -> tuple[Grid, ...]:
    """Return a state's values, which are grids."""
    return tuple(value for value in state if isinstance(value, np.ndarray))


def digest(state: State) -> bytes:
    """Return 16 bytes by which states are told apart: equal for equal values, whatever program made them."""
    summary = hashlib.blake2b(digest_size=16)
    for value in state:
        if isinstance(value, Pieces):
            summary.update(b"P" + bytes(value.shape) + len(value.items).to_bytes(2, "big"))
            for piece in value.items:
                summary.update(bytes((piece.row, piece.col)) + piece.key)
        else:
            summary.update(b"G" + bytes(value.shape))
            summary.update(value.tobytes())
    return summary.digest()


def memory(state: State) -> int:
    """Return about how many bytes a state holds."""
    total = 0
    for value in state:
        items = [piece.grid for piece in value.items] if isinstance(value, Pieces) else [value]
        total += sum(each.size + 130 for each in items)
    return total
