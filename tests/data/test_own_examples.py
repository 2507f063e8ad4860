"""Examples of one's own, split for training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.own_examples import copy_apart, copy_examples, split_examples
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair


def pair(number: int) -> dict[str, list[list[int]]]:
    return {"input": [[number]], "output": [[number, number]]}


def inputs(store: ExampleStore, task: str) -> list[int]:
    return [int(store.pair(i).input[0, 0]) for i in store.indices(task)]


def test_task_files(tmp_path: Path) -> None:
    """The withheld test is no example, an input that comes again is none either."""
    task = {"train": [pair(1), pair(2), pair(1), pair(3), pair(4)], "test": [pair(5), {"input": [[6]]}]}
    (tmp_path / "a.json").write_text(json.dumps(task))
    train, validation = split_examples(str(tmp_path / "a.json"), 2, tmp_path / "data")
    assert (inputs(train, "a"), inputs(validation, "a")) == ([1, 2, 3], [4, 5])


def test_a_dataset_that_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "arc-agi-2" / "training").mkdir(parents=True)
    task = {"train": [pair(1), pair(2), pair(3)], "test": [pair(4)]}
    (tmp_path / "arc-agi-2" / "training" / "a.json").write_text(json.dumps(task))
    train, validation = split_examples("arc-agi-2/training", 2, tmp_path / "data", tmp_path)
    assert (inputs(train, "a"), inputs(validation, "a")) == ([1, 2], [3, 4])


def test_a_store_and_the_same_again(tmp_path: Path) -> None:
    pairs = [Pair(np.full((1, 1), n, np.uint8), np.full((1, 2), n, np.uint8)) for n in range(7)]
    write_store(tmp_path / "store", {"a": pairs, "b": pairs[:5]})
    train, validation = split_examples(str(tmp_path / "store"), 3, tmp_path / "data")
    assert [inputs(train, t) for t in "ab"] == [[0, 1], [0, 1]], "b is validated by the others of a"
    assert [inputs(validation, t) for t in "ab"] == [[4, 5, 6], [2, 3, 4]]
    # A run that goes on has its own copy.
    again, _ = split_examples("no-such-store", 3, tmp_path / "data")
    assert again.manifest == train.manifest


def test_what_validates_is_copied_whole_and_never_trained_on(tmp_path: Path) -> None:
    for name, numbers in (("a", (1, 2, 3)), ("b", (3, 4)), ("c", (4, 5))):
        pairs = [Pair(np.full((1, 1), n, np.uint8), np.full((1, 2), n, np.uint8)) for n in numbers]
        write_store(tmp_path / name, {name: pairs})
    one, same, others = (str(tmp_path / name) for name in "abc")
    with pytest.raises(ArcAffinityError, match=r"b: examples of these tasks are trained on too: tasks: 1 \(b\)"):
        copy_apart(one, same, tmp_path / "data")
    assert not (tmp_path / "data").exists(), "another one can be named now"
    training, validation = copy_apart(one, others, tmp_path / "data")
    assert (inputs(training, "a"), inputs(validation, "c")) == ([1, 2, 3], [4, 5])
    # A run that goes on has its own copy.
    again, _ = copy_apart("no-such-store", "nor-this", tmp_path / "data")
    assert again.manifest == training.manifest


def test_a_task_that_others_are_validated_by(tmp_path: Path) -> None:
    pairs = [Pair(np.full((1, 1), n, np.uint8), np.full((1, 2), n, np.uint8)) for n in range(4)]
    write_store(tmp_path / "store", {"a": pairs, "b": pairs[::-1]})
    with pytest.raises(ArcAffinityError, match="task a has 0 examples to train on that other tasks are not validated"):
        split_examples(str(tmp_path / "store"), 2, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_task_with_too_few(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"train": [pair(1), pair(2)], "test": [pair(3)]}))
    with pytest.raises(ArcAffinityError, match=r"task a has 3 examples; it takes 2 to train on and 2 to validate on"):
        split_examples(str(tmp_path / "a.json"), 2, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    (tmp_path / "a.json").write_text(json.dumps({"train": [pair(1)], "test": [{"input": [[6]]}]}))
    with pytest.raises(ArcAffinityError, match=r"task a has 1 examples; it takes 2$"):
        copy_examples(str(tmp_path / "a.json"), tmp_path / "data")
