"""Equal content under other names, views and colours; the leaks between the published datasets."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.data.symmetry.canonical import KEY_BYTES, Leak, Place, find_leaks, pair_key, task_key
from arc_affinity.types import Pair, Task

GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 9))
PAIRS = st.builds(Pair, GRIDS, GRIDS)
TURNS = st.tuples(st.integers(0, 3), st.booleans(), st.permutations(range(10)))


def turned(pair: Pair, turn: tuple[int, bool, list[int]]) -> Pair:
    quarters, mirrored, colours = turn
    assert pair.output is not None
    grids = [np.array(colours, np.uint8)[np.rot90(grid, quarters)] for grid in (pair.input, pair.output)]
    return Pair(*(grid[:, ::-1] if mirrored else grid for grid in grids))


def are_the_same(one: Pair, other: Pair) -> bool:
    """Directly: some view of ``one`` has ``other``'s shapes and a one-to-one map of its colours."""
    assert one.output is not None
    assert other.output is not None
    for quarters, mirrored in itertools.product(range(4), (False, True)):
        view = turned(one, (quarters, mirrored, list(range(10))))
        assert view.output is not None
        if view.input.shape != other.input.shape or view.output.shape != other.output.shape:
            continue
        cells = [*view.input.flat, *view.output.flat]
        others = [*other.input.flat, *other.output.flat]
        links = set(zip(cells, others, strict=True))
        if len(links) == len(set(cells)) == len(set(others)):
            return True
    return False


@given(PAIRS, TURNS)
def test_view_and_colours_do_not_matter(pair: Pair, turn: tuple[int, bool, list[int]]) -> None:
    assert pair_key(turned(pair, turn)) == pair_key(pair)
    assert len(pair_key(pair)) == KEY_BYTES


def test_keys_are_equal_if_and_only_if_pairs_are_the_same() -> None:
    cells = itertools.product(range(3), repeat=5)
    pairs = [Pair(np.array(c[:4], np.uint8).reshape(2, 2), np.array(c[4:], np.uint8).reshape(1, 1)) for c in cells]
    pairs = pairs[::11] + [
        Pair(np.array([c[:2]], np.uint8), np.array(c[2:], np.uint8)[:, None])
        for c in itertools.product(range(2), repeat=4)
    ]
    for one, other in itertools.combinations(pairs, 2):
        assert (pair_key(one) == pair_key(other)) == are_the_same(one, other)


def grid(*rows: str) -> np.ndarray:
    return np.array([[int(cell) for cell in row] for row in rows], np.uint8)


def test_an_input_is_not_an_output() -> None:
    assert pair_key(Pair(grid("12"), grid("11"))) != pair_key(Pair(grid("11"), grid("12")))


def test_the_same_cells_in_another_shape() -> None:
    assert pair_key(Pair(grid("1231"), grid("0"))) != pair_key(Pair(grid("12", "31"), grid("0")))


def test_colours_are_relabelled_in_input_and_output_together() -> None:
    assert pair_key(Pair(grid("12"), grid("12"))) == pair_key(Pair(grid("70"), grid("70")))
    assert pair_key(Pair(grid("12"), grid("12"))) != pair_key(Pair(grid("12"), grid("21")))


def test_views_turn_input_and_output_together() -> None:
    one = Pair(grid("123"), grid("100"))
    assert pair_key(one) == pair_key(Pair(grid("321"), grid("001")))
    assert pair_key(one) != pair_key(Pair(grid("321"), grid("100")))


def test_a_withheld_output() -> None:
    assert pair_key(Pair(grid("123"), None)) == pair_key(Pair(grid("5", "4", "0"), None))
    assert pair_key(Pair(grid("123"), None)) != pair_key(Pair(grid("123"), grid("1")))


A, B, C = Pair(grid("12"), grid("2")), Pair(grid("123"), grid("3")), Pair(grid("1234"), grid("4"))


def test_a_task_is_its_pairs_in_any_order_and_part() -> None:
    assert task_key(Task("a", (A, B), (C,))) == task_key(Task("b", (C, A), (B,)))
    assert task_key(Task("a", (A, B), (C,))) != task_key(Task("a", (A, B), (B,)))
    assert task_key(Task("a", (A, B), (C,))) != task_key(Task("a", (A,), (C,)))


def test_leaks_say_where_and_whether_identical() -> None:
    train = [Task("t", (A,), (B,)), Task("u", (C,), (A,))]
    turned_b = turned(B, (1, False, [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]))
    assert find_leaks(train, [Task("e", (turned_b,), (A,))]) == [
        Leak(Place("e", "train", 0), Place("t", "test", 0), False),
        Leak(Place("e", "test", 0), Place("t", "train", 0), True),
        Leak(Place("e", "test", 0), Place("u", "test", 0), True),
    ]


def test_withheld_tests_are_compared_by_their_input() -> None:
    train = [Task("t", (A,), (B,))]
    ask = [Task("e", (C,), (Pair(B.input, None), Pair(grid("432"), None), Pair(grid("4444"), None)))]
    assert find_leaks(train, ask) == [
        Leak(Place("e", "test", 0), Place("t", "test", 0), True),
        Leak(Place("e", "test", 1), Place("t", "test", 0), False),
    ]


def test_a_known_pair_without_output_is_compared_by_its_input() -> None:
    known = [Task("t", (A,), (Pair(B.input, None),)), Task("u", (B,), (Pair(grid("4444"), None),))]
    asked = [Task("e", (C,), (B, Pair(grid("432"), grid("9")), Pair(B.input, None)))]
    assert find_leaks(known, asked) == [
        Leak(Place("e", "test", 0), Place("t", "test", 0), True),
        Leak(Place("e", "test", 0), Place("u", "train", 0), True),
        Leak(Place("e", "test", 1), Place("t", "test", 0), False),
        Leak(Place("e", "test", 2), Place("t", "test", 0), True),
        Leak(Place("e", "test", 2), Place("u", "train", 0), True),
    ]


def test_no_tasks_no_leaks() -> None:
    assert find_leaks([], [Task("e", (A,), (B,))]) == []
    assert find_leaks([Task("e", (A,), (B,))], []) == []


Loader = Callable[[str], tuple[Task, ...]]


def links(leaks: list[Leak]) -> set[tuple[str, str]]:
    return {(leak.pair.task, leak.seen_in.task) for leak in leaks}


def test_leaks_within_arc_agi_1(tasks_of: Loader) -> None:
    leaks = find_leaks(tasks_of("arc-agi-1/training"), tasks_of("arc-agi-1/evaluation"))
    assert links(leaks) == {("070dd51e", "40853293"), ("50a16a69", "caa06a1f")}
    same = [leak for leak in leaks if leak.pair.task == "070dd51e"]
    assert len(same) == 3
    assert all(leak.identical for leak in same)
    turned_test = [leak for leak in leaks if leak.pair == Place("50a16a69", "test", 0)]
    assert [(leak.seen_in.task, leak.identical) for leak in turned_test] == [("caa06a1f", False)]


def test_one_task_of_arc_agi_1_is_there_twice(tasks_of: Loader) -> None:
    keys: dict[bytes, list[str]] = {}
    for task in (*tasks_of("arc-agi-1/training"), *tasks_of("arc-agi-1/evaluation")):
        keys.setdefault(task_key(task), []).append(task.id)
    assert [ids for ids in keys.values() if len(ids) > 1] == [["40853293", "070dd51e"]]


def test_leaks_from_arc_agi_1_into_arc_agi_2(tasks_of: Loader) -> None:
    leaks = find_leaks(tasks_of("arc-agi-1/evaluation"), tasks_of("arc-agi-2/evaluation"))
    by_other_ids = [leak for leak in leaks if leak.pair.task != leak.seen_in.task]
    assert links(by_other_ids) == {("db695cfb", "55783887")}
    assert {leak.pair.part for leak in by_other_ids} == {"train"}
    assert len({leak.pair.task for leak in leaks if leak.pair.task == leak.seen_in.task}) == 6


def test_arc_agi_2_training_holds_376_tasks_of_arc_agi_1_evaluation(tasks_of: Loader) -> None:
    training, evaluation = tasks_of("arc-agi-2/training"), tasks_of("arc-agi-1/evaluation")
    leaking = {leak.pair.task for leak in find_leaks(training, evaluation)}
    assert len(leaking) == 376
    assert leaking == {task.id for task in training} & {task.id for task in evaluation}


def test_no_leak_from_arc_agi_2_training_into_its_evaluation(tasks_of: Loader) -> None:
    assert find_leaks(tasks_of("arc-agi-2/training"), tasks_of("arc-agi-2/evaluation")) == []
