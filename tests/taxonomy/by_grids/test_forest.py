"""A forest as arrays, by hand."""

from __future__ import annotations

import numpy as np

from arc_affinity.taxonomy.by_grids.forest import LEAF, Forest

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
