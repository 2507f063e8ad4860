"""Functions that move objects or copy them to marked places."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from arc_affinity.search.functions.lines import DOWN, STRAIGHT_WAYS, turn, turn_back
from arc_affinity.search.regions import label_mask
from arc_affinity.types import Grid

MOST_OBJECTS = 30
"""Objects that are moved one by one; to a grid with more they do not apply."""


def fall_until(grid: Grid, way: tuple[int, int], wall: int) -> Grid:
    """Let every cell fall on its own to one side, onto cells of one colour, which stay."""
    turned = turn(grid, way)
    result = np.where(turned == wall, turned, np.uint8(0))
    for col in range(turned.shape[1]):
        floor = len(turned)
        for row in range(len(turned) - 1, -1, -1):
            if turned[row, col] == wall:
                floor = row
            elif turned[row, col]:
                floor -= 1
                result[floor, col] = turned[row, col]
    return turn_back(result, way)


def pull(grid: Grid, to: int) -> Grid | None:
    """Move every object straight towards cells of one colour, until it touches one; objects that see none stay."""
    fixed = grid == to
    if not fixed.any():
        return None
    labels, count = label_mask((grid > 0) & ~fixed, diagonal=True)
    if not 0 < count <= MOST_OBJECTS:
        return None
    result = np.where(fixed, grid, np.uint8(0))
    for number in range(1, count + 1):
        mask = labels == number
        way, far = _way_to(mask, fixed)
        row, col = np.nonzero(mask)
        result[row + way[0] * far, col + way[1] * far] = grid[row, col]
    return result


def _way_to(mask: np.ndarray, fixed: np.ndarray) -> tuple[tuple[int, int], int]:
    """The direction in which a fixed cell is next to a mask, and how many steps the mask can go."""
    best: tuple[tuple[int, int], int] = DOWN, 0
    nearest = 99
    for way in STRAIGHT_WAYS:
        mine, others = turn(mask, way), turn(fixed, way)
        rows = np.arange(len(mine))[:, None]
        last = np.where(mine, rows, -1).max(0)
        first = np.where(others & (rows > last), rows, 99).min(0)
        gaps = (first - last - 1)[(last >= 0) & (first < 99)]
        # Another part of the object may be so far out that it would leave the grid.
        if len(gaps) and gaps.min() < min(nearest, len(mine) - int(last.max())):
            nearest = int(gaps.min())
            best = way, nearest
    return best


def stamp(grid: Grid, in_marker_colour: bool) -> Grid | None:
    """Copy the largest object to every single cell that stands alone, the middle of its box there.

    Copies have the colour of their marker with ``in_marker_colour``.
    """
    labels, count = label_mask(grid > 0, diagonal=True)
    if not 1 < count <= MOST_OBJECTS:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    box = ndimage.find_objects(labels)[int(sizes.argmax()) - 1]
    picture = np.where(labels[box] == sizes.argmax(), grid[box], np.uint8(0))
    high, wide = picture.shape
    if high % 2 == 0 or wide % 2 == 0 or sizes.max() == 1:
        return None
    canvas = np.pad(grid, ((high, high), (wide, wide)))
    for row, col in np.argwhere(sizes[labels] == 1):
        colour = grid[row, col]
        top, left = int(row) + high - high // 2, int(col) + wide - wide // 2
        part = canvas[top : top + high, left : left + wide]
        copy = np.where(picture > 0, colour, np.uint8(0)) if in_marker_colour else picture
        part[:] = np.where(copy > 0, copy, part)
    return canvas[high:-high, wide:-wide]


def mirror_objects(grid: Grid, axis: int) -> Grid | None:
    """Mirror every object (diagonals included) within its own bounding box."""
    labels, count = label_mask(grid > 0, diagonal=True)
    if not 0 < count <= MOST_OBJECTS:
        return None
    result = np.zeros_like(grid)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        picture = np.flip(np.where(labels[box] == number, grid[box], np.uint8(0)), axis)
        part = result[box]
        part[:] = np.where(picture > 0, picture, part)
    return result
