"""Demonstrations: never the query, the same for the same (seed, epoch, example), others otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.data.batching.demonstrations import draw, from_store, from_task, leave_one_out
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Example, Grid, Pair, Task

COUNTS = {"00576224": 3, "0b148d64": 11, "a1570a43": 2}


def numbered(number: int) -> Pair:
    """A pair that tells its number: in its input the digits, in its output the number of columns."""
    digits = [int(digit) for digit in f"{number:03d}"]
    return Pair(np.array([digits], np.uint8), np.zeros((1, number + 1), np.uint8))


def number(pair: Pair) -> int:
    return int("".join(map(str, pair.input.ravel())))


def shown(example: Example) -> list[int]:
    return [number(pair) for pair in example.demonstrations]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ExampleStore:
    """Pairs numbered through the whole store."""
    folder: Path = tmp_path_factory.mktemp("context") / "store"
    pairs, start = {}, 0
    for task, count in sorted(COUNTS.items()):
        pairs[task] = [numbered(start + k) for k in range(count)]
        start += count
    write_store(folder, pairs, {"seed": 0})
    return ExampleStore.open(folder)


@pytest.fixture
def task() -> Task:
    return Task("d10ecb37", tuple(numbered(k) for k in range(5)), (numbered(7), numbered(8)))


@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 2**40), st.integers(0, 2**32), st.integers(0, 10**6))
def test_a_draw(others: int, pairs: int, seed: int, epoch: int, example: int) -> None:
    drawn = draw(others, pairs, seed, epoch, example)
    assert len(drawn) == pairs
    assert ((drawn >= 0) & (drawn < others)).all()
    assert len(set(drawn.tolist())) == min(pairs, others), "none twice where there are enough"
    assert (drawn == draw(others, pairs, seed, epoch, example)).all()


def test_a_draw_depends_on_each_of_its_three_numbers() -> None:
    base = [draw(1000, 5, 1, 2, 3).tolist(), draw(1000, 5, 7, 2, 3).tolist()]
    base += [draw(1000, 5, 1, 7, 3).tolist(), draw(1000, 5, 1, 2, 7).tolist()]
    assert len({tuple(each) for each in base}) == 4


def test_every_other_pair_is_drawn_alike_often() -> None:
    counts = np.bincount([k for epoch in range(600) for k in draw(3, 2, 0, epoch, 5)], minlength=3)
    assert (abs(counts - 400) < 60).all()


def test_nothing_to_draw_from() -> None:
    with pytest.raises(ArcAffinityError, match="a task with one pair has no demonstration"):
        draw(0, 2, 0, 0, 0)


@pytest.mark.parametrize("epoch", range(7))
def test_from_a_store_never_the_query_and_never_another_task(store: ExampleStore, epoch: int) -> None:
    for index in range(len(store)):
        example = from_store(store, index, pairs=2, seed=3, epoch=epoch)
        family = store.indices(store.task_of(index))
        assert example.task_id == store.task_of(index)
        assert (example.index, number(example.query)) == (index, index)
        assert index not in shown(example)
        assert set(shown(example)) <= set(family)
        assert len(set(shown(example))) == min(2, len(family) - 1)


def test_over_the_epochs_all_others_are_shown(store: ExampleStore) -> None:
    seen = {k for epoch in range(60) for k in shown(from_store(store, 7, pairs=2, seed=3, epoch=epoch))}
    assert seen == set(store.indices(store.task_of(7))) - {7}


def test_from_a_store_it_is_repeatable(store: ExampleStore) -> None:
    def pass_over(seed: int, epoch: int) -> list[list[int]]:
        return [shown(from_store(store, index, pairs=2, seed=seed, epoch=epoch)) for index in range(len(store))]

    assert pass_over(3, 0) == pass_over(3, 0)
    assert pass_over(3, 0) != pass_over(3, 1)
    assert pass_over(3, 0) != pass_over(4, 0)


def test_the_published_leak_by_name_only(store: ExampleStore) -> None:
    """Fault 3: the first pairs of a task are shown for every example, themselves included."""
    family = store.indices("0b148d64")
    for index in family:
        example = from_store(store, index, pairs=2, seed=3, epoch=5, policy="first")
        assert shown(example) == [family.start, family.start + 1]
    last = from_store(store, len(store) - 1, pairs=5, seed=0, epoch=0, policy="first")
    # As many for every task, or a batch of several could not be told apart.
    first, second = len(store) - 2, len(store) - 1
    assert shown(last) == [first, second, first, second, first]


def test_from_a_task(task: Task) -> None:
    for index, true in enumerate((7, 8)):
        example = from_task(task, index, pairs=2, seed=3)
        assert (example.task_id, example.index, number(example.query)) == ("d10ecb37", index, true)
        assert len(set(shown(example))) == 2
        assert set(shown(example)) <= set(range(5))
    rounds = {tuple(shown(from_task(task, 0, pairs=2, seed=3, round=r))) for r in range(60)}
    assert len(rounds) == 20, "all ordered choices of 2 of 5"


def test_leaving_one_out(task: Task) -> None:
    for index in range(5):
        for epoch in range(7):
            example = leave_one_out(task, index, pairs=3, seed=0, epoch=epoch)
            assert number(example.query) == index
            assert index not in shown(example)
            assert len(set(shown(example))) == 3
    alone = Task("x", (numbered(0),), ())
    with pytest.raises(ArcAffinityError, match="a task with one pair"):
        leave_one_out(alone, 0, pairs=2, seed=0, epoch=0)


def test_too_few_demonstrations_are_repeated() -> None:
    def blank() -> Grid:
        return np.zeros((1, 1), np.uint8)

    task = Task("x", (numbered(5),), (Pair(blank(), None),))
    assert shown(from_task(task, 0, pairs=3, seed=0)) == [5, 5, 5]
