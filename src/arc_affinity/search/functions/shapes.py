"""Functions that move, cut, repeat or scale a whole grid."""

from __future__ import annotations

import numpy as np

from arc_affinity.search.values import Mask
from arc_affinity.types import MAX_SIDE, Grid


def rotate_180(grid: Grid) -> Grid:
    """Turn by half a turn."""
    return grid[::-1, ::-1]


def rotate_right(grid: Grid) -> Grid:
    """Turn by a quarter, clockwise."""
    return np.rot90(grid, 3)


def antitranspose(grid: Grid) -> Grid:
    """Mirror at the other diagonal."""
    return grid[::-1, ::-1].T


def box_of(mask: Mask) -> tuple[slice, slice] | None:
    """Return the bounding box of the cells of a mask; None if it has none."""
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def crop(grid: Grid, colour: int = 0, wanted: bool = False) -> Grid | None:
    """Cut to the bounding box of one colour or, unless it is ``wanted``, of everything else."""
    box = box_of((grid == colour) == wanted)
    return None if box is None else grid[box]


def inside_box_of(grid: Grid, colour: int) -> Grid | None:
    """Cut to the bounding box of one colour, without its outermost rows and columns."""
    found = crop(grid, colour, True)
    return None if found is None else trim(found)


def trim(grid: Grid) -> Grid | None:
    """Take the outermost rows and columns away."""
    return grid[1:-1, 1:-1] if min(grid.shape) > 2 else None


def half(grid: Grid, axis: int, last: bool) -> Grid | None:
    """The upper or lower half (axis 0), the left or right one (axis 1); a middle line belongs to neither."""
    length = grid.shape[axis] // 2
    taken = slice(-length, None) if last else slice(length)
    return (grid[taken] if axis == 0 else grid[:, taken]) if length else None


def scale_up(grid: Grid, rows: int, cols: int) -> Grid | None:
    """Make every cell a block of that many rows and columns."""
    if grid.shape[0] * rows > MAX_SIDE or grid.shape[1] * cols > MAX_SIDE:
        return None
    return np.repeat(np.repeat(grid, rows, 0), cols, 1)


def scale_up_by(grid: Grid, colours: bool) -> Grid | None:
    """Make every cell a square block with as many rows as the grid has colours or else cells, background aside."""
    factor = int(np.count_nonzero(np.bincount(grid.ravel(), minlength=10)[1:] if colours else grid))
    return scale_up(grid, factor, factor) if factor > 1 else None


def scale_up_by_side(grid: Grid) -> Grid | None:
    """Make every cell a block of the grid's own size."""
    return scale_up(grid, *grid.shape) if grid.size > 1 else None


def scale_down(grid: Grid) -> Grid | None:
    """Make every block a cell, for the largest block size by which the whole grid is made of blocks of one colour."""
    rows = _common_run(np.flatnonzero((grid[1:] != grid[:-1]).any(1)) + 1, grid.shape[0])
    cols = _common_run(np.flatnonzero((grid[:, 1:] != grid[:, :-1]).any(0)) + 1, grid.shape[1])
    return grid[::rows, ::cols] if rows * cols > 1 else None


def _common_run(starts: np.ndarray, side: int) -> int:
    return int(np.gcd.reduce(np.append(starts, side)))


def shrink_by(grid: Grid, factor: int) -> Grid | None:
    """Make every block of ``factor`` x ``factor`` a cell of its commonest colour besides background."""
    rows, cols = grid.shape
    if rows % factor or cols % factor or grid.size == factor * factor:
        return None
    blocks = grid.reshape(rows // factor, factor, cols // factor, factor).transpose(0, 2, 1, 3)
    flat = blocks.reshape(rows // factor, cols // factor, -1)
    counts = np.stack([(flat == colour).sum(2) for colour in range(10)])
    counts[0] = 0
    return np.asarray(counts.argmax(0), np.uint8)


def merge_equal_lines(grid: Grid) -> Grid:
    """Keep one of neighbouring rows that are equal, and of columns likewise."""
    keep = np.append(True, (grid[1:] != grid[:-1]).any(1))
    grid = grid[keep]
    return grid[:, np.append(True, (grid[:, 1:] != grid[:, :-1]).any(0))]


def drop_empty_lines(grid: Grid) -> Grid | None:
    """Leave out rows and columns of background alone."""
    mask = grid > 0
    return grid[mask.any(1)][:, mask.any(0)] if mask.any() else None


def drop_uniform_lines(grid: Grid) -> Grid | None:
    """Leave out rows and columns that have one colour throughout."""
    rows, cols = (grid != grid[:, :1]).any(1), (grid != grid[:1]).any(0)
    return grid[rows][:, cols] if rows.any() and cols.any() else None


def tile(grid: Grid, rows: int, cols: int) -> Grid | None:
    """Repeat that many times downwards and to the right."""
    if grid.shape[0] * rows > MAX_SIDE or grid.shape[1] * cols > MAX_SIDE:
        return None
    return np.tile(grid, (rows, cols))


def tile_by_side(grid: Grid) -> Grid | None:
    """Repeat as often as the grid has rows and columns."""
    return tile(grid, *grid.shape) if grid.size > 1 else None


def tile_mirrored(grid: Grid, rows: int, cols: int) -> Grid | None:
    """Repeat, every other copy being mirrored so that neighbours meet in equal cells."""
    if grid.shape[0] * rows > MAX_SIDE or grid.shape[1] * cols > MAX_SIDE:
        return None
    line = np.concatenate([grid if i % 2 == 0 else grid[:, ::-1] for i in range(cols)], 1)
    return np.concatenate([line if i % 2 == 0 else line[::-1] for i in range(rows)])


def tile_turned(grid: Grid) -> Grid | None:
    """Two by two copies: the grid, turned right, turned left, turned round."""
    if grid.shape[0] != grid.shape[1] or grid.shape[0] * 2 > MAX_SIDE:
        return None
    top, bottom = (grid, np.rot90(grid, 3)), (np.rot90(grid), grid[::-1, ::-1])
    return np.concatenate([np.concatenate(top, 1), np.concatenate(bottom, 1)])


def tile_shifted_rows(grid: Grid) -> Grid | None:
    """Three by three copies, the middle ones with left and right mirrored."""
    if max(grid.shape) * 3 > MAX_SIDE:
        return None
    plain = np.tile(grid, (1, 3))
    return np.concatenate([plain, np.tile(grid[:, ::-1], (1, 3)), plain])


def roll(grid: Grid, rows: int, cols: int) -> Grid:
    """Move, what leaves on one side coming in on the other."""
    return np.roll(grid, (rows, cols), (0, 1))


def add_border(grid: Grid, colour: int) -> Grid | None:
    """Put a frame of one colour around."""
    return np.pad(grid, 1, constant_values=colour) if max(grid.shape) + 2 <= MAX_SIDE else None


def add_own_border(grid: Grid) -> Grid | None:
    """Repeat the outermost cells once more on every side, with background in the corners."""
    if max(grid.shape) + 2 > MAX_SIDE:
        return None
    wide = np.pad(grid, 1, mode="edge")
    wide[[0, 0, -1, -1], [0, -1, 0, -1]] = 0
    return wide


def mirror_before(grid: Grid, axis: int) -> Grid | None:
    """Put a mirrored copy before the grid along an axis."""
    if grid.shape[axis] * 2 > MAX_SIDE:
        return None
    return np.concatenate([np.flip(grid, axis), grid], axis)


def corner(grid: Grid, rows: int, cols: int, bottom: bool, right: bool) -> Grid | None:
    """Cut a block of a size out of a corner."""
    if grid.shape[0] < rows or grid.shape[1] < cols or grid.shape == (rows, cols):
        return None
    part = grid[-rows:] if bottom else grid[:rows]
    return part[:, -cols:] if right else part[:, :cols]


def middle(grid: Grid, rows: int, cols: int) -> Grid | None:
    """Cut a block of a size out of the middle."""
    down, right = grid.shape[0] - rows, grid.shape[1] - cols
    if down < 0 or right < 0 or down % 2 or right % 2 or not down + right:
        return None
    return grid[down // 2 : down // 2 + rows, right // 2 : right // 2 + cols]
