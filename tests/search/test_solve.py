"""From a task to ranked answers, and every kind of bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.search import solve, solve_task
from arc_affinity.search.compose import Bounds
from arc_affinity.search.solve import Candidate, rank
from arc_affinity.search.views import lattice_view, views_of
from arc_affinity.types import Pair, Task

pytestmark = pytest.mark.many_steps

RANDOM = np.random.default_rng(0)
ENOUGH = {"seconds": float("inf"), "states": 120}


def task_of(function: object, sizes: tuple[tuple[int, int], ...] = ((2, 3), (5, 2), (3, 7)), id: str = "made") -> Task:
    """A task whose rule is a function, with random inputs; the last pair is the test."""
    inputs = [RANDOM.integers(0, 5, size).astype(np.uint8) for size in sizes]
    pairs = [Pair(grid, np.ascontiguousarray(function(grid), np.uint8)) for grid in inputs]  # type: ignore[operator]
    return Task(id, tuple(pairs[:-1]), (pairs[-1],))


def mirrored(grid: np.ndarray) -> np.ndarray:
    return grid[:, ::-1]


def test_a_program_is_found_and_named() -> None:
    task = task_of(lambda grid: np.tile(grid[:, ::-1], (1, 2)))
    ((first, *_),) = solve_task(task, seconds=float("inf"), states=1500)
    np.testing.assert_array_equal(first.grid, task.test[0].output)
    assert first.program in {"input | mirror left-right | tile 1x2", "input | tile 1x2 | mirror left-right"}
    assert (first.fits, first.source) == (2, "composition")


def test_a_rule_for_cells_is_learned() -> None:
    # Cells with a neighbour 3 on their left become 7: no single function does this.
    def rule(grid: np.ndarray) -> np.ndarray:
        result = grid.copy()
        result[:, 1:][grid[:, :-1] == 3] = 7
        return result

    task = task_of(rule, ((7, 7), (5, 11), (7, 5)))
    ((first, *_),) = solve_task(task, **ENOUGH)
    np.testing.assert_array_equal(first.grid, task.test[0].output)
    assert first.program == "input | cells (left is 3 ? 7 : own)"
    assert first.source == "rule"


def test_outputs_of_tests_are_never_looked_at() -> None:
    task = task_of(mirrored)
    withheld = replace(task, test=tuple(replace(pair, output=None) for pair in task.test))
    wrong = replace(task, test=tuple(replace(pair, output=np.full((1, 1), 9, np.uint8)) for pair in task.test))
    expected = [(answer.program, answer.grid.tolist()) for answer in solve_task(task, **ENOUGH)[0]]
    for other in (withheld, wrong):
        assert [(answer.program, answer.grid.tolist()) for answer in solve_task(other, **ENOUGH)[0]] == expected


def test_contradicting_demonstrations_have_no_answer() -> None:
    grid = np.array([[1, 2]], np.uint8)
    task = Task("x", (Pair(grid, grid), Pair(grid.copy(), grid[:, ::-1])), (Pair(grid, None), Pair(grid, None)))
    assert solve_task(task, **ENOUGH) == ((), ())


def test_no_time_no_answer() -> None:
    assert solve_task(task_of(mirrored), seconds=0) == ((),)


def test_the_input_of_a_demonstration_has_its_output() -> None:
    task = task_of(mirrored)
    known = replace(task, test=(Pair(task.train[1].input.copy(), None), task.test[0]))
    first, second = solve_task(known, **ENOUGH)
    np.testing.assert_array_equal(first[0].grid, task.train[1].output)
    assert first[0].source == "same input"
    assert second[0].source == "composition"


def test_one_demonstration_of_one_cell() -> None:
    cell = np.array([[4]], np.uint8)
    task = Task("small", (Pair(cell, cell + 1),), (Pair(cell + 3, None),))
    (answers,) = solve_task(task, **ENOUGH)
    assert answers and all(answer.grid.size for answer in answers)


def test_all_views_have_some_of_the_time_and_together_no_more_than_all(monkeypatch: pytest.MonkeyPatch) -> None:
    now, shares = [0.0], []

    def in_view(task: Task, view: object, bounds: Bounds) -> list[Candidate]:
        shares.append(bounds.seconds)
        now[0] += bounds.seconds
        return []

    monkeypatch.setattr(solve, "_in_view", in_view)
    task = task_of(mirrored)
    solve.candidates(task, Bounds(100.0, clock=lambda: now[0]))
    assert len(shares) == len(list(views_of([pair.input for pair in (*task.train, *task.test)]))) > 2
    assert sum(shares) == pytest.approx(100.0) and min(shares) > 1


def test_largest_grids_end_in_time() -> None:
    noise = RANDOM.integers(0, 10, (30, 30)).astype(np.uint8)
    task = Task("noise", (Pair(noise, noise[::-1, :13]),), (Pair(noise.T.copy(), None),))
    assert len(solve_task(task, seconds=0.3)) == 1


def test_ranking() -> None:
    a, b, c = (np.full((1, 1), colour, np.uint8) for colour in (1, 2, 3))
    task = task_of(mirrored)
    found = [
        Candidate((a,), "cheap", 3.0, 2, "composition"),
        Candidate((b,), "dear", 3.2, 2, "composition"),
        Candidate((b,), "dearer", 3.9, 2, "rule"),
        Candidate((c,), "part", 0.0, 1, "composition"),
    ]
    (answers,) = rank(found, task)
    # Two that agree outweigh a little more cost; a program that fits less comes last whatever it costs.
    assert [(answer.program, answer.agreeing) for answer in answers] == [("dear", 2), ("cheap", 1), ("part", 1)]


GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 9))


@given(st.lists(GRIDS, min_size=1, max_size=4))
def test_views_are_undone(grids: list[np.ndarray]) -> None:
    for view in views_of(grids):
        for index, grid in enumerate(grids):
            np.testing.assert_array_equal(view.undo(view.apply(grid, index), index), grid)


def test_views_that_change_nothing_are_left_out() -> None:
    plain = np.array([[0, 0, 1]], np.uint8)
    assert [view.name for view in views_of([plain])] == ["", "transposed", "turned round", "mirrored"]


def test_a_lattice_of_parts_is_seen_as_cells() -> None:
    # Parts of 1 x 2 cells between lines of colour 8; the answer's lines and sizes come back.
    given = np.array([[1, 1, 8, 0, 0], [8, 8, 8, 8, 8], [3, 3, 8, 2, 2]], np.uint8)
    wanted = np.array([[4, 4, 8, 0, 0], [8, 8, 8, 8, 8], [3, 3, 8, 4, 4]], np.uint8)
    view = lattice_view([Pair(given, wanted)], [given, given])
    assert view is not None
    assert view.apply(given, 0).tolist() == [[1, 0], [3, 2]]
    assert view.apply(wanted, 0).tolist() == [[4, 0], [3, 4]]
    np.testing.assert_array_equal(view.undo(view.apply(wanted, 0), 1), wanted)
    assert view.undo(np.ones((1, 1), np.uint8), 1).shape == (1, 1)
    ragged = given.copy()
    ragged[0, 0] = 5
    assert lattice_view([Pair(given, wanted)], [given, ragged]) is None
    assert lattice_view([Pair(given, wanted[:1])], [given, given]) is None
    assert lattice_view([Pair(given, given)], [given, np.ones((2, 2), np.uint8)]) is None


@pytest.mark.slow
@pytest.mark.parametrize("function", [np.rot90, mirrored, lambda grid: grid[:1, :1]])
def test_same_answers_twice(function: object) -> None:
    task = task_of(function)
    first, second = (solve_task(task, **ENOUGH)[0] for _ in range(2))
    assert [answer.program for answer in first] == [answer.program for answer in second]
