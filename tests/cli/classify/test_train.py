"""The model card of the classifier of grids."""

from __future__ import annotations

import re

import numpy as np

from arc_affinity.cli.classify.train import card
from arc_affinity.taxonomy.by_grids.train_visual import Training, examples, train
from arc_affinity.taxonomy.categories import CODES

SETTINGS = Training(pairs=6, members=1, hidden=7, steps=2, trees=3, draws=1, leaf=1)
TASKS = ("007bbfb7", "00d62c1b", "017c7c7b", "025d127b", "045e512c", "05269061")


def test_the_card_tells_what_was_measured() -> None:
    data = examples(SETTINGS.pairs, tasks=TASKS)
    trained = train(data, SETTINGS)
    told = card(data, trained, SETTINGS, 0.0, 31.0)
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", told, re.MULTILINE))
    hits = [trained.chances(data, start).argmax(axis=1) == data.labels for start in (0, 3)]
    first, other = (f"{100 * hit.sum() / 6:.1f}" for hit in hits)
    assert rows["right, the first three pairs"] == f"{first} %"
    assert rows["right, mean and range over 1 other threes"] == f"{other} % ({other}-{other} %)"
    assert rows["always S3"] == f"{100 * sum(CODES[label] == 'S3' for label in data.labels) / 6:.1f} %"
    # Every answer is at least 0 probable, so all are given.
    assert told.count(f"share of tasks, right of them | 100.0 %, {first} % |") == 1
    assert "31 seconds of processor time" in told and "6 pairs of each" in told
    for index, code in enumerate(CODES):
        [row] = re.findall(rf"^\| {code} \| (.+) \|$", told, re.MULTILINE)
        assert sum(int(cell) for cell in row.split(" | ")[:9]) == np.sum(data.labels == index)
