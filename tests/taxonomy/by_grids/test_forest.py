"""A forest as arrays, by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from arc_affinity.taxonomy.by_grids.forest import LEAF, Forest, check_sound

STUMP = Forest(
    np.zeros(1, np.int32),
    np.array([1, LEAF, LEAF], np.int16),
    np.array([0.5, 0, 0], np.float32),
    np.array([2, 0, 1], np.int32),
    np.array([[255, 0, 0, 0, 0, 0, 0, 0, 0], [0, 85, 170, 0, 0, 0, 0, 0, 0]], np.uint8),
)
"""Asks whether feature 1 is at most 0.5."""


def test_a_stump_by_hand():
    found = STUMP.probabilities(np.array([[9, 0.5], [9, 0.6]], np.float32))
    np.testing.assert_allclose(found, [[1, *[0] * 8], [0, 1 / 3, 2 / 3, *[0] * 6]], rtol=1e-6)


def test_a_sound_forest_passes():
    check_sound(STUMP, 2)


def with_cell(name: str, at: int, value: int) -> np.ndarray:
    array = getattr(STUMP, name).copy()
    array[at] = value
    return array


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("roots", STUMP.roots.astype(np.int64), r"an array of the forest is int64\[1\]"),
        ("right", STUMP.right[None], r"is int32\[1, 3\]"),
        ("shares", STUMP.shares[0], r"is uint8\[9\]"),
        ("limit", STUMP.limit[:2], "do not fit together"),
        ("right", STUMP.right[:2], "do not fit together"),
        ("shares", STUMP.shares[:, :8], "do not fit together"),
        ("roots", STUMP.roots[:0], "leads nowhere"),
        ("roots", with_cell("roots", 0, 3), "leads nowhere"),
        ("roots", with_cell("roots", 0, -1), "leads nowhere"),
        ("feature", with_cell("feature", 0, 2), "leads nowhere"),
        ("feature", with_cell("feature", 0, -2), "leads nowhere"),
        ("right", with_cell("right", 0, 0), "leads nowhere"),
        ("right", with_cell("right", 0, 3), "leads nowhere"),
        ("right", with_cell("right", 1, 2), "leads nowhere"),
        ("right", with_cell("right", 2, -1), "leads nowhere"),
        ("shares", with_cell("shares", 1, 0), "leads nowhere"),
        # The last node asks, and has no next one to go to on the left.
        ("feature", with_cell("feature", 2, 1), "leads nowhere"),
    ],
)
def test_a_forest_that_leads_nowhere_is_refused(name, array, said):
    # As a file may have it: what is made by the class has its shapes checked.
    forest = copy.copy(STUMP)
    object.__setattr__(forest, name, array)
    with pytest.raises(ValueError, match=said):
        check_sound(forest, 2)
