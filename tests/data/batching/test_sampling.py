"""Batches of like size, and an endless stream of them that can be cut anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arc_affinity.data.batching import sampling
from arc_affinity.data.batching.sampling import (
    BatchRules,
    BatchStream,
    fewest_batches,
    plan_batches,
    smaller,
    token_counts,
)
from arc_affinity.data.batching.tokens import encode_grid
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair

RULES = BatchRules(cells=701, examples=7, seed=3)


def padding_share(counts: np.ndarray, batches: Sequence[Sequence[int]]) -> float:
    """Share of padding among the query and output tokens of batches."""
    groups = [counts[list(batch)] for batch in batches]
    return 1 - sum(group.sum() for group in groups) / sum(group.max(axis=0).sum() * len(group) for group in groups)


def random_sizes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 31, (count, 4))


def test_tokens_are_counted_as_they_are_written() -> None:
    sizes = np.array([[2, 3, 1, 1], [30, 30, 30, 7], [7, 30, 1, 30]])
    expected = [
        [len(encode_grid(np.zeros(size, np.uint8))[0]) for size in ((row[0], row[1]), (row[2], row[3]))]
        for row in sizes.tolist()
    ]
    assert token_counts(sizes).tolist() == expected == [[8, 3], [900, 211], [211, 31]]


@settings(max_examples=30)
@given(st.integers(1, 83), st.integers(0, 99), st.integers(0, 7))
def test_a_plan_holds_each_example_once_and_keeps_the_rules(count: int, seed: int, turn: int) -> None:
    counts = token_counts(random_sizes(count, seed))
    plan = plan_batches(counts, RULES, turn)
    assert sorted(example for batch in plan for example in batch) == list(range(count))
    for batch in plan:
        assert len(batch) <= RULES.examples
        assert len(batch) == 1 or counts[batch].max(axis=0).sum() * len(batch) <= RULES.cells
    assert plan == plan_batches(counts, RULES, turn)
    assert 1 <= fewest_batches(random_sizes(count, seed), RULES) <= len(plan)


def test_the_fewest_batches_are_told_by_examples_and_by_tokens() -> None:
    sizes = np.array([[30, 30, 30, 30]] * 5)  # of 1,800 tokens, without ends
    assert [fewest_batches(sizes, BatchRules(cells, 2, 0)) for cells in (100_000, 3_600, 1_801, 1_799)] == [3, 3, 5, 5]
    assert fewest_batches(sizes, BatchRules(3_600, 7, 0)) == 3


def test_passes_differ_and_seeds_differ() -> None:
    counts = token_counts(random_sizes(83))
    plans = [plan_batches(counts, RULES, turn) for turn in (0, 1)]
    plans.append(plan_batches(counts, BatchRules(701, 7, seed=4), 0))
    assert all(one != other for one, other in pairwise(plans))


@pytest.mark.parametrize("related", [True, False])
def test_like_sizes_meet(related: bool) -> None:
    """An epoch is hardly padded where outputs are as large as inputs, and by a quarter at most where not."""
    sizes = random_sizes(2003)
    if related:
        sizes[:, 2:] = sizes[:, :2]
    counts = token_counts(sizes)
    share = padding_share(counts, plan_batches(counts, BatchRules(cells=16_384, examples=32, seed=0), 0))
    at_random = np.random.default_rng(0).permutation(2003).tolist()
    assert share < (0.1 if related else 0.25)
    assert share < padding_share(counts, [at_random[i : i + 32] for i in range(0, 2003, 32)]) / 2


def stream(steps: int, *, rank: int = 0, ranks: int = 1, begun: int = 0, at: int = 0) -> list[list[tuple[int, int]]]:
    made = BatchStream(random_sizes(41), RULES, steps, rank=rank, ranks=ranks, begun=begun)
    made.set_epoch(at)
    batches = list(made)
    assert len(batches) == len(made) == steps
    return batches


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_slices_follow_one_another(ranks: int) -> None:
    """Whatever the length of a slice, one after the other they are the one stream, pass after pass."""
    whole = stream(60, ranks=ranks)
    for steps in (5, 12):
        pieces = [stream(steps, ranks=ranks, at=slice_) for slice_ in range(60 // steps)]
        assert [batch for piece in pieces for batch in piece] == whole
    assert [batch for at in (7, 8) for batch in stream(5, ranks=ranks, begun=7, at=at)] == whole[:10]
    turns = [turn for batch in whole for turn, _ in batch]
    assert turns == sorted(turns)
    assert turns[-1] >= 1


def test_a_pass_shows_every_example_once() -> None:
    seen = [key for batch in stream(60) for key in batch]
    last = max(turn for turn, _ in seen)
    for turn in range(last):
        assert sorted(example for t, example in seen if t == turn) == list(range(41))


def test_processes_share_a_pass_and_cost_alike() -> None:
    counts = token_counts(random_sizes(41))
    shares = [stream(30, rank=rank, ranks=2) for rank in range(2)]
    one, other = ({key for batch in share for key in batch} for share in shares)
    assert not one & other

    def cost(batch: list[tuple[int, int]]) -> int:
        examples = [example for _, example in batch]
        return int(counts[examples].max(axis=0).sum()) * len(examples)

    apart = [abs(cost(left) - cost(right)) for left, right in zip(*shares, strict=True)]
    spread = [cost(batch) for batch in shares[0]]
    assert np.mean(apart) < np.std(spread) / 2


@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_what_the_processes_leave_out_of_a_pass_is_drawn(ranks: int) -> None:
    """The costliest batches, were they always those left out, would never be trained on."""
    sizes = np.repeat([[4] * 4, [8] * 4, [12] * 4, [20] * 4], (10, 10, 10, 9), axis=0)
    rules = BatchRules(6_144 // ranks, 64, seed=0)
    shares = [BatchStream(sizes, rules, 600, rank=rank, ranks=ranks) for rank in range(ranks)]
    seen = [example for share in shares for batch in share for _, example in batch]
    counts = np.bincount(seen, minlength=len(sizes))
    assert counts.min() > 0.8 * counts.max()


def test_one_process_takes_the_batches_as_they_are_planned() -> None:
    planned_ones = plan_batches(token_counts(random_sizes(41)), RULES, 0)
    np.random.default_rng([RULES.seed, 0, 1]).shuffle(planned_ones)
    assert [[example for _, example in batch] for batch in stream(len(planned_ones))] == planned_ones


def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The passes that are planned, in order."""
    turns: list[int] = []
    plan = sampling.plan_batches
    monkeypatch.setattr(sampling, "plan_batches", lambda c, r, turn: [turns.append(turn), plan(c, r, turn)][1])
    return turns


def test_each_pass_is_planned_once_however_often_training_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = planned(monkeypatch)
    made = BatchStream(random_sizes(41), RULES, 5)
    seen = []
    for slice_ in range(40):
        made.set_epoch(slice_)
        seen += list(made)
    assert turns == list(range(seen[-1][0][0] + 1)) and len(turns) > 5
    # Looked at again, or begun in the middle, it is the same stream, found in one go.
    for at in (39, 17, 18, 3):
        turns.clear()
        made.set_epoch(at)
        assert list(made) == seen[5 * at : 5 * at + 5]
        assert len(turns) <= seen[5 * at + 4][0][0] + 1


def test_a_slice_cut_short_is_no_place_to_go_on_from() -> None:
    made = BatchStream(random_sizes(41), RULES, 5)
    first = next(iter(made))
    made.set_epoch(1)
    assert list(made) == stream(5, at=1)
    made.set_epoch(0)
    assert next(iter(made)) == first


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_steps_of_a_pass_come_in_random_order(ranks: int) -> None:
    """Steps sorted by cost, as processes need them to share, would show a model small grids first in every pass."""
    counts = token_counts(random_sizes(41))
    keys = stream(60, ranks=ranks)
    costs = [[], []]
    for batch in keys:
        turn, examples = batch[0][0], [example for _, example in batch]
        if turn < 2:
            costs[turn].append(int(counts[examples].max(axis=0).sum()) * len(examples))
    for of_pass in costs:
        assert len(of_pass) > 5
        assert of_pass not in (sorted(of_pass), sorted(of_pass, reverse=True))
        # Neighbours are no more alike than any two steps are.
        near = np.abs(np.diff(of_pass)).mean()
        apart = np.abs(np.subtract.outer(of_pass, of_pass)).mean()
        assert near > apart / 2
    assert costs[0] != costs[1]


def test_too_few_batches_for_the_processes() -> None:
    """Without a word this would wait for ever."""
    endless = BatchStream(np.array([[2, 2, 3, 3]]), RULES, steps=5, rank=1, ranks=2)
    with pytest.raises(ArcAffinityError, match=r"1 batches, too few for 2 processes; ask for fewer \(--processes\)"):
        next(iter(endless))


def zeros(rows: int, cols: int) -> Pair:
    return Pair(np.zeros((rows, cols), np.uint8), np.ones((cols, rows), np.uint8))


def test_small_examples_first(tmp_path: Path) -> None:
    pairs = {"00576224": [zeros(2, 3), zeros(5, 7), zeros(2, 2)], "0b148d64": [zeros(1, 1), zeros(1, 2)]}
    write_store(tmp_path / "s", pairs, {"seed": 0})
    store = ExampleStore.open(tmp_path / "s")
    part = smaller(store, 16)
    assert [store.task_of(0), *part.tasks] == ["00576224", "00576224", "0b148d64"]
    assert token_counts(part.sizes).sum(axis=1).max() == 16
    assert len(part) == 4
    assert smaller(store, 15).tasks == ("0b148d64",), "a single example has none to be shown beside it"
    with pytest.raises(ArcAffinityError, match="no task has two examples of at most 3 tokens"):
        smaller(store, 3)
