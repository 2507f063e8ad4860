"""What a grid is made of: its background, the objects on it and the holes in them (all ours)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from arc_affinity.search.regions import enclosed, label_colours
from arc_affinity.types import COLOURS, Grid

MOST = 24
"""Objects of a grid that are looked at one by one, the largest first: noise can make hundreds."""

Mask = Bool[np.ndarray, "rows cols"]
Labels = Int[np.ndarray, "rows cols"]


@dataclass(frozen=True)
class Thing:
    """A connected set of cells.

    ``place`` is the first row and column of its bounding box, ``cells`` its picture there, `COLOURS` where it has no
    cell.
    """

    place: tuple[int, int]
    cells: Grid
    size: int

    @cached_property
    def shape(self) -> bytes:
        """Equal for things of equal outline, whatever their colours."""
        return bytes(self.cells.shape) + (self.cells < COLOURS).tobytes()

    @cached_property
    def look(self) -> bytes:
        """Equal for things of equal outline and colours."""
        return bytes(self.cells.shape) + self.cells.tobytes()

    @cached_property
    def turned_shape(self) -> bytes:
        """Equal for things whose outlines are mirrored or rotated copies of each other."""
        mask = self.cells < COLOURS
        turns = [np.rot90(each, k) for each in (mask, mask.T) for k in range(4)]
        return min(bytes(each.shape) + each.tobytes() for each in turns)


@dataclass(frozen=True)
class Scene:
    """A grid, and what is found in it when it is asked for."""

    grid: Grid

    @cached_property
    def counts(self) -> Int[np.ndarray, "colours"]:
        """Cells of each colour."""
        return np.bincount(self.grid.ravel(), minlength=COLOURS)

    @cached_property
    def background(self) -> int:
        """The commonest colour."""
        return int(self.counts.argmax())

    @cached_property
    def drawn(self) -> Mask:
        """Cells that are not background."""
        return self.grid != self.background

    @cached_property
    def things(self) -> tuple[Thing, ...]:
        """The largest `MOST` objects of one colour each, diagonal neighbours counting as connected."""
        return things(self.grid, self.labels)

    @cached_property
    def labels(self) -> Labels:
        """Number of the one-colour object that a cell belongs to, -1 for background."""
        return connected(self.grid, self.drawn)

    @cached_property
    def groups(self) -> tuple[Thing, ...]:
        """The largest `MOST` objects of any colours."""
        return things(self.grid, self.group_labels)

    @cached_property
    def group_labels(self) -> Labels:
        """Number of the many-coloured object that a cell belongs to, -1 for background."""
        return connected(np.zeros_like(self.grid), self.drawn)

    @cached_property
    def enclosed(self) -> Mask:
        """Background cells from which no way of background, without diagonal steps, leads to the border."""
        return enclosed(~self.drawn)


def connected(grid: Grid, mask: Mask) -> Labels:
    """Return the number, from 0, of the connected set that a cell of ``mask`` belongs to; -1 outside.

    Neighbours, diagonal ones too, are connected if their values are equal.
    """
    labels, _ = label_colours(np.where(mask, grid + 1, 0), diagonal=True)
    found, first, region = np.unique(labels, return_index=True, return_inverse=True)
    # Numbered in the reading order of their first cells; what `label_colours` numbers 0 lies outside.
    outside = int(found[0] == 0)
    numbers = np.full(len(found), -1)
    numbers[outside:][np.argsort(first[outside:])] = np.arange(len(found) - outside)
    return numbers[region].reshape(grid.shape)


def things(grid: Grid, labels: Labels) -> tuple[Thing, ...]:
    """Return the largest `MOST` of the labelled objects, largest first."""
    sizes = np.bincount(labels[labels >= 0])
    chosen = np.argsort(-sizes, kind="stable")[:MOST]
    rows, cols = np.nonzero(labels >= 0)
    numbers = labels[rows, cols]
    low, high = np.full((len(sizes), 2), 99), np.full((len(sizes), 2), -1)
    for axis, where in enumerate((rows, cols)):
        np.minimum.at(low[:, axis], numbers, where)
        np.maximum.at(high[:, axis], numbers, where)
    found = []
    for number in chosen.tolist():
        (top, left), (bottom, right) = low[number].tolist(), high[number].tolist()
        part = (slice(top, bottom + 1), slice(left, right + 1))
        cells = np.where(labels[part] == number, grid[part], COLOURS).astype(np.uint8)
        found.append(Thing((top, left), cells, int(sizes[number])))
    return tuple(found)
