"""Forests as arrays against the library that grew them, and by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.by_grids.forest import LEAF, Forest, grow, joined

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


def test_forests_together_are_their_mean():
    other = Forest(STUMP.roots, STUMP.feature, STUMP.limit, STUMP.right, STUMP.shares[::-1])
    both = joined([STUMP, other, STUMP])
    rows = np.array([[9, 0.5], [9, 0.6]], np.float32)
    mean = (2 * STUMP.probabilities(rows) + other.probabilities(rows)) / 3
    np.testing.assert_allclose(both.probabilities(rows), mean, rtol=1e-6)


def test_the_library_says_the_same():
    ensemble = pytest.importorskip("sklearn.ensemble")
    generator = np.random.default_rng(5)
    # Halves are exact in half precision, so rounding limits changes no way.
    rows = generator.integers(0, 23, (211, 7)).astype(np.float32)
    labels = generator.choice([0, 2, 3, 8], 211)
    ours = grow(rows, labels, trees=11, leaf=3, features=0.5, seed=17)
    theirs = ensemble.ExtraTreesClassifier(11, min_samples_leaf=3, max_features=0.5, random_state=17).fit(rows, labels)
    expected = np.zeros((211, 9))
    expected[:, [0, 2, 3, 8]] = theirs.predict_proba(rows)
    found = ours.probabilities(rows)
    close = np.abs(found - expected).max(axis=1) < 0.01
    assert close.mean() > 0.98  # a limit may round across a whole number
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ArcAffinityError, match="needs scikit-learn"):
        grow(np.zeros((3, 2), np.float32), np.zeros(3, np.int64), 1, 1, 1.0, 0)
