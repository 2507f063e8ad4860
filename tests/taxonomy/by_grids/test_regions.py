"""Objects and holes against a flood fill written out, and what outlines are equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from arc_affinity.taxonomy.by_grids.regions import MOST, Scene, connected
from arc_affinity.types import COLOURS

GRIDS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 11)), elements=st.integers(0, 2))


def flooded(grid: np.ndarray, mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """Connected sets, diagonal neighbours included, by a flood fill."""
    left = {tuple(spot) for spot in np.argwhere(mask).tolist()}
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    sets = []
    while left:
        waiting, found = [left.pop()], set()
        while waiting:
            here = waiting.pop()
            found.add(here)
            near = [(here[0] + i, here[1] + j) for i, j in steps]
            joined = [spot for spot in near if spot in left and grid[spot] == grid[here]]
            left -= set(joined)
            waiting += joined
        sets.append(found)
    return sets


@given(GRIDS)
def test_connected_sets_are_those_of_a_flood_fill(grid):
    mask = grid > 0
    labels = connected(grid, mask)
    found = [{tuple(spot) for spot in np.argwhere(labels == n).tolist()} for n in range(labels.max() + 1)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, flooded(grid, mask)))
    assert ((labels >= 0) == mask).all()


def test_a_snake_is_one_thing():
    grid = np.zeros((29, 30), np.uint8)
    grid[::2] = 1
    grid[1::4, -1] = grid[3::4, 0] = 1
    assert connected(grid, grid > 0).max() == 0


def test_things_by_hand():
    grid = np.array([[0, 3, 3, 0, 0], [0, 3, 0, 0, 5], [0, 0, 0, 4, 0]], np.uint8)
    scene = Scene(grid)
    assert scene.background == 0
    first, *others = scene.things
    assert (first.place, first.size, first.cells.tolist()) == ((0, 1), 3, [[3, 3], [3, COLOURS]])
    assert sorted((thing.place, thing.size) for thing in others) == [((1, 4), 1), ((2, 3), 1)]
    assert [(thing.place, thing.size) for thing in scene.groups] == [((0, 1), 3), ((1, 3), 2)]


def test_outlines_and_looks():
    grid = np.array(
        [[1, 1, 0, 2, 0, 0], [1, 0, 0, 2, 2, 0], [0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    )
    one, other, third = sorted(Scene(grid.astype(np.uint8)).things, key=lambda thing: thing.place)
    assert one.look == third.look != other.look
    assert one.shape == third.shape != other.shape
    assert one.turned_shape == other.turned_shape == third.turned_shape


def test_enclosed_cells():
    ring = np.array([[0, 0, 0, 0, 0], [0, 7, 7, 7, 0], [0, 7, 0, 7, 0], [0, 7, 7, 7, 0], [0, 0, 0, 0, 0]], np.uint8)
    assert np.argwhere(Scene(ring).enclosed).tolist() == [[2, 2]]
    open_ = ring.copy()
    open_[1, 2] = 0
    assert not Scene(open_).enclosed.any()


@settings(max_examples=30)
@given(arrays.arrays(np.uint8, (23, 29), elements=st.integers(0, 9)))
def test_noise_is_kept_within_bounds(grid):
    assert len(Scene(grid).things) <= MOST


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (30, 30)])
def test_one_colour(shape):
    scene = Scene(np.full(shape, 7, np.uint8))
    assert (scene.things, scene.groups, scene.enclosed.any()) == ((), (), False)
