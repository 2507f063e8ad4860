"""Functions that keep a grid's size and change colours: by colour, by region, by neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

from arc_affinity.search.functions.lines import DIAGONAL_WAYS, STRAIGHT_WAYS, moved
from arc_affinity.search.functions.shapes import box_of
from arc_affinity.search.regions import DIAGONAL, STRAIGHT, enclosed, label_colours, label_mask
from arc_affinity.search.values import Mask
from arc_affinity.types import Grid


def only_colour(grid: Grid, colour: int) -> Grid:
    """Keep one colour."""
    return np.where(grid == colour, grid, np.uint8(0))


def without_colour(grid: Grid, colour: int) -> Grid:
    """Make one colour background."""
    return np.where(grid == colour, np.uint8(0), grid)


def paint(grid: Grid, colour: int) -> Grid:
    """Give everything that is not background one colour."""
    return np.where(grid > 0, np.uint8(colour), np.uint8(0))


def paint_background(grid: Grid, colour: int) -> Grid:
    """Give the background a colour."""
    return np.where(grid == 0, np.uint8(colour), grid)


def negative(grid: Grid) -> Grid | None:
    """Exchange background and the only other colour."""
    colours = np.flatnonzero(np.bincount(grid.ravel(), minlength=10)[1:]) + 1
    return np.where(grid == 0, np.uint8(colours[0]), np.uint8(0)) if len(colours) == 1 else None


def exchange_two(grid: Grid) -> Grid | None:
    """Exchange the only two colours besides background."""
    colours = np.flatnonzero(np.bincount(grid.ravel(), minlength=10)[1:]) + 1
    if len(colours) != 2:
        return None
    table = np.arange(10, dtype=np.uint8)
    table[colours] = colours[::-1]
    return table[grid]


def by_frequency(grid: Grid) -> list[int]:
    """Return the colours besides background, the commonest first; equally common ones by number."""
    counts = np.bincount(grid.ravel(), minlength=10)
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    return [int(colour) for colour in order if counts[colour]]


def with_ranked(grid: Grid, draw: Callable[[Grid, int], Grid], place: int) -> Grid | None:
    """Draw with the commonest colour besides background (``place`` 0) or the rarest (-1)."""
    colours = by_frequency(grid)
    return draw(grid, colours[place]) if colours else None


def flood(grid: Grid, colour: int) -> Grid:
    """Give every cell, background included, one colour."""
    return np.full(grid.shape, colour, np.uint8)


def one_cell(_: Grid, colour: int) -> Grid:
    """A single cell of a colour."""
    return np.array([[colour]], np.uint8)


def flood_commonest(grid: Grid) -> Grid:
    """Give every cell, background included, the commonest colour of the grid."""
    return flood(grid, int(np.bincount(grid.ravel(), minlength=10).argmax()))


def colours_by_frequency(grid: Grid) -> Grid | None:
    """A column of the colours besides background, the commonest on top."""
    colours = by_frequency(grid)
    return np.array(colours, np.uint8)[:, None] if colours else None


def colour_bars(grid: Grid) -> Grid | None:
    """A bar a colour besides background, as wide as the colour has cells, the longest on top."""
    colours = by_frequency(grid)
    counts = np.bincount(grid.ravel(), minlength=10)
    if not colours or counts[colours[0]] > 30:
        return None
    bars = np.zeros((len(colours), int(counts[colours[0]])), np.uint8)
    for row, colour in enumerate(colours):
        bars[row, : counts[colour]] = colour
    return bars


def cells_in_a_row(grid: Grid) -> Grid | None:
    """A row of all cells that are not background, in reading order."""
    cells = grid[grid > 0]
    return cells[None] if 0 < len(cells) <= 30 else None


def fill_enclosed(grid: Grid, colour: int) -> Grid:
    """Give background that is enclosed a colour."""
    return np.where(enclosed(grid == 0), np.uint8(colour), grid)


def only_enclosed(grid: Grid) -> Grid:
    """Mark the enclosed background alone."""
    return enclosed(grid == 0).astype(np.uint8)


def fill_enclosed_by_wall(grid: Grid) -> Grid | None:
    """Give enclosed background the colour of the wall around it."""
    holes = enclosed(grid == 0)
    labels, count = label_mask(holes)
    if count == 0:
        return None
    # A wall of several colours counts as its highest, which a single pass can find.
    near = ndimage.grey_dilation(grid, footprint=STRAIGHT)
    walls = ndimage.maximum(near, labels, np.arange(count + 1)).astype(np.uint8)
    return np.where(holes, walls[labels], grid)


def fill_within(grid: Grid, boxes: Sequence[tuple[slice, ...] | None], colour: int) -> Grid | None:
    """Give background within some boxes a colour; None without a box."""
    filled = grid.copy()
    for box in boxes:
        if box is None:
            return None
        part = filled[box]
        part[part == 0] = colour
    return filled if boxes else None


def fill_boxes(grid: Grid, colour: int) -> Grid | None:
    """Give background within the bounding box of every object (straight or diagonal neighbours) a colour."""
    return fill_within(grid, ndimage.find_objects(label_mask(grid > 0, diagonal=True)[0]), colour)


def fill_boxes_by_colour(grid: Grid) -> Grid | None:
    """Fill the bounding box of every one-coloured object with its colour, the larger ones first."""
    labels, count = label_colours(grid, diagonal=True)
    if count == 0 or count > 100:
        return None
    boxes = list(enumerate(ndimage.find_objects(labels, count), 1))
    boxes.sort(key=lambda item: -(item[1][0].stop - item[1][0].start) * (item[1][1].stop - item[1][1].start))
    filled = grid.copy()
    for number, box in boxes:
        filled[box] = grid[box][labels[box] == number][0]
    return filled


def insides(grid: Grid) -> Grid:
    """Keep cells whose straight neighbours all have their colour."""
    same = [grid == moved(grid, way) for way in STRAIGHT_WAYS]
    return np.where(np.logical_and.reduce(same), grid, np.uint8(0))


def outlines(grid: Grid) -> Grid:
    """Keep cells that have a straight neighbour of another colour, or none."""
    return np.where(insides(grid) > 0, np.uint8(0), grid)


def grow(grid: Grid, diagonal: bool) -> Grid:
    """Spread every object by a cell over background; where two meet the higher colour wins."""
    spread = ndimage.grey_dilation(grid, footprint=DIAGONAL if diagonal else STRAIGHT, mode="constant")
    return np.where(grid == 0, spread, grid)


def surround(grid: Grid, colour: int) -> Grid:
    """Put a frame of one colour around every object, diagonals included."""
    near = ndimage.binary_dilation(grid > 0, DIAGONAL)
    return np.where(near & (grid == 0), np.uint8(colour), grid)


def remove_small(grid: Grid, most: int) -> Grid | None:
    """Remove objects (cells that touch, diagonals included, whatever their colour) of that many cells or fewer."""
    labels, count = label_mask(grid > 0, diagonal=True)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())
    return np.where(sizes[labels] > most, grid, np.uint8(0))


def remove_specks(grid: Grid) -> Grid:
    """Remove single cells of a colour, giving them the commonest colour around them."""
    single = np.logical_and.reduce([grid != moved(grid, way, 10) for way in STRAIGHT_WAYS])
    return np.where(single, majority_around(grid), grid)


def majority_around(grid: Grid) -> Grid:
    """Give every cell the commonest colour of its eight neighbours."""
    around = np.stack([moved(grid, way, 10) for way in (*STRAIGHT_WAYS, *DIAGONAL_WAYS)])
    present = np.flatnonzero(np.bincount(grid.ravel(), minlength=10))
    counts = np.stack([(around == colour).sum(0) for colour in present])
    return present[counts.argmax(0)].astype(np.uint8)


def largest_region(grid: Grid) -> Grid | None:
    """Keep the largest one-coloured object where it is."""
    labels, count = label_colours(grid)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.where(labels == sizes.argmax(), grid, np.uint8(0))


def without_largest_region(grid: Grid) -> Grid | None:
    """Remove the largest one-coloured object."""
    kept = largest_region(grid)
    return None if kept is None else np.where(kept > 0, np.uint8(0), grid)


def biggest_rectangle(mask: Mask) -> tuple[slice, slice] | None:
    """Return the largest rectangle within a mask; None for an empty mask.

    Of several it is the one of fewest rows, and of those the first in reading order of their last cells.
    """
    if not mask.any():
        return None
    cols = np.arange(mask.shape[1])
    tall = np.zeros(mask.shape[1], np.int64)
    up = np.stack([tall := np.where(row, tall + 1, 0) for row in mask])
    best, found = 0, (slice(0, 1), slice(0, 1))
    for height in range(1, int(up.max()) + 1):
        # Length of the run of columns, ending here, that are full for so many rows upwards.
        run = cols - np.maximum.accumulate(np.where(up >= height, -1, cols), 1)
        width = int(run.max())
        if height * width > best:
            row, col = divmod(int(run.argmax()), run.shape[1])
            best = height * width
            found = slice(row - height + 1, row + 1), slice(col - width + 1, col + 1)
    return found


def fill_biggest_empty(grid: Grid, colour: int) -> Grid | None:
    """Give the largest rectangle of background a colour."""
    return fill_within(grid, [biggest_rectangle(grid == 0)], colour)


def box_fill(grid: Grid, colour: int) -> Grid | None:
    """Give the background within the bounding box of everything a colour."""
    return fill_within(grid, [box_of(grid > 0)], colour)
