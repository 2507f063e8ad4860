"""Connected regions of a grid, and what is true of each."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from arc_affinity.search.values import MOST_PIECES, Labels, Mask, Piece, Pieces
from arc_affinity.types import Grid

STRAIGHT = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
DIAGONAL = np.ones((3, 3), bool)


def label_mask(mask: Mask, diagonal: bool = False) -> tuple[Labels, int]:
    """Return the number, from 1, of the connected region of each cell of a mask (0 outside), and how many there are."""
    labels, count = ndimage.label(mask, DIAGONAL if diagonal else STRAIGHT)
    return labels, int(count)


def label_colours(grid: Grid, diagonal: bool = False, background: bool = False) -> tuple[Labels, int]:
    """Return the number, from 1, of the one-coloured region of each cell, and how many there are.

    Background cells have the number 0 unless ``background``.
    """
    total = np.zeros(grid.shape, np.int32)
    count = 0
    for colour in np.flatnonzero(np.bincount(grid.ravel(), minlength=10)):
        if colour == 0 and not background:
            continue
        labels, found = ndimage.label(grid == colour, DIAGONAL if diagonal else STRAIGHT)
        total += np.where(labels > 0, labels + count, 0)
        count += found
    return total, count


def enclosed(empty: Mask) -> Mask:
    """Return the ``empty`` cells from which no straight way of such leads to the border."""
    labels, count = label_mask(empty)
    if count == 0:
        return empty
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    outside = np.zeros(count + 1, bool)
    outside[rim] = True
    outside[0] = True
    return ~outside[labels]


def pieces_of(grid: Grid, labels: Labels, count: int, whole: bool = False) -> Pieces | None:
    """Return the labelled regions as pieces in reading order of their first cells; None if there are none or too many.

    ``labels`` number the region of each cell from 1 to ``count``, 0 outside. If ``whole``, a piece shows all of its
    bounding box instead of the cells of its region alone.
    """
    if not 0 < count <= MOST_PIECES:
        return None
    items = []
    for number, box in enumerate(ndimage.find_objects(labels, count), 1):
        picture = grid[box] if whole else np.where(labels[box] == number, grid[box], np.uint8(0))
        items.append((box[0].start, box[1].start, number, picture))
    items.sort(key=lambda item: item[:3])
    return Pieces(tuple(Piece(picture, row, col) for row, col, _, picture in items), grid.shape)
