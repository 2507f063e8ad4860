"""Splits: the published one as published, ours by its promises."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.generation import rearc
from arc_affinity.data.splits import (
    UNLABELLED,
    BalanceRow,
    Split,
    balance,
    foundational_tasks,
    kept_out_tasks,
    output_cells_of_store,
    output_cells_of_tasks,
    published_split,
    size_bins,
    stratified_split,
)
from arc_affinity.data.store.examples import write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair, Task


def test_published_ids() -> None:
    split = published_split()
    assert (len(split.train), len(split.validation)) == (308, 92)
    assert sorted(split.train + split.validation) == list(rearc.task_ids())
    assert list(split.train) == sorted(split.train)
    assert list(split.validation) == sorted(split.validation)
    assert len(set(foundational_tasks())) == 18
    assert set(foundational_tasks()) & set(split.validation) == {"137eaa0f", "5daaa586"}


def test_the_tasks_kept_out_are_fixed_by_content() -> None:
    training = load_tasks("arc-agi-1/training")
    kept = kept_out_tasks(training)
    # Written down once: a figure chosen on them means nothing if they change.
    assert hashlib.sha256(" ".join(kept).encode()).hexdigest()[:16] == "4d94d817dbbe9b66"
    assert len(set(kept)) == 100
    renamed = [Task(f"t{number:03}", task.train[::-1], task.test) for number, task in enumerate(reversed(training))]
    ids = {f"t{number:03}": task.id for number, task in enumerate(reversed(training))}
    assert sorted(ids[name] for name in kept_out_tasks(renamed)) == list(kept)


@pytest.mark.parametrize("share", [float("nan"), float("inf"), -0.5, 0.0, 1.0, 7.0])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(ArcAffinityError, match=f"a share must be above 0 and below 1, not {share}"):
        stratified_split({"a": 1, "b": 2, "c": 3}, validation_share=share)


def test_published_ids_are_those_of_the_reference(shared: Path) -> None:
    reference = json.loads((shared / "reference" / "split_308_92.json").read_text())
    assert published_split() == Split(tuple(sorted(reference["train"])), tuple(sorted(reference["val"])))
    foundational = json.loads((shared / "reference" / "foundational_tasks.json").read_text())
    assert foundational_tasks() == tuple(sorted(foundational))


cells = st.dictionaries(st.text("0123456789abcdef", min_size=3, max_size=3), st.integers(1, 900), min_size=2)


@given(cells=cells, labels=st.randoms(use_true_random=False), share=st.floats(0.05, 0.95), seed=st.integers())
def test_a_split_keeps_its_promises(cells: dict[str, int], labels, share: float, seed: int) -> None:
    categories = {task: labels.choice("AB") for task in sorted(cells) if labels.random() < 0.8}
    held_out = round(len(cells) * share)
    if not 0 < held_out < len(cells):
        with pytest.raises(ArcAffinityError, match="leaves a side empty"):
            stratified_split(cells, categories, share, seed=seed)
        return
    split = stratified_split(cells, categories, share, seed=seed)
    assert len(split.validation) == held_out
    assert sorted(split.train + split.validation) == sorted(cells)
    exact = held_out / len(cells)
    bins = size_bins(cells)
    for key in (
        lambda task: categories.get(task, UNLABELLED),
        lambda task: (categories.get(task, UNLABELLED), bins[task]),
    ):
        members = Counter(map(key, cells))
        chosen = Counter(map(key, split.validation))
        assert all(abs(chosen[each] - number * exact) < 1 + 1e-9 for each, number in members.items())


def test_only_the_seed_decides() -> None:
    sizes = {f"{number:03}": number * 7 % 101 for number in range(97)}
    first = stratified_split(sizes, seed=1)
    assert first == stratified_split(dict(reversed(sizes.items())), seed=1)
    assert first != stratified_split(sizes, seed=2)


def test_sizes_are_balanced_over_all_categories() -> None:
    sizes = {f"{number:03}": number * 37 % 401 + 1 for number in range(400)}
    categories = {task: "ABCDEFGHIJ"[int(task) * 13 % 10] for task in sizes}
    split = stratified_split(sizes, categories)
    rows = balance(split, size_bins(sizes))
    assert len(rows) == 4
    assert max(abs(row.difference) for row in rows) < 0.02
    assert max(abs(row.difference) for row in balance(split, categories)) < 0.02


def test_size_bins_by_hand() -> None:
    sizes = {"a": 1, "b": 4, "c": 9, "d": 9, "e": 25, "f": 100}
    assert size_bins(sizes, 2) == {
        "a": "1-9 cells",
        "b": "1-9 cells",
        "c": "1-9 cells",
        "d": "1-9 cells",
        "e": "25-100 cells",
        "f": "25-100 cells",
    }
    assert size_bins({"a": 4.0, "b": 4.0, "c": 4.0}, 3) == {
        "a": "4-4 cells",
        "b": "4-4 cells",
        "c": "4-4 cells",
    }
    assert size_bins({}, 3) == {}
    with pytest.raises(ArcAffinityError, match="at least 1 size bin is needed, not 0"):
        size_bins(sizes, 0)


@pytest.mark.parametrize(
    ("sizes", "labels"),
    [
        ([23.4, 80.6, 81.2, 152], ["23.4-80.6 cells", "81.2-152.0 cells"]),
        ([9, 99.96, 100.04, 300], ["9.00-99.96 cells", "100.04-300.00 cells"]),
        ([80.6, 80.7, 81.1, 81.2], ["80.6-80.7 cells", "81.1-81.2 cells"]),
        ([22.6, 36, 100, 300], ["23-36 cells", "100-300 cells"]),
    ],
)
def test_bins_of_mean_sizes_neither_overlap_nor_merge(sizes: list[float], labels: list[str]) -> None:
    bins = size_bins(dict(zip("abcd", sizes, strict=True)), 2)
    assert bins == dict(zip("abcd", (labels[0], labels[0], labels[1], labels[1]), strict=True))
    assert [row.stratum for row in balance(Split(("a", "c"), ("b", "d")), bins)] == labels


def test_balance_by_hand() -> None:
    split = Split(("a", "b", "c", "d"), ("e", "f"))
    rows = balance(split, {"a": "100-300", "b": "9-36", "e": "9-36", "c": "9-36", "d": "100-300"})
    assert rows == [
        BalanceRow("9-36", 2, 1, 0.5, 0.5),
        BalanceRow("100-300", 2, 0, 0.5, 0.0),
        BalanceRow(UNLABELLED, 0, 1, 0.0, 0.5),
    ]
    assert [row.difference for row in rows] == [0.0, -0.5, 0.5]


@pytest.mark.parametrize(
    ("split", "told"),
    [
        (Split(("a", "b"), ("b",)), "task b is on both sides"),
        (Split(("a",), ()), "a side of the split is empty"),
    ],
)
def test_what_is_no_split_has_no_balance(split: Split, told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        balance(split, {})


def test_output_cells(tmp_path: Path) -> None:
    grids = [np.zeros(shape, np.uint8) for shape in ((2, 3), (5, 7), (1, 1))]
    pairs = [Pair(grids[0], grids[1]), Pair(grids[0], grids[2])]
    store = write_store(tmp_path / "s", {"a": pairs, "b": [Pair(grids[1], grids[0])]})
    assert output_cells_of_store(store) == {"a": 18.0, "b": 6.0}
    tasks = [Task("a", tuple(pairs), (Pair(grids[0], None),)), Task("b", (), (Pair(grids[0], None),))]
    assert output_cells_of_tasks(tasks) == {"a": 18.0}


def test_labels_may_hold_any_digits() -> None:
    names = ("²", "٣", "9" * 5000, "10", "9", "009")
    split = Split(("a", "b", "c"), ("d", "e", "f"))
    rows = balance(split, dict(zip("abcdef", names, strict=True)))
    assert [row.stratum for row in rows] == ["009", "9", "10", "9" * 5000, "²", "٣"]
