"""Levels, ceilings, and concentration beside the base rate."""

from __future__ import annotations

import pytest

from arc_affinity.diagnosis.affinity import (
    agreement,
    ceilings,
    concentration,
    concentration_by_category,
    theoretical,
)
from arc_affinity.diagnosis.gap import TaskAccuracy
from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics import mean, spearman
from arc_affinity.taxonomy.categories import Affinity, empirical_affinity

CATEGORIES = {"a": "C1", "b": "S1", "c": "S3", "d": "A2", "e": "ambiguous"}


def names(count, prefix="t"):
    return [f"{prefix}{i}" for i in range(count)]


def test_levels():
    assert [theoretical(code) for code in ("C1", "L1", "A1", "A2")] == list(Affinity)
    assert theoretical("ambiguous") is None
    assert theoretical("unlabelled") is None
    found = [empirical_affinity(cells) for cells in (0.69, 0.70, 0.85, 0.86)]
    assert found == [Affinity.LOW, Affinity.MEDIUM, Affinity.MEDIUM, Affinity.HIGH]


def test_agreement_leaves_out_tasks_without_level():
    base = {"a": 0.9, "b": 0.8, "c": 0.6, "d": 0.5, "e": 0.99, "unknown": 0.1}
    found = agreement(base, CATEGORIES)
    assert found.tasks == 4
    assert {pair: n for pair, n in found.table.items() if n} == {
        (Affinity.HIGH, Affinity.HIGH): 1,
        (Affinity.MEDIUM, Affinity.MEDIUM): 1,
        (Affinity.LOW, Affinity.LOW): 1,
        (Affinity.VERY_LOW, Affinity.LOW): 1,
    }
    assert found.rank == spearman([3.0, 2.0, 1.0, 0.0], [0.9, 0.8, 0.6, 0.5])


def test_ceilings_have_intervals_where_there_are_tasks_enough():
    tasks = [TaskAccuracy("a", 0.9, 0.5), TaskAccuracy("b", 0.8, 0.3), TaskAccuracy("b2", 0.6, 0.3)]
    found = ceilings(tasks, {**CATEGORIES, "b2": "S1"})
    assert list(found) == ["S1", "C1"]
    assert found["S1"].cells == mean([0.8, 0.6])
    assert found["S1"].best.task_id == "b"
    assert found["S1"].grids.low is None
    assert (found["C1"].tasks, found["C1"].affinity) == (1, Affinity.HIGH)
    assert "one task" in found["C1"].cells.reason


def test_a_share_near_its_base_rate_is_no_concentration():
    tasks, group = names(302), names(206)
    failed = [*names(144), *names(302)[206 : 206 + 66]]
    found = concentration(failed, tasks, group)
    assert (round(100 * found.share.value, 1), round(100 * found.base_rate.value, 1)) == (68.6, 68.2)
    assert found.verdict == "no concentration shown"
    # (144 x 30) / (62 x 66)
    assert found.odds.effect.value == pytest.approx(144 * 30 / (62 * 66))


def test_concentrated_and_spared():
    tasks = names(40)
    assert concentration(names(20), tasks, names(20)).verdict == "concentrated"
    assert concentration(names(18), tasks, names(20)).verdict == "concentrated"
    assert concentration(names(40)[20:], tasks, names(22)).verdict == "spared"


@pytest.mark.parametrize(
    ("failed", "group", "why"),
    [
        ([], names(3), "no task failed"),
        (names(7), names(3), "every task failed"),
        (names(2), [], "a group is empty, or all or none are hits"),
        (names(2), names(7), "a group is empty, or all or none are hits"),
    ],
)
def test_all_failed_none_failed_and_empty_groups_are_undefined(failed, group, why):
    assert concentration(failed, names(7), group).verdict == f"undefined: {why}"


def test_failures_must_be_among_the_tasks():
    with pytest.raises(ArcAffinityError, match="x"):
        concentration(["x"], ["a"], ["a"])


def test_by_category_the_p_is_adjusted():
    tasks = names(60)
    labels = dict(zip(tasks, ["S1"] * 20 + ["C1"] * 20 + ["A2"] * 20, strict=True))
    found = concentration_by_category(names(20), tasks, labels)
    assert [found[code].verdict for code in ("S1", "C1", "A2")] == ["concentrated", "spared", "spared"]
    assert found["C1"].adjusted >= found["C1"].odds.p
    # Three tests; the two equal ones are adjusted alike.
    assert found["C1"].adjusted == pytest.approx(found["A2"].odds.p)
