"""A random forest of trees over cells, where one rule does not explain many demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from arc_affinity.search.cell_rules.features import CellFeatures
from arc_affinity.search.cell_rules.rules import Learner, Limits, answer, split_rows, tabulate
from arc_affinity.types import COLOURS, Grid

TREES = 16

QUESTIONS = 0.3
"""Share of the questions that a tree may ask."""

DEMONSTRATIONS = 2 / 3
"""Share of the demonstrations that a tree learns from."""

LIMITS = Limits(leaves=400, depth=24, actions=10, whole=False, least_gain=2.0)
"""Trees that overfit are what a vote is for."""


def forest(
    features: Sequence[CellFeatures], targets: Sequence[Grid], seed: int = 0, over: Callable[[], bool] = lambda: False
) -> tuple[Grid, ...]:
    """Return a grid for each one with these features, by a vote of trees on every cell (Breiman 2001).

    Every tree learns from some demonstrations, drawn from ``seed``, and asks some of the questions. ``features`` are of
    every grid, the demonstrations' first, whose outputs, of the same sizes, are ``targets``. No tree but the first is
    begun where ``over`` says that the time is.
    """
    cells = tabulate(features, len(targets))
    target = np.concatenate([each.ravel() for each in targets])
    learner = Learner(cells, target, 2, limits=LIMITS)
    every = np.arange(len(cells.owner))
    votes = np.zeros((len(every), COLOURS + 1), np.int32)
    draws = np.random.default_rng(seed)
    for number in range(TREES):
        if number and over():
            break
        asked = draws.random(len(learner.usable)) < QUESTIONS
        taught = draws.permutation(len(targets))[: max(1, int(len(targets) * DEMONSTRATIONS))]
        chosen = np.flatnonzero(np.isin(cells.owner[: len(target)], taught))
        tree = learner.asking(asked).fit(chosen, constants_only=number % 2 == 1)
        if tree is not None:
            votes[every, answer(tree, cells, every)] += 1
    return split_rows(votes[:, :COLOURS].argmax(1).astype(np.uint8), features)
