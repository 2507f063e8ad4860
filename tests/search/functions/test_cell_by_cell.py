"""Functions that take shortcuts with whole arrays, against the same cell by cell."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from arc_affinity.search.functions import lines, paint, shapes, symmetry
from arc_affinity.search.regions import enclosed
from arc_affinity.types import Grid

RANDOM = np.random.default_rng(11)
GRIDS = [
    (RANDOM.integers(0, 4, size) * (RANDOM.random(size) < 0.45)).astype(np.uint8)
    for size in ((1, 1), (1, 7), (5, 1), (2, 3), (4, 4), (5, 7), (7, 5), (6, 6))
]
WAYS = (*lines.STRAIGHT_WAYS, *lines.DIAGONAL_WAYS)


def ahead(grid: Grid, row: int, col: int, way: tuple[int, int]) -> list[tuple[int, int]]:
    """The cells that a cell looks at in a direction, nearest first."""
    cells = []
    while 0 <= (row := row + way[0]) < grid.shape[0] and 0 <= (col := col + way[1]) < grid.shape[1]:
        cells.append((row, col))
    return cells


def first_colour(grid: Grid, row: int, col: int, way: tuple[int, int]) -> int:
    return next((int(grid[cell]) for cell in ahead(grid, row, col, way) if grid[cell]), 0)


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: "x".join(map(str, grid.shape)))
def test_lines_and_rays(grid: Grid) -> None:
    places = list(np.ndindex(grid.shape))
    for way in WAYS:
        back = (-way[0], -way[1])
        seen, shot = lines.seen(grid, way), lines.shoot(grid, (way,))
        for row, col in places:
            assert seen[row, col] == first_colour(grid, row, col, way)
            assert shot[row, col] == (grid[row, col] or first_colour(grid, row, col, back))
    across, slanted = lines.connect(grid, True, False), lines.connect_diagonally(grid)
    for row, col in places:
        ends = {way: first_colour(grid, row, col, way) for way in WAYS}
        between = ends[lines.LEFT] if ends[lines.LEFT] == ends[lines.RIGHT] else 0
        assert across[row, col] == (grid[row, col] or between)
        # The other diagonal is drawn last.
        diagonals = [ends[a] for a, b in (((1, -1), (-1, 1)), ((1, 1), (-1, -1))) if ends[a] == ends[b] > 0]
        assert slanted[row, col] == (grid[row, col] or next(iter(diagonals), 0))


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: "x".join(map(str, grid.shape)))
def test_the_largest_rectangle_is_the_first_of_the_largest(grid: Grid) -> None:
    best: tuple[int, tuple[slice, slice] | None] = (0, None)
    rows, cols = grid.shape
    for top, left in np.ndindex(rows, cols):
        for bottom, right in itertools.product(range(top + 1, rows + 1), range(left + 1, cols + 1)):
            area = (bottom - top) * (right - left)
            if area > best[0] and not grid[top:bottom, left:right].any():
                best = area, (slice(top, bottom), slice(left, right))
    found = paint.biggest_rectangle(grid == 0)
    assert (found is None) == (best[1] is None)
    if found is not None:
        size = (found[0].stop - found[0].start) * (found[1].stop - found[1].start)
        assert size == best[0] and not grid[found].any()


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: "x".join(map(str, grid.shape)))
def test_enclosed_cells_have_no_way_out(grid: Grid) -> None:
    free = {cell for cell in np.ndindex(grid.shape) if grid[cell] == 0}
    rows, cols = grid.shape
    out = {cell for cell in free if cell[0] in (0, rows - 1) or cell[1] in (0, cols - 1)}
    while more := {c for r, q in out for c in ((r + 1, q), (r - 1, q), (r, q + 1), (r, q - 1))} & free - out:
        out |= more
    assert {cell for cell in np.ndindex(grid.shape) if enclosed(grid == 0)[cell]} == free - out


@pytest.mark.parametrize("factor", [(2, 1), (1, 3), (2, 3), (3, 3)])
def test_what_was_enlarged_is_made_small_again(factor: tuple[int, int]) -> None:
    small = np.array([[1, 2, 1], [3, 2, 0]], np.uint8)
    np.testing.assert_array_equal(shapes.scale_down(np.kron(small, np.ones(factor, np.uint8))), small)
    assert shapes.scale_down(small) is None


@pytest.mark.parametrize("quarter", [False, True])
def test_a_completed_drawing_is_symmetric_and_has_the_fewest_new_cells(quarter: bool) -> None:
    full = np.array([[0, 1, 2, 1, 0], [1, 3, 0, 3, 1], [2, 0, 4, 0, 2], [1, 3, 0, 3, 1], [0, 1, 2, 1, 0]], np.uint8)
    for top, left, gone in ((0, 0, (0, 1)), (3, 2, (3, 3)), (1, 4, (4, 2)), (2, 0, (2, 4))):
        wanted = np.zeros((9, 10), np.uint8)
        wanted[top : top + 5, left : left + 5] = full
        given = wanted.copy()
        given[top + gone[0], left + gone[1]] = 0
        np.testing.assert_array_equal(symmetry.mirror_object(given, quarter), wanted)
        # Nothing is missing; or what is missing contradicts.
        assert symmetry.mirror_object(wanted, quarter) is None
        given[top + gone[0], left + gone[1]] = 9
        found = symmetry.mirror_object(given, quarter)
        assert found is None or not np.array_equal(found, wanted)


@pytest.mark.parametrize("grid", GRIDS[3:], ids=lambda grid: "x".join(map(str, grid.shape)))
def test_the_smallest_period_that_all_known_cells_keep(grid: Grid) -> None:
    rows, cols = grid.shape

    def keeps(r: int, c: int) -> bool:
        kinds: dict[tuple[int, int], set[int]] = {}
        for row, col in np.ndindex(rows, cols):
            if grid[row, col]:
                kinds.setdefault((row % r, col % c), set()).add(int(grid[row, col]))
        return all(len(each) == 1 for each in kinds.values())

    fitting = sorted((r * c, r, c) for r in range(1, rows + 1) for c in range(1, cols + 1) if keeps(r, c))
    smallest = next(((r, c) for area, r, c in fitting if 2 * area <= grid.size), None)
    found = symmetry.periods(grid, 0)
    # Rows and columns are looked at alone first, so what shows in both together only may be missed.
    assert found is None or found in [(r, c) for _, r, c in fitting]
    if found is not None and smallest is not None:
        assert found[0] * found[1] >= smallest[0] * smallest[1]


def test_a_pattern_is_continued_by_its_smallest_period() -> None:
    tile = np.array([[1, 2, 3], [4, 5, 1]], np.uint8)
    for rows, cols in ((4, 6), (5, 8), (7, 6)):
        whole = np.tile(tile, (5, 5))[:rows, :cols]
        holed = whole.copy()
        holed[1:3, 2:4] = 0
        assert symmetry.periods(holed, 0) == (2, 3)
        np.testing.assert_array_equal(symmetry.continue_pattern(holed), whole)
    assert symmetry.periods(tile, 0) is None
