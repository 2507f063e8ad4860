"""The nouns of the package: what is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arc_affinity.types import Example, Pair, Task


def pair(rows: int = 2, cols: int = 3, colour: int = 5, output: bool = True) -> Pair:
    return Pair(np.full((rows, cols), colour, np.uint8), np.full((cols, rows), 7, np.uint8) if output else None)


def task() -> Task:
    return Task("t1", (pair(), pair(3, 5)), (pair(output=False),), "mine")


def example() -> Example:
    return Example("t1", 3, pair(), (pair(3, 5),))


@pytest.mark.parametrize("make", [pair, task, example])
def test_the_same_made_twice_is_equal_and_one_in_a_set(make) -> None:
    assert make() == make()
    assert hash(make()) == hash(make()) and len({make(), make()}) == 1
    assert make() != "t1" and make() in [make()]


@pytest.mark.parametrize(
    "other",
    [
        pair(3, 2),  # the same cells in another shape
        pair(colour=4),
        pair(output=False),
        Pair(pair().input, pair(colour=4).input),
    ],
)
def test_another_grid_makes_another_pair_task_and_example(other: Pair) -> None:
    first = pair()
    assert first != other and len({first, other}) == 2
    assert replace(task(), train=(other, pair(3, 5))) != task()
    assert replace(task(), test=(other,)) != task() or other == pair(output=False)
    assert replace(example(), query=other) != example() and replace(example(), demonstrations=(other,)) != example()


@pytest.mark.parametrize("changes", [{"id": "t2"}, {"dataset": ""}, {"train": task().train[::-1]}, {"test": ()}])
def test_a_task_is_told_by_all_that_it_has(changes: dict[str, object]) -> None:
    assert len({task(), replace(task(), **changes)}) == 2


def test_how_cells_lie_in_memory_makes_no_difference() -> None:
    cells = np.arange(6, dtype=np.uint8).reshape(2, 3)
    turned = np.asfortranarray(cells)
    assert Pair(cells, None) == Pair(turned, None) and hash(Pair(cells, None)) == hash(Pair(turned, None))
