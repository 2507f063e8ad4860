"""The model card of the classifier of grids."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
from classifier_training import Examples, Training, train

from arc_affinity.taxonomy.by_grids.features import pair_features, pair_palette
from arc_affinity.taxonomy.by_grids.images import pair_image
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.types import Pair

card = runpy.run_path(str(Path(__file__).parents[2] / "runs" / "train_classifier.py"))["card"]

SETTINGS = Training(pairs=6, members=1, hidden=7, steps=2, trees=3, draws=1, leaf=1)
LABELS = ("S3", "C1", "S3", "S1", "S3", "C1", "S2")


def described() -> Examples:
    """Random grids that are called tasks of four categories."""
    rng = np.random.default_rng(3)
    tasks = [[Pair(*rng.integers(0, 5, (2, 3, 4), dtype=np.uint8)) for _ in range(SETTINGS.pairs)] for _ in LABELS]
    features, palettes, images = (
        np.stack([np.stack([describe(pair) for pair in pairs]) for pairs in tasks])
        for describe in (pair_features, pair_palette, pair_image)
    )
    hints = rng.integers(0, 2, (len(LABELS), 3)).astype(bool)
    labels = np.array([CODES.index(label) for label in LABELS])
    return Examples(tuple("abcdefg"), labels, features, palettes, images, hints)


def test_the_card_tells_what_was_measured() -> None:
    data = described()
    trained = train(data, SETTINGS)
    told = card(data, trained, SETTINGS, 0.0, 31.0)
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", told, re.MULTILINE))
    hits = [trained.probabilities(data, start).argmax(axis=1) == data.labels for start in (0, 3)]
    first, other = (f"{100 * hit.sum() / 7:.1f}" for hit in hits)
    assert rows["right, the first three pairs"] == f"{first} %"
    assert rows["right, mean and range over 1 other threes"] == f"{other} % ({other}-{other} %)"
    assert rows["always S3"] == "42.9 %"
    # Every answer is at least 0 probable, so all are given.
    assert told.count(f"share of tasks, right of them | 100.0 %, {first} % |") == 1
    assert "31 seconds of processor time" in told and "6 pairs of each" in told
    for code in CODES:
        [row] = re.findall(rf"^\| {code} \| (.+) \|$", told, re.MULTILINE)
        assert sum(int(cell) for cell in row.split(" | ")[:9]) == LABELS.count(code)
