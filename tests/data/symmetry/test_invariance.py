"""Views found to keep a rule, against re-arc's verifiers, which know the rule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from arc_affinity.data.generation.rearc import _function, generate_task
from arc_affinity.data.symmetry import invariance
from arc_affinity.data.symmetry.augment import DIHEDRALS, ColourPermutation, Dihedral
from arc_affinity.data.symmetry.invariance import FEWEST, LEVEL, free_colours, kept_dihedrals, kept_views
from arc_affinity.types import Pair

pytestmark = pytest.mark.many_steps

MIRROR, UPSIDE_DOWN = Dihedral(mirrored=True), Dihedral(2, mirrored=True)


def grids(count: int, seed: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 10, rng.integers(3, 8, 2), dtype=np.uint8) for _ in range(count)]


def to_the_right(grid: np.ndarray) -> np.ndarray:
    return np.roll(grid, 1, axis=1)


def test_copying_keeps_every_view() -> None:
    assert kept_dihedrals([Pair(grid, grid) for grid in grids(101)]) == list(DIHEDRALS)


def test_moving_to_the_right_keeps_turning_upside_down_alone() -> None:
    assert kept_dihedrals([Pair(grid, to_the_right(grid)) for grid in grids(101)]) == [Dihedral(), UPSIDE_DOWN]


def test_side_by_side_copies_keep_no_quarter_turn() -> None:
    kept = kept_dihedrals([Pair(grid, np.hstack([grid, grid])) for grid in grids(101)])
    assert set(kept) == {Dihedral(), Dihedral(2), MIRROR, UPSIDE_DOWN}


def test_a_named_colour_is_not_free() -> None:
    def paint(grid: np.ndarray) -> np.ndarray:
        return np.where(grid == 7, 3, grid).astype(np.uint8)

    free = free_colours([Pair(grid, paint(grid)) for grid in grids(211)])
    assert not {3, 7} & set(free) and len(free) == 8


def test_a_colour_that_never_comes_is_not_free() -> None:
    """Of such a colour nothing is known, and views that move only those would be copies that vote."""
    few = [Pair(grid % 3, grid % 3) for grid in grids(101)]
    assert free_colours(few) == [1, 2], "0 is what 0, 3, 6 and 9 became, so it comes more often"
    named = [Pair(grid % 4, np.where(grid % 4 == 3, 0, grid % 4).astype(np.uint8)) for grid in grids(211)]
    assert not set(free_colours(named)) & {3, 4, 5, 6, 7, 8, 9}
    seen = list(kept_views(few, 6, 0))
    assert all(view.parts[1].colours[3:] == tuple(range(3, 10)) for view in seen)
    assert any(view.parts[1].colours[1] == 2 for view in seen)


def test_few_pairs_tell_nothing() -> None:
    few = [Pair(grid, grid) for grid in grids(FEWEST - 1)]
    assert kept_dihedrals(few) == [Dihedral()] and free_colours(few) == []
    (only,) = kept_views(few, 13, 0)
    assert only.apply(few[0].input).tolist() == few[0].input.tolist()


def test_believed_views_move_all_but_black() -> None:
    few = [Pair(grid, grid) for grid in grids(3)]
    seen = list(kept_views(few, 41, 0, believe=True))
    assert len(seen) == 41 and {view.parts[0] for view in seen} == set(DIHEDRALS)
    colours = [view.parts[1] for view in seen]
    assert all(isinstance(each, ColourPermutation) and each.colours[0] == 0 for each in colours)
    again = list(kept_views(few, 41, 0, believe=True))
    assert seen == again


@pytest.mark.parametrize(
    ("shapes", "free", "most", "count"),
    [(2, 2, 16, 4), (2, 3, 16, 12), (8, 4, 256, 192), (1, 0, 7, 1), (4, 0, 7, 4), (8, 10, 41, 41)],
)
def test_no_view_comes_twice(shapes: int, free: int, most: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariance, "kept_dihedrals", lambda pairs: list(DIHEDRALS[:shapes]))
    monkeypatch.setattr(invariance, "free_colours", lambda pairs: list(range(free)))
    seen = list(kept_views([], most, 5))
    assert len(seen) == len(set(seen)) == count
    assert seen[0].parts == (Dihedral(), ColourPermutation())
    if count == shapes * math.factorial(free):
        assert {view.parts[0] for view in seen} == set(DIHEDRALS[:shapes])


@pytest.mark.parametrize("task", ["25ff71a9", "67a3c6ac", "a416b8f3", "4258a5f9"])
def test_every_view_kept_is_right_by_the_verifier(task: str) -> None:
    pairs = generate_task(task, 101, 0).pairs
    verify = _function("verifiers", "verify_", task)
    for view in list(kept_views(pairs, 11, 0)):
        for pair in map(view.apply_pair, pairs[:7]):
            assert pair.output is not None
            assert verify(tuple(map(tuple, pair.input.tolist()))) == tuple(map(tuple, pair.output.tolist()))


def plain_numbers(query: list[list[int]], output: list[list[int]]) -> Iterator[float]:
    """What a pair is compared by, cell by cell."""
    yield from (math.log(side) for grid in (query, output) for side in (len(grid), len(grid[0])))
    cells = list(itertools.product(range(len(output)), range(len(output[0]))))
    for view in DIHEDRALS:
        seen = view.apply(np.array(query, np.uint8)).tolist()
        high, wide = min(len(seen), len(output)), min(len(seen[0]), len(output[0]))
        for bottom, right in itertools.product((0, 1), (0, 1)):
            down, over = bottom * (len(output) - high), right * (len(output[0]) - wide)
            far, off = bottom * (len(seen) - high), right * (len(seen[0]) - wide)
            laid = [output[i + down][j + over] == seen[i + far][j + off] for i in range(high) for j in range(wide)]
            yield sum(laid) / len(laid)
    same = (len(query), len(query[0])) == (len(output), len(output[0]))
    changed = [(i, j) for i, j in cells if not same or query[i][j] != output[i][j]]
    for source in (query, output) if same else (output, output):
        for down, right in itertools.product(range(-2, 3), range(-2, 3)):
            inside = [(i, j) for i, j in changed if (i + down, j + right) in cells]
            yield sum(output[i][j] == source[i + down][j + right] for i, j in inside) / max(1, len(changed))
    for grid in (query, output):
        flat = [cell for row in grid for cell in row]
        common = min(set(flat), key=lambda colour: (-flat.count(colour), colour))
        yield from centre([(i, j) for i, row in enumerate(grid) for j, cell in enumerate(row) if cell != common], grid)
    yield from centre(changed if same else [], output)


def centre(cells: list[tuple[int, int]], grid: list[list[int]]) -> tuple[float, ...]:
    sides = len(grid), len(grid[0])
    return tuple(sum(cell[k] + 0.5 for cell in cells) / len(cells) / sides[k] if cells else 0.5 for k in (0, 1))


@pytest.mark.parametrize(
    ("query", "output"),
    [
        ([[1, 1, 2], [1, 3, 1], [4, 1, 1], [1, 1, 1]], [[1, 1, 2], [2, 3, 1], [4, 1, 3], [1, 1, 1]]),
        ([[1, 0, 2], [0, 3, 0]], [[1, 0, 2], [0, 3, 0]]),
        ([[5, 0, 2], [0, 3, 0]], [[5, 0, 2, 0, 2], [0, 3, 0, 0, 1], [2, 0, 5, 0, 2]]),
        ([[7]], [[7, 2]]),
    ],
    ids=["changed", "the same", "larger", "one cell"],
)
def test_numbers_of_a_pair(query: list[list[int]], output: list[list[int]]) -> None:
    found = invariance._numbers(Pair(np.array(query, np.uint8), np.array(output, np.uint8)))
    np.testing.assert_allclose(found, list(plain_numbers(query, output)))


def test_numbers_of_a_colour() -> None:
    pair = Pair(np.array([[1, 1, 2]], np.uint8), np.array([[2, 3]], np.uint8))
    found = invariance._colour_numbers(pair).tolist()
    assert found[:4] == [[0, 0, 0, 0], [1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 0]] and not np.any(found[4:])


def test_a_mean_is_told_from_0_at_the_level_of_students_t() -> None:
    column = stats.zscore(np.array([2.0, 3, 5, 7, 11, 13, 17]), ddof=1)
    limit = stats.t.isf(LEVEL / 2, 6) / math.sqrt(7)
    for shift, told in ((0.999 * limit, False), (1.001 * limit, True), (-1.001 * limit, True)):
        assert invariance._mean_is_not_zero(np.stack([column, column + shift], axis=1)) == told
        assert (stats.ttest_1samp(column + shift, 0).pvalue < LEVEL) == told
    assert invariance._mean_is_not_zero(np.array([[0.0, 2.0]] * 3))
    assert not invariance._mean_is_not_zero(np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ([Dihedral(1)], []),
        ([Dihedral(2), MIRROR], [MIRROR]),
        ([Dihedral(1), Dihedral(2), Dihedral(3), MIRROR], [Dihedral(1), Dihedral(2), Dihedral(3)]),
    ],
)
def test_views_that_are_no_group_were_only_not_caught(
    seen: list[Dihedral], kept: list[Dihedral], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariance, "_differ", lambda original, pairs, view: view not in seen)
    assert kept_dihedrals([Pair(grid, grid) for grid in grids(FEWEST)]) == [Dihedral(), *kept]
