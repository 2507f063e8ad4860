"""Training the visual classifier, tiny: folds by task, the same numbers again, what is stored and loaded."""

from __future__ import annotations

import sys
from dataclasses import replace

import classifier_training as training
import numpy as np
import pytest
import torch
from classifier_training import (
    FOLDS,
    Examples,
    Trained,
    Training,
    calibration_error,
    examples,
    fold_numbers,
    grow,
    joined,
    store,
    temperature,
    threshold,
    train,
    turned,
)
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.data.datasets.registry import find_task
from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.by_grids.classifier import load, sharpened
from arc_affinity.taxonomy.by_grids.forest import LEAF, Forest
from arc_affinity.taxonomy.by_grids.images import CHANNELS, SIDE, pair_image
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.types import Pair

SETTINGS = Training(pairs=4, members=2, hidden=7, steps=3, trees=5, draws=2, leaf=1)
TASKS = ("007bbfb7", "00d62c1b", "017c7c7b", "025d127b", "045e512c", "0520fde7", "05269061", "05f2a901", "06df4c85")
TASKS += ("08ed6ac7", "09629e4f")


@pytest.fixture(scope="module")
def data() -> Examples:
    return examples(SETTINGS.pairs, tasks=TASKS)


@pytest.fixture(scope="module")
def trained(data: Examples) -> Trained:
    return train(data, SETTINGS)


def test_examples_are_described_and_labelled_by_code(data):
    assert data.tasks == TASKS
    assert data.features.shape[:2] == (len(TASKS), 4)
    assert data.images.shape == (len(TASKS), 4, 10, 15, 15)
    assert [CODES[label] for label in data.labels[:2]] == ["C1", "S3"]


@given(st.lists(st.integers(0, 8), min_size=5, max_size=97), st.integers(0, 3))
def test_folds_spread_every_category(labels, seed):
    folds = fold_numbers(np.array(labels), FOLDS, seed)
    assert set(folds.tolist()) <= set(range(FOLDS))
    for label in set(labels):
        counts = np.bincount(folds[np.array(labels) == label], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


def test_training_is_repeatable(data, trained):
    np.testing.assert_array_equal(trained.probabilities(data, 0), train(data, SETTINGS).probabilities(data, 0))


def test_what_is_stored_is_loaded(data, trained, tmp_path):
    path = tmp_path / "model.safetensors"
    store(path, data, trained, SETTINGS, 0.4)
    loaded = load(path)
    assert loaded.threshold == 0.4
    assert loaded.temperature == trained.temperature
    assert loaded.fold_of == dict(zip(TASKS, trained.folds.tolist(), strict=True))
    for group, made in zip(loaded.groups, trained.groups, strict=True):
        np.testing.assert_array_equal(group.forest.limit, made.forest.limit)
        for network, original in zip(group.networks, made.networks, strict=True):
            for name, tensor in network.state_dict().items():
                torch.testing.assert_close(tensor, original.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_a_task_is_asked_of_networks_that_have_not_seen_it(data, trained, tmp_path):
    store(tmp_path / "m.safetensors", data, trained, SETTINGS, 0.0)
    classifier = load(tmp_path / "m.safetensors")
    assert classifier.unseen_by("00d62c1b") == (classifier.groups[trained.folds[1]],)
    assert classifier.unseen_by("no-such-task") == classifier.groups
    guess = classifier.classify(find_task("00d62c1b", "re-arc"))
    # The dataset's demonstrations are the first three pairs, those that the fold was judged on.
    unseen = dict(zip(CODES, trained.probabilities(data, 0)[1].tolist(), strict=True))
    assert guess.probabilities == pytest.approx(unseen, abs=0.01)


def test_the_held_out_tasks_are_not_learnt_from(data):
    """Whatever is known of a fold's tasks changes nothing in the networks that network them."""
    trained = train(data, SETTINGS)
    fold = trained.folds[0]
    others = trained.folds == fold
    changed = replace(data, features=data.features.copy(), images=data.images.copy(), hints=data.hints.copy())
    changed.features[others] += 3
    changed.images[others] = 1
    changed.hints[others] ^= True
    again = train(changed, SETTINGS).groups[fold]
    np.testing.assert_array_equal(trained.groups[fold].forest.limit, again.forest.limit)
    for network, other in zip(trained.groups[fold].networks, again.networks, strict=True):
        for one, two in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(one, two)


def test_hints_are_primitives(data):
    assert data.hints.shape[0] == len(TASKS)
    assert data.hints.any(axis=0).all()
    assert not data.hints.all(axis=0).any()


def test_temperature_undoes_a_power():
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.full(9, 0.5), 4001)
    labels = np.array([generator.choice(9, p=each) for each in probabilities])
    assert temperature(probabilities, labels) == pytest.approx(1, rel=0.1)
    assert temperature(sharpened(probabilities, 1 / 3), labels) == pytest.approx(3, rel=0.1)


def test_calibration_error_by_hand():
    probabilities = np.zeros((4, 9))
    probabilities[:, 0], probabilities[:, 1] = [0.95, 0.95, 0.65, 0.65], [0.05, 0.05, 0.35, 0.35]
    # 0.95 said and 1 of 2 right; 0.65 said and 2 of 2 right.
    assert calibration_error(probabilities, np.array([0, 1, 0, 0])) == pytest.approx((0.45 + 0.35) / 2)


def test_threshold_by_hand():
    probabilities = np.zeros((4, 9))
    probabilities[:, 0], probabilities[:, 1] = [0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4]
    labels = np.array([0, 1, 0, 1])  # right, wrong, right, wrong
    assert threshold(probabilities, labels, 1.0) == 0.9
    assert threshold(probabilities, labels, 0.6) == 0.7
    assert threshold(probabilities, labels, 0.5) == 0.6
    assert threshold(probabilities, 1 - labels, 1.0) == 1.0


STUMP = Forest(
    np.zeros(1, np.int32),
    np.array([1, LEAF, LEAF], np.int16),
    np.array([0.5, 0, 0], np.float32),
    np.array([2, 0, 1], np.int32),
    np.array([[255, 0, 0, 0, 0, 0, 0, 0, 0], [0, 85, 170, 0, 0, 0, 0, 0, 0]], np.uint8),
)
"""Asks whether feature 1 is at most 0.5."""


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


def test_turned_images():
    full = np.random.default_rng(5).integers(0, 10, (30, 30)).astype(np.uint8)
    image = pair_image(Pair(full, full))
    np.testing.assert_allclose(turned(image, 1), pair_image(Pair(full.T, full.T)))
    for view in range(8):
        again = turned(turned(image, view), {3: 5, 5: 3}.get(view, view))
        np.testing.assert_array_equal(again, image)
    assert turned(np.stack([image, image]), 6).shape == (2, CHANNELS, SIDE, SIDE)


def test_two_steps_see_every_task_once():
    rows = np.array([2, 3, 5, 7, 11, 13, 17])
    found = list(training._batches(np.random.default_rng(3), rows, 5))
    assert [len(each) for each in found] == [4, 3, 4, 3, 4]
    for first, second in (found[:2], found[2:4]):
        assert sorted([*first, *second]) == rows.tolist()
    assert found[0].tolist() != found[2].tolist() != rows[::2].tolist()


def test_threes_are_of_three_different_pairs():
    found = training._threes(np.random.default_rng(3), 40, 5)
    assert found.shape == (40, 3) and {len(set(row)) for row in found.tolist()} == {3}
    assert set(found.ravel().tolist()) == set(range(5))
