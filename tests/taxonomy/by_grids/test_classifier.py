"""The bundled classifier: whole, small, invariant, honest about what it has seen, and refusing other files."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import zeros

from arc_affinity.data.datasets.registry import find_task
from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.by_grids.classifier import (
    LOOKED_AT,
    WEIGHTS,
    Classifier,
    Group,
    bundled,
    classify_all,
    load,
    task_input,
)
from arc_affinity.taxonomy.by_grids.features import task_names
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES
from arc_affinity.types import Pair, Task


@pytest.fixture(scope="module")
def task() -> Task:
    return find_task("0a938d79", "arc-agi-1/training")


def test_the_bundled_weights():
    assert WEIGHTS.stat().st_size < 5_000_000
    classifier = bundled()
    assert sorted(classifier.fold_of) == list(task_ids())
    assert (WEIGHTS.parent / "README.md").is_file()
    sizes = np.bincount(list(classifier.fold_of.values()))
    assert (len(sizes), sizes.sum()) == (len(classifier.groups), 400)
    assert sizes.max() - sizes.min() <= 9  # one a category at most


def test_a_known_task_is_judged_by_the_fold_that_has_not_seen_it(task):
    classifier = bundled()
    assert classifier.unseen_by(task.id) == (classifier.groups[classifier.fold_of[task.id]],)
    assert classifier.unseen_by("unknown") == classifier.groups


def test_the_order_of_demonstrations_does_not_matter(task):
    first = bundled().classify(task)
    second = bundled().classify(Task(task.id, task.train[::-1], task.test))
    assert first.probabilities == pytest.approx(dict(second.probabilities), abs=1e-5)
    assert sum(first.probabilities.values()) == pytest.approx(1)
    assert first.best == max(CODES, key=first.probabilities.__getitem__)
    assert first.reason.count(";") == 2


def test_tests_are_not_looked_at(task):
    other = Task(task.id, task.train, (Pair(np.zeros((1, 1), np.uint8), None),))
    assert bundled().classify(task) == bundled().classify(other)


def test_it_may_abstain(task):
    sure = bundled()
    shy = Classifier(sure.groups, sure.fold_of, sure.temperature, 1.01)
    guess = shy.classify(task)
    assert (guess.category, guess.best) == (AMBIGUOUS, sure.classify(task).best)
    assert guess.confidence == guess.probabilities[guess.best]


def test_its_networks_and_forests_are_those_of_the_file():
    with safe_open(WEIGHTS, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for number, group in enumerate(bundled().groups):
        for member, network in enumerate(group.networks):
            assert not network.training
            for name, tensor in network.state_dict().items():
                assert torch.equal(tensor, stored.pop(f"{number}.{member}.{name}").float())
        for name, array in vars(group.forest).items():
            assert np.array_equal(array, stored.pop(f"{number}.forest.{name}").numpy().astype(array.dtype))
    assert not stored, "nothing in the file is left unused"


def test_networks_and_forests_have_equal_say(task):
    """Networks that are sure of A1 make it half, the forests' word being the other half."""
    sure = bundled()
    group = sure.unseen_by(task.id)[0]
    networks = copy.deepcopy(group.networks)
    for network in networks:
        network.decide.weight.zero_()
        network.decide.bias.copy_(torch.where(torch.arange(9) == CODES.index("A1"), 50.0, 0.0))
    certain = Classifier((Group(networks, group.forest),), {task.id: 0}, 1.0, 0.0)
    forest = group.forest.probabilities(task_input(task.train).features.numpy()).mean(axis=0)
    wanted = (forest + (np.arange(9) == CODES.index("A1"))) / 2
    found = certain.classify(task)
    assert found.best == "A1"
    assert [found.probabilities[code] for code in CODES] == pytest.approx(wanted.tolist(), abs=1e-4)


def test_threes_of_the_first_demonstrations(task):
    for count, rows in ((1, 1), (2, 1), (3, 1), (4, 4), (5, 10), (9, 10)):
        view = task_input((task.train * 9)[:count])
        assert (len(view.features), len(view.threes)) == (rows, rows)
        assert len(view.images) == min(count, LOOKED_AT)
    assert LOOKED_AT == 5


def test_all_by_id(task):
    assert set(classify_all([task])) == {task.id}


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ArcAffinityError, match="holds no classifier"):
        load(tmp_path / "none.safetensors")
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(ArcAffinityError, match="holds no classifier"):
        load(path)
    save_file({"a": zeros(2)}, path)
    with pytest.raises(ArcAffinityError, match="holds no classifier"):
        load(path)
    save_file({"a": zeros(2)}, path, {"classifier": '{"features": ["one"]}'})
    with pytest.raises(ArcAffinityError, match="settings: object missing required field"):
        load(path)
    settings = {"features": ["one"], "groups": 1, "members": 1, "hidden": 1}
    settings |= {"temperature": 1.0, "threshold": 0.5, "fold_of": {}}
    save_file({"a": zeros(2)}, path, {"classifier": json.dumps(settings)})
    with pytest.raises(ArcAffinityError, match="other features"):
        load(path)
    # All that stands beside the weights is right, and the weights are of something else.
    save_file({"a": zeros(2)}, path, {"classifier": json.dumps(settings | {"features": list(task_names())})})
    with pytest.raises(ArcAffinityError, match="holds no classifier"):
        load(path)
