"""Functions that complete what is symmetric or repeats; background is what is not known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arc_affinity.search.functions.shapes import box_of
from arc_affinity.search.values import rows_and_cols
from arc_affinity.types import MAX_SIDE, Grid


def mirror_whole(grid: Grid, ways: tuple[Callable[[Grid], Grid], ...]) -> Grid | None:
    """Fill background by the grid's own mirror images."""
    result = grid
    for _ in range(2):
        for way in ways:
            image = way(result)
            if image.shape != result.shape:
                return None
            result = np.where(result > 0, result, image)
    return result


def mirror_best(grid: Grid, axes: tuple[int, ...], hidden: int = 0) -> Grid | None:
    """Fill cells of one colour by mirror images at the axes, one a direction, where the images agree best.

    Axes need not be in the middle; those that contradict known cells are not taken.
    """
    result = grid
    for axis in axes:
        turned = result if axis == 0 else result.T
        done = _mirror_rows(turned, hidden)
        if done is None:
            return None
        result = done if axis == 0 else done.T
    return result


def _mirror_rows(grid: Grid, hidden: int) -> Grid | None:
    """Fill by the vertical mirror image with the most cells that agree."""
    rows = len(grid)
    best: tuple[int, int, int] | None = None
    # The axis lies at half of ``total``; rows and images are at least half of the grid, of two rows both.
    nearest = max(rows // 2, min(2, rows)) - 1
    for total in range(nearest, 2 * rows - 1 - nearest):
        low, high = max(0, total - rows + 1), min(rows - 1, total)
        part = grid[low : high + 1]
        image = part[::-1]
        known = (part != hidden) & (image != hidden)
        agree = int(((part == image) & known).sum())
        if (known & (part != image)).any() or agree < grid.size // 3:
            continue
        if best is None or agree > best[0]:
            best = agree, low, high
    if best is None:
        return None
    result = grid.copy()
    part = result[best[1] : best[2] + 1]
    part[:] = np.where(part == hidden, part[::-1], part)
    return result


def mirror_object(grid: Grid, quarter: bool) -> Grid | None:
    """Complete the drawing to be symmetric, about the centre that needs the fewest new cells.

    It is completed by quarter turns, or by both mirrors unless ``quarter``.
    """
    box = box_of(grid > 0)
    if box is None or max(grid.shape) > MAX_SIDE:
        return None
    row, col = np.nonzero(grid)
    colour = grid[row, col]
    best: tuple[int, Grid] | None = None
    for twice_row in range(box[0].start + box[0].stop - 3, box[0].start + box[0].stop + 2):
        for twice_col in range(box[1].start + box[1].stop - 3, box[1].start + box[1].stop + 2):
            if quarter and (twice_row + twice_col) % 2:
                continue
            drawn = _symmetric_about(grid, row, col, colour, (twice_row, twice_col), quarter)
            if drawn is None:
                continue
            new = int(np.count_nonzero(drawn) - len(row))
            if best is None or new < best[0]:
                best = new, drawn
    return None if best is None or best[0] == 0 else best[1]


def _symmetric_about(
    grid: Grid, row: np.ndarray, col: np.ndarray, colour: np.ndarray, twice: tuple[int, int], quarter: bool
) -> Grid | None:
    """The drawing with its images about a centre (given doubled); None if an image leaves or contradicts."""
    result = grid.copy()
    mirrored_row, mirrored_col = twice[0] - row, twice[1] - col
    if quarter:
        down, right = 2 * row - twice[0], 2 * col - twice[1]
        places = [
            ((twice[0] + a) // 2, (twice[1] + b) // 2) for a, b in ((right, -down), (-down, -right), (-right, down))
        ]
    else:
        places = [(mirrored_row, col), (row, mirrored_col), (mirrored_row, mirrored_col)]
    for rows, cols in places:
        if rows.min() < 0 or cols.min() < 0 or rows.max() >= grid.shape[0] or cols.max() >= grid.shape[1]:
            return None
        there = result[rows, cols]
        if ((there > 0) & (there != colour)).any():
            return None
        result[rows, cols] = colour
    return result


def periods(grid: Grid, hidden: int) -> tuple[int, int] | None:
    """Return the smallest period (rows, columns) that all cells but those of one colour keep; None if there is none."""
    # A period of the grid is one of its rows and of its columns alone, which is quickly seen.
    rows = _shifts(grid, hidden)
    cols = _shifts(grid.T, hidden)
    for area, r, c in sorted((r * c, r, c) for r in rows for c in cols):
        if area * 2 > grid.size:
            return None
        if _periodic(grid, r, c, hidden) is not None:
            return r, c
    return None


def _shifts(grid: Grid, hidden: int) -> list[int]:
    """How far rows may be moved so that no known cell contradicts another; at last, by all."""
    side = len(grid)
    known = grid != hidden
    return [
        *(n for n in range(1, side) if not ((grid[n:] != grid[:-n]) & known[n:] & known[:-n]).any()),
        side,
    ]


def _periodic(grid: Grid, r: int, c: int, hidden: int) -> Grid | None:
    """The tile of a period, with `hidden` where it is not known; None if two known cells contradict."""
    rows, cols = grid.shape
    high, wide = -(-rows // r) * r, -(-cols // c) * c
    padded = np.full((high, wide), hidden, np.uint8)
    padded[:rows, :cols] = grid
    blocks = padded.reshape(high // r, r, wide // c, c).transpose(0, 2, 1, 3).reshape(-1, r, c)
    known = blocks != hidden
    top = np.where(known, blocks, 0).max(0)
    bottom = np.where(known, blocks, 10).min(0)
    seen = known.any(0)
    if (seen & (top != bottom)).any():
        return None
    return np.where(seen, top, np.uint8(hidden)).astype(np.uint8)


def continue_pattern(grid: Grid, hidden: int = 0) -> Grid | None:
    """Fill cells of one colour so that the grid repeats, with the smallest period that fits."""
    period = periods(grid, hidden)
    if period is None:
        return None
    tile = _periodic(grid, *period, hidden)
    assert tile is not None
    rows, cols = grid.shape
    return np.tile(tile, (-(-rows // period[0]), -(-cols // period[1])))[:rows, :cols]


def continue_sheared(grid: Grid, hidden: int = 0) -> Grid | None:
    """Fill cells of one colour so that diagonals repeat: the colour depends on row plus (or minus) column alone."""
    rows, cols = rows_and_cols(grid.shape)
    for number in (rows + cols, rows - cols + grid.shape[1]):
        for period in range(2, max(grid.shape)):
            table = np.full(period, -1)
            index = number % period
            known = grid != hidden
            table[index[known]] = grid[known]
            if (table >= 0).all() and (table[index[known]] == grid[known]).all():
                return table[index].astype(np.uint8)
    return None


def smallest_tile(grid: Grid) -> Grid | None:
    """Cut out the tile that the grid repeats."""
    period = periods(grid, 10)
    if period is None or period == grid.shape:
        return None
    return grid[: period[0], : period[1]]


def complete_all(grid: Grid, hidden: int) -> Grid | None:
    """Fill cells of one colour by mirror images at rows, columns and the diagonal, as far as they show."""
    result = grid
    for axes in ((0,), (1,)):
        done = mirror_best(result, axes, hidden)
        result = result if done is None else done
    if grid.shape[0] == grid.shape[1]:
        mirrored = result.T
        known = (result != hidden) & (mirrored != hidden)
        if (result[known] == mirrored[known]).all():
            result = np.where(result == hidden, mirrored, result)
    return None if np.array_equal(result, grid) else result


def behind(grid: Grid, hidden: int, repeats: bool) -> Grid | None:
    """What cells of one colour hide: the box of them, from the grid completed by mirror images or as a pattern."""
    box = box_of(grid == hidden)
    if box is None:
        return None
    done = continue_pattern(grid, hidden) if repeats else complete_all(grid, hidden)
    return None if done is None else done[box]
