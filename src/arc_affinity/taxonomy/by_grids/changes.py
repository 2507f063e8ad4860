"""What changed between two grids of one size: where, next to what, in which forms (ours)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool

from arc_affinity.taxonomy.by_grids.regions import Scene, connected, things
from arc_affinity.types import COLOURS, Grid

Mask = Bool[np.ndarray, "rows cols"]


def change_features(before: Scene, after: Scene) -> dict[str, Any]:
    """Features of the changed cells; all 0 where the sizes differ or nothing changed."""
    if before.grid.shape != after.grid.shape or np.array_equal(before.grid, after.grid):
        return dict.fromkeys(names(), 0.0)
    return _features(before, after, before.grid != after.grid)


@cache
def names() -> tuple[str, ...]:
    """Return what the features are called, in order."""
    one = np.ones((1, 1), np.uint8)
    return tuple(_features(Scene(0 * one), Scene(one), one > 0))


def _features(before: Scene, after: Scene, changed: Mask) -> dict[str, Any]:
    count = changed.sum()
    was, now = before.grid[changed], after.grid[changed]
    from_background, to_background = was == before.background, now == before.background
    labels = connected(np.zeros_like(after.grid), changed)
    patches = things(after.grid, labels)
    ends = [(t.place, np.add(t.place, t.cells.shape)) for t in patches]
    return {
        "changed": changed.mean(),
        "changed background": from_background.mean(),
        "changed to background": to_background.mean(),
        "changed drawn": (~from_background & ~to_background).mean(),
        "colours that change": len(np.unique(was)),
        "colours that come": len(np.unique(now)),
        "by colour alone": explained(before.grid.astype(np.int64), after.grid),
        "by neighbourhood alone": explained(_neighbourhood(before.grid), after.grid),
        "patches": np.log1p(labels.max() + 1),
        "patch size": np.log1p(np.mean([t.size for t in patches])),
        "patches full": np.mean([t.size == t.cells.size for t in patches]),
        "patches thin": np.mean([min(t.cells.shape) == 1 for t in patches]),
        "patches of one colour": np.mean([len(np.unique(t.cells[t.cells < COLOURS])) == 1 for t in patches]),
        "patches like one another": 1 - (len({t.turned_shape for t in patches}) - 1) / max(1, len(patches) - 1),
        "patches on the border": np.mean([0 in first or (last == changed.shape).any() for first, last in ends]),
        "whole objects changed": _whole(before, changed),
        "enclosed changed": (changed & before.enclosed).sum() / count,
        "enclosed left": (before.enclosed & ~changed).sum() / max(1, before.enclosed.sum()),
        "beside drawn": (changed & _beside(before.drawn, False)).sum() / count,
        "beside drawn, diagonally too": (changed & _beside(before.drawn, True)).sum() / count,
        **_aligned(before, after, changed),
        **_boxes(before, changed),
        # Changed cells from which an unbroken straight line of changed cells leads to the border, themselves included.
        "lines to the border": np.logical_or.reduce(_from_sides(np.logical_and, changed)).sum() / count,
        "mirrored changes": float((changed == changed[:, ::-1]).mean() + (changed == changed[::-1]).mean()) / 2,
    }


def explained(keys: np.ndarray, after: Grid) -> float:
    """Return the share of cells that the best table from keys to colours gets right."""
    numbers = np.unique(keys.ravel(), return_inverse=True)[1]
    table = np.bincount(numbers * COLOURS + after.ravel(), minlength=(numbers.max() + 1) * COLOURS)
    return float(table.reshape(-1, COLOURS).max(axis=1).sum() / after.size)


def _neighbourhood(grid: Grid) -> np.ndarray:
    """A number for each cell's 3 x 3 neighbourhood, the outside being a colour of its own."""
    padded = np.pad(grid.astype(np.int64), 1, constant_values=COLOURS)
    rows, cols = grid.shape
    shifts = [padded[i : i + rows, j : j + cols] for i in range(3) for j in range(3)]
    return sum((shift * 11**place for place, shift in enumerate(shifts)), np.zeros(grid.shape, np.int64))


def _whole(before: Scene, changed: Mask) -> float:
    """Share of the objects with a changed cell of which all cells changed."""
    labels = before.labels
    if not (changed & (labels >= 0)).any():
        return 0.0
    inside = labels >= 0
    sizes = np.bincount(labels[inside])
    touched = np.bincount(labels[inside & changed], minlength=len(sizes))
    return float((touched == sizes).sum() / (touched > 0).sum())


def _beside(mask: Mask, diagonal: bool) -> Mask:
    padded = np.pad(mask, 1)
    rows, cols = mask.shape
    steps = [(0, 1), (1, 0), (1, 2), (2, 1)] + ([(0, 0), (0, 2), (2, 0), (2, 2)] if diagonal else [])
    return np.logical_or.reduce([padded[i : i + rows, j : j + cols] for i, j in steps])


def _aligned(before: Scene, after: Scene, changed: Mask) -> dict[str, Any]:
    """Shares of changed cells beside, in line with and between cells of their new colour; between drawn ones."""
    beside = in_line = between = diagonal = 0
    for colour in np.unique(after.grid[changed]).tolist():
        cells, same = changed & (after.grid == colour), before.grid == colour
        left, right, up, down = _from_sides(np.logical_or, same)
        beside += (cells & _beside(same, True)).sum()
        in_line += (cells & (left | right | up | down)).sum()
        between += (cells & ((left & right) | (up & down))).sum()
        drawn = after.grid == colour
        diagonal += (cells & _beside(drawn, True) & ~_beside(drawn, False)).sum()
    left, right, up, down = _from_sides(np.logical_or, before.drawn)
    count = changed.sum()
    return {
        "beside own colour": beside / count,
        "in line with own colour": in_line / count,
        "between own colour": between / count,
        "between drawn": (changed & ((left & right) | (up & down))).sum() / count,
        "across diagonals": diagonal / count,
    }


def _from_sides(combine: np.ufunc, mask: Mask) -> tuple[Mask, Mask, Mask, Mask]:
    """The mask combined from each side up to each cell: from the left, the right, above and below."""
    return (
        combine.accumulate(mask, axis=1),
        combine.accumulate(mask[:, ::-1], axis=1)[:, ::-1],
        combine.accumulate(mask, axis=0),
        combine.accumulate(mask[::-1], axis=0)[::-1],
    )


def _boxes(before: Scene, changed: Mask) -> dict[str, Any]:
    """Shares of objects with a frame drawn around them, within them, that were filled up, and drawn at corners."""
    around, within, filled, corners = [], [], [], []
    for thing in before.groups:
        (top, left), (tall, wide) = thing.place, thing.cells.shape
        around.append(_frame_changed(changed, top - 1, left - 1, top + tall, left + wide))
        within.append(_frame_changed(changed, top + 1, left + 1, top + tall - 2, left + wide - 2))
        box = (slice(top, top + tall), slice(left, left + wide))
        empty = before.grid[box] == before.background
        filled.append(empty.any() and changed[box][empty].all())
        corners.append(_corners_changed(changed, top - 1, left - 1, top + tall, left + wide))
    found = {"frames around": around, "frames within": within, "boxes filled": filled, "corners": corners}
    return {name: np.mean(shares) if shares else 0.0 for name, shares in found.items()}


def _frame_changed(changed: Mask, top: int, left: int, bottom: int, right: int) -> bool:
    """Whether all cells of a frame that lie on the grid, at least one of them, changed."""
    if bottom < top or right < left:
        return False
    rows, cols = changed.shape
    across, down = slice(max(left, 0), right + 1), slice(max(top, 0), bottom + 1)
    sides = [changed[row, across] for row in (top, bottom) if 0 <= row < rows]
    sides += [changed[down, col] for col in (left, right) if 0 <= col < cols]
    return bool(sides) and all(side.all() for side in sides)


def _corners_changed(changed: Mask, top: int, left: int, bottom: int, right: int) -> bool:
    rows, cols = changed.shape
    spots = [(i, j) for i in (top, bottom) for j in (left, right) if 0 <= i < rows and 0 <= j < cols]
    return bool(spots) and all(changed[spot] for spot in spots)
