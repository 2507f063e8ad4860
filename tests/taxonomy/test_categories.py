"""The nine categories are the published ones: codes, sizes, levels, and what follows from them."""

from __future__ import annotations

import pytest

from arc_affinity.taxonomy.categories import (
    BY_CODE,
    CATEGORIES,
    CODES,
    LOW_AFFINITY,
    PUBLISHED_AMBIGUOUS,
    SUBTYPES,
    Affinity,
    empirical_affinity,
)

PUBLISHED = {"S3": 108, "C1": 99, "S1": 52, "S2": 38, "C2": 28, "A2": 28, "L1": 21, "K1": 7, "A1": 5}


def test_sizes_are_the_published_ones():
    assert {each.code: each.published_tasks for each in CATEGORIES} == PUBLISHED
    assert sum(PUBLISHED.values()) + PUBLISHED_AMBIGUOUS == 400
    assert {part.code: part.published_tasks for part in BY_CODE["S3"].subtypes} == {"S3-A": 77, "S3-B": 31}
    assert sum(part.published_tasks for part in BY_CODE["S3"].subtypes) == BY_CODE["S3"].published_tasks


def test_low_affinity_is_35_3_percent():
    low = sum(each.published_tasks for each in CATEGORIES if each.code in LOW_AFFINITY)
    assert (low, round(100 * low / 400, 1)) == (141, 35.2)
    assert f"{100 * low / 400:.2f}" == "35.25"  # published as 35.3 %


def test_levels():
    levels = {each.code: each.affinity for each in CATEGORIES}
    assert levels["C1"] is Affinity.HIGH
    assert levels["A2"] is Affinity.VERY_LOW
    assert {code for code, level in levels.items() if level is Affinity.LOW} == {"S3", "A1"}
    assert [level.rank for level in Affinity] == [3, 2, 1, 0]
    assert all(each.definition and each.name for each in CATEGORIES)


def test_codes_are_unique_and_in_order():
    assert CODES == ("S1", "S2", "S3", "C1", "C2", "K1", "L1", "A1", "A2")
    assert SUBTYPES == ("S3-A", "S3-B")


@pytest.mark.parametrize(
    ("share", "level"),
    [(0.699, "low"), (0.70, "medium"), (0.85, "medium"), (0.851, "high"), (1.0, "high"), (0.0, "low")],
)
def test_empirical_levels(share, level):
    assert empirical_affinity(share) == level
