"""Votes of trees."""

from __future__ import annotations

import numpy as np

from arc_affinity.search.cell_rules.features import CellFeatures, Feature, cell_features
from arc_affinity.search.cell_rules.forest import forest
from arc_affinity.search.cell_rules.rules import FEW, MANY, Leaf, Learner, learn_rules, tabulate


def noisy(count: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Inputs, outputs as a rule says, and the same with one cell in twenty spoiled."""
    draws = np.random.default_rng(seed)
    inputs = [draws.integers(0, 3, (7, 6)).astype(np.uint8) for _ in range(count)]
    right = [np.where(grid == 2, 5, grid).astype(np.uint8) for grid in inputs]
    spoiled = [np.where(draws.random(grid.shape) < 0.05, 9, grid).astype(np.uint8) for grid in right]
    return inputs, right, spoiled


def test_a_forest_votes_noise_down() -> None:
    inputs, right, spoiled = noisy(24, 0)
    features = [cell_features(grid) for grid in inputs]
    found = forest(features, spoiled[:18])
    assert len(found) == 24
    for grid, wanted in zip(found[18:], right[18:], strict=True):
        assert grid.dtype == np.uint8
        np.testing.assert_array_equal(grid, wanted)


def test_the_same_seed_gives_the_same_forest() -> None:
    inputs, _, spoiled = noisy(8, 1)
    features = [cell_features(grid) for grid in inputs]
    one, same, other = (forest(features, spoiled[:6], seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_rules_from_many_may_leave_cells_unexplained() -> None:
    inputs, right, spoiled = noisy(24, 2)
    features = [cell_features(grid) for grid in inputs]
    assert learn_rules(features, spoiled[:18], limits=FEW) == []
    best = min(learn_rules(features, spoiled[:18], limits=MANY), key=lambda rule: rule.size)
    assert best.text == "(own is 2 ? 5 : own)"
    np.testing.assert_array_equal(best.grids[20], right[20])


def test_a_question_whose_answers_lead_to_the_same_is_not_asked() -> None:
    # Of 40 cells where the flag is 10 are spoiled, elsewhere none of 40: the question gains bits and changes nothing.
    target = np.array([7] * 10 + [1] * 70, np.uint8)
    flag = Feature(0, "", np.arange(80)[None] < 40)
    cells = tabulate([CellFeatures({"own": Feature(0, "", np.ones((1, 80), np.uint8))}, {"flag": flag})], 1)
    assert Learner(cells, target, 2, limits=MANY).fit(np.arange(80)) == Leaf(0, 0, 0)


def test_one_tree_is_a_forest_where_the_time_is_over() -> None:
    inputs, _, spoiled = noisy(8, 1)
    features = [cell_features(grid) for grid in inputs]
    looks: list[int] = []

    def over() -> bool:
        looks.append(1)
        return True

    short = forest(features, spoiled[:6], over=over)
    assert len(short) == 8 and len(looks) == 1
    assert any(not np.array_equal(a, b) for a, b in zip(short, forest(features, spoiled[:6]), strict=True))
