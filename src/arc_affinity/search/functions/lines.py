"""Functions that draw lines or let cells fall."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from arc_affinity.search.regions import label_mask
from arc_affinity.search.values import Labels
from arc_affinity.types import Grid

UP, DOWN, LEFT, RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
STRAIGHT_WAYS = (UP, DOWN, LEFT, RIGHT)
DIAGONAL_WAYS = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def moved(grid: Grid, way: tuple[int, int], outside: int = 0) -> Grid:
    """Return the grid moved by so many rows and columns; what comes in is ``outside``."""
    result = np.full_like(grid, outside)
    down, right = way
    rows, cols = grid.shape
    to = (slice(max(down, 0), rows + min(down, 0)), slice(max(right, 0), cols + min(right, 0)))
    origin = (slice(max(-down, 0), rows + min(-down, 0)), slice(max(-right, 0), cols + min(-right, 0)))
    result[to] = grid[origin]
    return result


def shoot(grid: Grid, ways: tuple[tuple[int, int], ...], colour: int = 0) -> Grid:
    """Draw a ray from every cell (of one colour, or of any if 0) over background, until something is met."""
    result = grid.copy()
    empty = grid == 0
    for way in ways:
        ray = seen(grid, (-way[0], -way[1]))
        drawn = empty & (result == 0) & ((ray == colour) if colour else (ray > 0))
        result[drawn] = ray[drawn]
    return result


def shoot_through(grid: Grid, ways: tuple[tuple[int, int], ...], colour: int) -> Grid:
    """Draw a ray from every cell of one colour to the border, under everything that is there."""
    only = np.where(grid == colour, grid, np.uint8(0))
    return np.where(grid > 0, grid, shoot(only, ways))


def connect(grid: Grid, rows: bool, cols: bool, colour: int = 0) -> Grid:
    """Join cells of the same colour in a row or column by a line, where only background lies between.

    The line has ``colour``, or that of its ends if 0.
    """
    result = grid.copy()
    for wanted, turned in ((rows, False), (cols, True)):
        if not wanted:
            continue
        source, target = (grid.T, result.T) if turned else (grid, result)
        before, after = _next_colour(source, True), _next_colour(source, False)
        joined = (source == 0) & (before == after) & (before > 0)
        target[joined] = colour if colour else before[joined]
    return result


def connect_diagonally(grid: Grid) -> Grid:
    """Join cells of the same colour on a diagonal by a line, where only background lies between."""
    result = grid.copy()
    for way in ((1, 1), (1, -1)):
        ahead = shoot(grid, (way,))
        back = shoot(grid, ((-way[0], -way[1]),))
        result = np.where((grid == 0) & (ahead == back) & (ahead > 0), ahead, result)
    return result


def _next_colour(grid: Grid, before: bool) -> Grid:
    """The first colour, background aside, before (or after) each cell in its row; its own included; 0 if none."""
    source = grid if before else grid[:, ::-1]
    places = np.where(source > 0, np.arange(grid.shape[1]), -1)
    last = np.maximum.accumulate(places, 1)
    found = np.where(last >= 0, np.take_along_axis(source, np.maximum(last, 0), 1), np.uint8(0))
    return found if before else found[:, ::-1]


def seen(grid: Grid, way: tuple[int, int]) -> Grid:
    """Return the first colour besides background that each cell sees in a direction, itself aside; 0 if none."""
    if way[0] == 0:
        return _seen_before(grid) if way == LEFT else _seen_before(grid[:, ::-1])[:, ::-1]
    if way[1] == 0:
        return seen(grid.T, way[::-1]).T
    if way[1] < 0:
        return seen(grid[:, ::-1], (way[0], 1))[:, ::-1]
    if way[0] > 0:
        return seen(grid[::-1], (-1, 1))[::-1]
    # Up to the right: move row i by i to the right, so that such diagonals stand upright.
    rows, cols = grid.shape
    wide = cols + rows - 1
    upright = np.pad(grid, ((0, 0), (0, rows))).ravel()[: rows * wide].reshape(rows, wide)
    found = np.pad(_seen_before(upright.T).T.ravel(), (0, rows)).reshape(rows, cols + rows)
    return found[:, :cols]


def _seen_before(grid: Grid) -> Grid:
    """The first colour besides background before each cell in its row, itself aside."""
    step = np.zeros_like(grid)
    step[:, 1:] = _next_colour(grid, True)[:, :-1]
    return step


def full_rows(grid: Grid) -> Grid:
    """Give every row that has a colour that colour throughout; where there are several, the first."""
    first = np.where(grid > 0, grid, 0)
    index = (first > 0).argmax(1)
    return np.broadcast_to(first[np.arange(len(grid)), index][:, None], grid.shape).copy()


def full_cols(grid: Grid) -> Grid:
    """Give every column that has a colour that colour throughout; where there are several, the first."""
    return full_rows(grid.T).T


def cross(grid: Grid) -> Grid:
    """Draw a full row and a full column through every cell, under what is there; columns lie over rows."""
    rows, cols = full_rows(grid), full_cols(grid)
    return np.where(grid > 0, grid, np.where(cols > 0, cols, rows))


def fall(grid: Grid, way: tuple[int, int]) -> Grid:
    """Let every cell fall on its own to one side."""
    turned = turn(grid, way)
    order = np.argsort(turned > 0, axis=0, kind="stable")
    return turn_back(np.take_along_axis(turned, order, 0), way)


def fall_whole(grid: Grid, way: tuple[int, int]) -> Grid:
    """Let objects (cells that touch straight, whatever their colour) fall to one side together, each as a whole."""
    turned = turn(grid, way).copy()
    labels, count = label_mask(turned > 0)
    for _ in range(len(turned)):
        falls = ~_held(labels, count)[labels] & (labels > 0)
        if not falls.any():
            break
        for each in (turned, labels):
            moved = np.where(falls, each, 0)
            each[falls] = 0
            each[1:] += moved[:-1]
    return turn_back(turned, way)


def _held(labels: Labels, count: int) -> Bool[np.ndarray, "objects"]:
    """Which objects, by their number, rest on the lowest row, themselves or by way of others."""
    above, below = labels[:-1], labels[1:]
    rests = (above > 0) & (below > 0) & (above != below)
    held, before = np.zeros(count + 1, bool), -1
    held[labels[-1]] = True
    held[0] = False
    while held.sum() > before:
        before = held.sum()
        held[above[rests & held[below]]] = True
    return held


def turn(grid: np.ndarray, way: tuple[int, int]) -> np.ndarray:
    """Turn so that a direction points downwards."""
    return {DOWN: grid, UP: grid[::-1], RIGHT: grid.T, LEFT: grid.T[::-1]}[way]


def turn_back(grid: np.ndarray, way: tuple[int, int]) -> np.ndarray:
    """Undo `turn`."""
    return {DOWN: grid, UP: grid[::-1], RIGHT: grid.T, LEFT: grid[::-1].T}[way]


def sort_lines(grid: Grid, axis: int, descending: bool) -> Grid:
    """Sort rows (axis 0) or columns (axis 1) by how many cells they have that are not background."""
    counts = np.count_nonzero(grid, axis=1 - axis)
    return np.take(grid, np.argsort(-counts if descending else counts, kind="stable"), axis)
