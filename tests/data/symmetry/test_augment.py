"""Every augmentation with its inverse; the dihedral group's table."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.data.symmetry.augment import (
    DIHEDRALS,
    Augmentation,
    ColourPermutation,
    Compose,
    Dihedral,
    draw_colours,
    drawn_view,
    views,
)
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Example, Pair

GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 11), st.integers(1, 11)), elements=st.integers(0, 9))
PLANS = st.lists(st.one_of(st.integers(0, 7), st.permutations(range(10))), min_size=1, max_size=5)
"""Numbers of views, and orders of colours."""
SEEDS = st.integers(0, 2**32)


def grid(*rows: str) -> np.ndarray:
    return np.array([[int(cell) for cell in row] for row in rows], np.uint8)


def planned(plan: list[int | list[int]]) -> Augmentation:
    parts = [DIHEDRALS[p] if isinstance(p, int) else ColourPermutation(tuple(p)) for p in plan]
    return parts[0] if len(parts) == 1 else Compose(tuple(parts))


@given(GRIDS, PLANS)
def test_the_inverse_undoes_and_is_undone(cells: np.ndarray, plan: list[int | list[int]]) -> None:
    change = planned(plan)
    before = cells.copy()
    assert np.array_equal(change.inverse.apply(change.apply(cells)), before)
    assert np.array_equal(change.apply(change.inverse.apply(cells)), before)
    assert change.inverse.inverse == change
    assert np.array_equal(cells, before)


@given(GRIDS, PLANS)
def test_what_comes_out_is_a_grid(cells: np.ndarray, plan: list[int | list[int]]) -> None:
    change = planned(plan)
    changed = change.apply(cells)
    assert changed.dtype == np.uint8
    assert changed.flags.c_contiguous
    assert sorted(changed.shape) == sorted(cells.shape)


@pytest.mark.parametrize(
    ("view", "seen"),
    [
        (Dihedral(0), ("123", "456")),
        (Dihedral(1), ("36", "25", "14")),
        (Dihedral(2), ("654", "321")),
        (Dihedral(3), ("41", "52", "63")),
        (Dihedral(0, True), ("321", "654")),
        (Dihedral(1, True), ("14", "25", "36")),
        (Dihedral(2, True), ("456", "123")),
        (Dihedral(3, True), ("63", "52", "41")),
    ],
)
def test_the_eight_views_by_hand(view: Dihedral, seen: tuple[str, ...]) -> None:
    assert np.array_equal(view.apply(grid("123", "456")), grid(*seen))


def test_the_eight_views_differ_and_begin_with_the_identity() -> None:
    cells = grid("12", "34")
    assert len({view.apply(cells).tobytes() for view in DIHEDRALS}) == 8
    assert DIHEDRALS[0] == Dihedral()
    assert np.array_equal(DIHEDRALS[0].apply(cells), cells)


def test_the_group_s_table() -> None:
    cells = grid("123", "456")
    for first, second in itertools.product(DIHEDRALS, repeat=2):
        assert np.array_equal(first.then(second).apply(cells), second.apply(first.apply(cells)))
    for first in DIHEDRALS:
        assert {first.then(second) for second in DIHEDRALS} == set(DIHEDRALS)
        assert first.then(first.inverse) == Dihedral()


@pytest.mark.parametrize("turns", [-1, 4])
def test_no_such_view(turns: int) -> None:
    with pytest.raises(ArcAffinityError, match=f"{turns} quarter turns"):
        Dihedral(turns)


def test_a_colour_takes_the_other_s_place() -> None:
    swap = ColourPermutation((0, 2, 1, 3, 4, 5, 6, 7, 9, 8))
    assert np.array_equal(swap.apply(grid("0123", "4789")), grid("0213", "4798"))
    shift = ColourPermutation((1, 2, 3, 4, 5, 6, 7, 8, 9, 0))
    assert shift.inverse == ColourPermutation((9, 0, 1, 2, 3, 4, 5, 6, 7, 8))


@pytest.mark.parametrize("colours", [(), (0,) * 10, tuple(range(11)), tuple(range(1, 11))])
def test_no_permutation(colours: tuple[int, ...]) -> None:
    with pytest.raises(ArcAffinityError, match="not a permutation"):
        ColourPermutation(colours)


@given(SEEDS, st.sets(st.integers(0, 9)))
def test_fixed_colours_stay(seed: int, fixed: set[int]) -> None:
    drawn = draw_colours(random.Random(seed), fixed)
    assert all(drawn.colours[colour] == colour for colour in fixed)
    assert drawn == draw_colours(random.Random(seed), fixed)


def test_every_free_colour_goes_everywhere() -> None:
    rng = random.Random(0)
    drawn = [draw_colours(rng, fixed=(0, 3)) for _ in range(997)]
    free = {1, 2, 4, 5, 6, 7, 8, 9}
    assert all({each.colours[colour] for each in drawn} == free for colour in free)


def test_a_composition_applies_in_order_and_undoes_in_reverse() -> None:
    cells = grid("10", "00", "00")
    turn, mirror = Dihedral(3), Dihedral(0, True)
    both = Compose((turn, mirror))
    assert np.array_equal(both.apply(cells), grid("100", "000"))
    assert np.array_equal(both.inverse.apply(grid("100", "000")), cells)
    assert both.inverse == Compose((mirror, Dihedral(1)))
    assert Compose((mirror, turn)).apply(cells).tolist() != both.apply(cells).tolist()


def test_no_parts_change_nothing() -> None:
    assert np.array_equal(Compose().apply(grid("12")), grid("12"))
    assert Compose().inverse == Compose()


def test_pairs_and_examples() -> None:
    change = Compose((Dihedral(1), ColourPermutation((9, *range(9)))))
    pair, withheld = Pair(grid("12"), grid("3")), Pair(grid("45"), None)
    changed, kept = change.apply_pair(pair), change.apply_pair(withheld)
    assert changed.output is not None
    assert (changed.input.tolist(), changed.output.tolist()) == ([[1], [0]], [[2]])
    assert (kept.input.tolist(), kept.output) == ([[4], [3]], None)
    example = change.apply_example(Example("a", 7, withheld, (pair,)))
    assert (example.task_id, example.index, len(example.demonstrations)) == ("a", 7, 1)
    assert example.query.input.tolist() == [[4], [3]]
    assert example.demonstrations[0].input.tolist() == [[1], [0]]


def test_drawn_views_are_all_there_are_and_keep_colours_of_the_rule() -> None:
    """Black stays, and 8, which outputs alone have; 3 moves, as the query's output alone has it and is not known."""
    shown = Pair(grid("012", "045"), grid("888", "012"))
    example = Example("a", 7, Pair(grid("067"), grid("083")), (shown,))
    drawn = [drawn_view(example, np.random.default_rng(seed)) for seed in range(211)]
    assert {view.parts[0] for view in drawn} == set(DIHEDRALS)
    colours = [view.parts[1].colours for view in drawn]
    assert all((each[0], each[8]) == (0, 8) for each in colours)
    assert {each[3] for each in colours} == {*range(1, 8), 9}
    assert drawn[5] == drawn_view(example, np.random.default_rng(5))


def test_views_are_distinct_and_begin_with_the_identity() -> None:
    drawn = list(views(211, seed=3))
    assert len(set(drawn)) == 211
    assert drawn[0] == Compose((Dihedral(), ColourPermutation()))
    assert drawn == list(views(211, seed=3))
    assert drawn != list(views(211, seed=5))
    assert drawn[:17] == list(views(17, seed=3))
    assert all(view.parts[1].colours[0] == 0 for view in drawn)


def test_views_come_equally_often() -> None:
    shapes = [view.parts[0] for view in views(24)]
    assert sorted(map(shapes.count, DIHEDRALS)) == [3] * 8
    assert set(shapes[:8]) == set(DIHEDRALS)


def test_views_in_the_original_colours() -> None:
    plain = list(views(8, fixed=range(10)))
    assert {view.parts[0] for view in plain} == set(DIHEDRALS)
    assert {view.parts[1] for view in plain} == {ColourPermutation()}


def test_all_views_that_there_are() -> None:
    fixed = (0, 1, 2, 3, 4, 5, 6)
    assert len(set(views(8 * math.factorial(3), fixed=fixed))) == 48
    with pytest.raises(ArcAffinityError, match="49 views asked for; there are 48"):
        list(views(49, fixed=fixed))
    with pytest.raises(ArcAffinityError, match="-1 views"):
        list(views(-1))
    assert list(views(0)) == []
