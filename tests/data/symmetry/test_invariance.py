"""Views found to keep a rule, against re-arc's verifiers, which know the rule."""

from __future__ import annotations

import numpy as np
import pytest

from arc_affinity.data.generation.rearc import _function, generate_task
from arc_affinity.data.symmetry.augment import DIHEDRALS, ColourPermutation, Dihedral
from arc_affinity.data.symmetry.invariance import FEWEST, free_colours, kept_dihedrals, kept_views
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


@pytest.mark.parametrize("task", ["25ff71a9", "67a3c6ac", "a416b8f3", "4258a5f9"])
def test_every_view_kept_is_right_by_the_verifier(task: str) -> None:
    pairs = generate_task(task, 101, 0).pairs
    verify = _function("verifiers", "verify_", task)
    for view in list(kept_views(pairs, 11, 0)):
        for pair in map(view.apply_pair, pairs[:7]):
            assert pair.output is not None
            assert verify(tuple(map(tuple, pair.input.tolist()))) == tuple(map(tuple, pair.output.tolist()))
