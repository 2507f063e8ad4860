"""Metrics by hand, and as properties of arbitrary grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.scoring.metrics import (
    ButFirst,
    Metrics,
    Protocol,
    cell_accuracy,
    change_accuracy,
    copy_accuracy,
    exact_match,
    measure,
    measure_but_first,
    pass_at_k,
    size_match,
)

SIDES = st.integers(1, 7)
GRIDS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 9)))


def test_a_prediction_of_the_targets_size(grid):
    query = grid([[1, 1, 1], [1, 1, 1]])
    target = grid([[1, 1, 2], [2, 2, 1]])
    prediction = grid([[1, 0, 2], [1, 2, 1]])
    # Kept: (0,0) right, (0,1) wrong, (1,2) right. Changed: (0,2) right, (1,0) wrong, (1,1) right.
    assert measure(prediction, query, target) == Metrics(False, 4 / 6, True, 2 / 3, 2 / 3)


def test_missing_cells_are_wrong_and_extra_cells_do_not_count(grid):
    target = grid([[1, 2, 3], [4, 5, 6]])
    assert cell_accuracy(grid([[1, 2]]), target) == 2 / 6
    assert cell_accuracy(grid([[1, 2, 3, 9], [4, 5, 6, 9], [9, 9, 9, 9]]), target) == 1.0
    assert not exact_match(grid([[1, 2, 3, 9], [4, 5, 6, 9]]), target)
    assert not size_match(grid([[1, 2], [3, 4], [5, 6]]), target)


def test_no_prediction_is_all_wrong(grid):
    query, target = grid([[1, 2]]), grid([[1, 3]])
    assert measure(None, query, target) == Metrics(False, 0.0, False, 0.0, 0.0)


def test_the_published_measurement_leaves_the_first_cell_out(grid):
    target = grid([[1, 2], [3, 4]])
    assert measure_but_first(grid([[9, 2], [3, 4]]), target) == ButFirst(exact=True, cell_accuracy=1.0)
    assert measure_but_first(grid([[1, 2], [3, 9]]), target) == ButFirst(exact=False, cell_accuracy=2 / 3)
    # Other sizes are never exact, and of one cell nothing is left to tell.
    assert measure_but_first(grid([[1, 2, 0], [3, 4, 0]]), target) == ButFirst(exact=False, cell_accuracy=1.0)
    assert measure_but_first(None, target) == ButFirst(exact=False, cell_accuracy=0.0)
    assert measure_but_first(grid([[1]]), grid([[1]])) == ButFirst(exact=None, cell_accuracy=None)


def test_a_withheld_target_leaves_everything_undefined(grid):
    assert measure(grid([[1]]), grid([[1]]), None) == Metrics(None, None, None, None, None)


def test_copy_and_change_are_undefined_rather_than_zero(grid):
    one, other = grid([[1, 2]]), grid([[3, 4]])
    assert copy_accuracy(one, grid([[1]]), one) is None
    assert change_accuracy(one, grid([[1]]), one) is None
    assert change_accuracy(one, one, one) is None
    assert copy_accuracy(one, other, one) is None
    assert copy_accuracy(one, one, one) == change_accuracy(one, other, one) == 1.0


@given(GRIDS, GRIDS, GRIDS)
def test_cell_accuracy_is_copy_and_change_accuracy_weighted(prediction, query, target):
    copied, changed = copy_accuracy(prediction, query, target), change_accuracy(prediction, query, target)
    if query.shape != target.shape:
        assert copied is None
        assert changed is None
        return
    kept = float((query == target).mean())
    whole = kept * (copied or 0.0) + (1 - kept) * (changed or 0.0)
    assert cell_accuracy(prediction, target) == pytest.approx(whole)


@given(GRIDS, GRIDS)
def test_exact_means_every_cell_and_the_size(prediction, target):
    whole = cell_accuracy(prediction, target) == 1.0 and size_match(prediction, target)
    assert exact_match(prediction, target) == whole
    assert exact_match(target, target)


@given(GRIDS, GRIDS)
def test_cell_accuracy_against_a_loop(prediction, target):
    right = 0
    for (row, col), colour in np.ndenumerate(target):
        inside = row < prediction.shape[0] and col < prediction.shape[1]
        right += bool(inside and prediction[row, col] == colour)
    assert cell_accuracy(prediction, target) == pytest.approx(right / target.size)


@given(st.lists(st.booleans(), max_size=7), st.integers(1, 11), st.integers(1, 11))
def test_pass_at_k_only_grows_with_k(exact, k, more):
    assert pass_at_k(exact, k) <= pass_at_k(exact, k + more)


def test_pass_at_k_counts_the_first_k():
    assert not pass_at_k([False, False, True], 2)
    assert pass_at_k([False, True], 2)
    assert not pass_at_k([], 2)
    with pytest.raises(ArcAffinityError, match="1 or more, not 0"):
        pass_at_k([True], 0)


def test_protocols_by_name():
    assert Protocol.named("sized") is Protocol.SIZED
    with pytest.raises(ArcAffinityError, match="did you mean 'teacher_forced'"):
        Protocol.named("teacher-forced")
