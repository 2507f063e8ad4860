"""The gap by hand, its thresholds, its profiles, and the published counts."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.diagnosis.gap import (
    UNLABELLED,
    Profile,
    TaskAccuracy,
    Thresholds,
    by_category,
    group_gap,
    has_gap,
    profile,
    sensitivity,
)
from arc_affinity.errors import ArcAffinityError

TASKS = (
    TaskAccuracy("a", 0.99, 0.95),
    TaskAccuracy("b", 0.90, 0.50),
    TaskAccuracy("c", 0.90, 0.05),
    TaskAccuracy("d", 0.85, 0.00),
    TaskAccuracy("e", 0.40, 0.00),
)


def test_profiles_by_hand():
    assert [profile(task) for task in TASKS] == [
        Profile.SOLVED,
        Profile.PARTIAL,
        Profile.COMPOSITIONAL_FAILURE,
        Profile.COMPOSITIONAL_FAILURE,
        Profile.LOW_AFFINITY,
    ]


def test_thresholds_themselves_are_no_gap():
    assert not has_gap(TaskAccuracy("x", 0.80, 0.0))
    assert not has_gap(TaskAccuracy("x", 1.0, 0.10))
    assert profile(TaskAccuracy("x", 0.80, 0.0)) is Profile.LOW_AFFINITY
    assert has_gap(TaskAccuracy("x", 0.80, 0.0), Thresholds(cells=0.79))
    for wrong in ({"cells": 80}, {"grids": -0.1}, {"grids": 0.95}):
        with pytest.raises(ArcAffinityError):
            Thresholds(**wrong)


def test_a_group_by_hand():
    found = group_gap(TASKS)
    assert (found.tasks, found.count, found.share.value) == (5, 2, 0.4)
    assert found.cells.value == pytest.approx(4.04 / 5)
    assert found.grids.value == pytest.approx(1.5 / 5)
    assert found.difference.value == pytest.approx(2.54 / 5)
    assert list(found.profiles.values()) == [1, 1, 2, 1]


def test_groups_of_one_and_none_say_that_they_have_no_interval():
    one = group_gap(TASKS[:1])
    assert (one.cells.value, one.cells.low) == (0.99, None)
    assert "one task" in one.cells.reason
    none = group_gap([])
    assert (none.share.value, none.cells.value) == (None, None)
    assert none.share.reason


def test_categories_in_order_and_tasks_without_one_apart():
    found = by_category(TASKS, {"a": "A2", "b": "S1", "c": "S1", "d": "ambiguous"})
    assert list(found) == ["S1", "A2", "ambiguous", UNLABELLED]
    assert [len(each) for each in found.values()] == [2, 1, 1, 1]


def test_sensitivity_is_the_count_at_every_pair():
    found = sensitivity(TASKS)
    assert found.pairs == 66
    for row, cells in enumerate(found.cells):
        for column, grids in enumerate(found.grids):
            count = sum(has_gap(task, Thresholds(cells=cells, grids=grids)) for task in TASKS)
            assert found.counts[row, column] == count
    assert found.over_half == 0


def test_sensitivity_of_nothing_is_undefined():
    found = sensitivity([])
    assert (found.shares, found.over_half) == (None, None)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=7))
def test_every_task_has_one_profile_and_sensitivity_is_monotone(pairs):
    tasks = [TaskAccuracy(str(i), *pair) for i, pair in enumerate(pairs)]
    found = group_gap(tasks)
    assert sum(found.profiles.values()) == len(tasks)
    assert found.profiles[Profile.COMPOSITIONAL_FAILURE] == found.count
    counts = sensitivity(tasks).counts
    assert (np.diff(counts, axis=0) <= 0).all()
    assert (np.diff(counts, axis=1) >= 0).all()


def test_the_published_counts(shared):
    with (shared / "reference" / "lora_302_tasks.csv").open() as file:
        rows = list(csv.DictReader(file))
    tasks = [
        TaskAccuracy(r["task_id"], float(r["final_cell_pct"]) / 100, float(r["final_grid_pct"]) / 100) for r in rows
    ]
    assert (group_gap(tasks).count, len(tasks)) == (210, 302)
    swept = sensitivity(tasks)
    assert (swept.over_half, swept.pairs) == (43, 66)
    # The two published shares belong to pairs that are tried, not to those that are named (85/5 and 75/15).
    assert f"{100 * swept.shares[swept.cells.index(0.85), swept.grids.index(0.06)]:.1f}" == "56.3"
    assert f"{100 * swept.shares[swept.cells.index(0.75), swept.grids.index(0.14)]:.1f}" == "73.2"
