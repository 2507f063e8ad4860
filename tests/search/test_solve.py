"""From a task to ranked answers, and every kind of bad input."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.errors import ArcAffinityError
from arc_affinity.search import many, solve, solve_task
from arc_affinity.search.bases import RULE_BASES, agreement
from arc_affinity.search.cell_rules.features import CellFeatures
from arc_affinity.search.compose import Bounds, Node
from arc_affinity.search.ranking import Candidate, rank
from arc_affinity.search.solve import found_program
from arc_affinity.search.values import Kind
from arc_affinity.search.views import background_first, lattice_cells, lattice_view, ranked_by_count, views_of
from arc_affinity.types import Pair, Task

pytestmark = pytest.mark.many_steps

ENOUGH = {"seconds": float("inf"), "states": 120}


def task_of(function: object, sizes: tuple[tuple[int, int], ...] = ((2, 3), (5, 2), (3, 7)), id: str = "made") -> Task:
    """A task whose rule is a function, with random inputs; the last pair is the test."""
    draws = np.random.default_rng(0)
    inputs = [draws.integers(0, 5, size).astype(np.uint8) for size in sizes]
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


@pytest.mark.parametrize("seconds", [0, float("inf")])
def test_a_task_that_shows_nothing_is_told(seconds: float) -> None:
    task = task_of(mirrored)
    with pytest.raises(ArcAffinityError, match="task made: no train pairs"):
        solve_task(replace(task, train=()), seconds=seconds)
    withheld = replace(task, train=(task.train[0], Pair(task.train[1].input, None)))
    odd = Task("made", (Pair(np.full((1, 1), 11), np.ones((1, 1), np.uint8)),), ())
    with pytest.raises(ArcAffinityError, match="task made, train pair 0, input, row 0, column 0: 11 is not a colour"):
        solve_task(odd, seconds=1)
    with pytest.raises(ArcAffinityError, match="task made, train pair 1: no output"):
        solve_task(withheld, seconds=seconds)


def test_the_program_of_a_task_without_tests_is_the_same() -> None:
    task = task_of(mirrored)
    found = [found_program(each, 5.0) for each in (task, replace(task, test=()))]
    assert [(each.text, each.cost) for each in found] == [("input | mirror left-right", found[0].cost)] * 2


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
    noise = np.random.default_rng(0).integers(0, 10, (30, 30)).astype(np.uint8)
    task = Task("noise", (Pair(noise, noise[::-1, :13]),), (Pair(noise.T.copy(), None),))
    assert len(solve_task(task, seconds=0.3)) == 1


def test_ranking() -> None:
    a, b, c, d = (np.full((1, 1), colour, np.uint8) for colour in (1, 2, 3, 4))
    task = task_of(mirrored)
    found = [
        Candidate((a,), "cheap", 3.0, 2, "composition"),
        Candidate((b,), "dear", 3.2, 2, "composition"),
        Candidate((b,), "dearer", 3.9, 2, "rule"),
        Candidate((c,), "part", 0.0, 1, "composition"),
        Candidate((d,), "cheapest", 2.6, 2, "composition"),
    ]
    (answers,) = rank(found, task)
    # Two that agree outweigh half a unit of cost; a program that fits less comes last whatever it costs.
    assert [(answer.program, answer.agreeing) for answer in answers] == [
        ("cheapest", 1),
        ("dear", 2),
        ("cheap", 1),
        ("part", 1),
    ]


def test_a_program_without_an_answer_to_a_test_has_no_place_there() -> None:
    grid = np.ones((1, 1), np.uint8)
    task = task_of(mirrored)
    found = [Candidate((None,), "best", 1.0, 2, "rule"), Candidate((grid,), "other", 2.0, 1, "rule")]
    assert [[answer.program for answer in answers] for answers in rank(found, task)] == [["other"]]


def node(cost: float, *grids: list[list[int]], name: str = "") -> Node:
    return Node(tuple(np.array(each, np.uint8) for each in grids), Kind.GRID, (name,) if name else (), cost)


def test_rules_are_learned_from_the_best_grids_with_the_inputs_colours_and_other_grids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Two demonstrations and a test; of the inputs' colours 3, 4 and 9 are the commonest, the second and the rarest.
    inputs = [np.array([[3, 3, 3], [4, 4, 9]], np.uint8)] * 2 + [np.zeros((2, 3), np.uint8)]
    targets = [np.array([[1, 1, 1], [0, 0, 0]], np.uint8)] * 2
    same = node(0.0, *(each.tolist() for each in inputs))
    half = node(1.0, [[1, 1, 1], [5, 5, 5]], [[1, 1, 1], [5, 5, 5]], [[7, 7, 7], [7, 7, 7]], name="half right")
    ragged = node(1.4, [[1, 1, 1], [5, 5, 5]], [[1, 1, 1], [5, 5, 5]], [[7]], name="ragged")
    seen: list[list[CellFeatures]] = []

    def learn(
        features: list[CellFeatures], wanted: list[np.ndarray], known: set[str], over: object
    ) -> list[SimpleNamespace]:
        assert wanted is targets and known == ({"(own)"} if len(seen) % 2 else set())
        seen.append(features)
        return [SimpleNamespace(size=2, held_out=0.75, text="(own)", grids=(*targets, inputs[2]))]

    monkeypatch.setattr(solve, "learn_rules", learn)
    found = solve._rules([same, half, ragged], inputs, targets, 1.0, lambda: 0.0)
    programs = ["input | half right", "input | ragged", "input"]
    assert [each.program for each in found] == [f"{program} | cells (own)" for program in programs for _ in range(2)]
    # What the grid costs, 1, 0.4 a question, 2 times the share of wrong cells held out; half for other grids asked.
    assert [each.cost for each in found] == pytest.approx([3.3, 3.8, 3.7, 4.2, 2.3, 2.8])
    assert {(each.fits, each.source) for each in found} == {(2, "rule")}
    assert all(each.grids == (inputs[2],) for each in found)
    of_input = ("commonest of input", "second of input", "rarest of input")
    for number, features in enumerate(seen):
        colours = features[0].colours
        if number >= 4:  # the input itself has those colours anyway
            assert not set(of_input) & set(colours)
        else:
            assert [colours[name].layer.tolist() for name in of_input] == [[[c] * 3] * 2 for c in (3, 4, 9)]
            assert {colours[name].tier for name in of_input} == {1}
            if number < 2:
                assert not features[2].colours["rarest of input"].layer.any()
        layers = {name: colours[name].layer.tolist() for name in colours if name.startswith("[")}
        wanted = {0: ["input"], 1: [], 2: ["input | half right"]}[number // 2] if number % 2 else []
        assert list(layers) == [f"[{name}]" for name in wanted]
        if number == 5:
            assert layers == {"[input | half right]": half.state[0].tolist()}
            assert colours["[input | half right]"].tier == 1 and colours["[input | half right]"].family == "layers"


def test_rules_end_with_the_time_and_after_some_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(solve, "learn_rules", lambda features, targets, known, over: calls.append(len(features)) or [])
    grids = [np.zeros((1, 2), np.uint8)] * 2
    nodes = [node(float(cost), [[0, 0]], [[0, 0]], name=f"n{cost}") for cost in range(9)]
    solve._rules(nodes, grids, grids[:1], 1.0, lambda: 0.0)
    assert calls == [2] * 2 * RULE_BASES
    for late, done in ((1.0, 0), (0.5, 2)):
        calls.clear()
        times = iter([0.0] * (done and 2) + [late] * 99)
        solve._rules(nodes, grids, grids[:1], late, lambda: next(times))  # noqa: B023
        assert len(calls) == done


def test_a_rule_that_asks_no_other_grid_is_learned_once() -> None:
    grids = [np.array(each, np.uint8) for each in ([[1, 2, 0]], [[2, 0, 1]], [[0, 1, 1]])]
    targets = [np.where(each == 1, 5, each).astype(np.uint8) for each in grids[:2]]
    nodes = [node(0.0, *(each.tolist() for each in grids)), node(1.0, *([[[3, 4, 0]]] * 3), name="other")]
    texts = [each.program for each in solve._rules(nodes, grids, targets, 1.0, lambda: 0.0)]
    assert "input | cells (own is 1 ? 5 : own)" in texts and len(texts) == len(set(texts))


def test_agreement_is_the_share_of_cells() -> None:
    targets = [np.array([[1, 2]], np.uint8), np.array([[3], [4], [5]], np.uint8)]
    assert agreement(node(0.0, [[1, 0]], [[3], [4], [0]], [[9]]), targets) == pytest.approx(3 / 5)
    with pytest.raises(ValueError):
        agreement(node(0.0, [[1, 0]]), targets)


def test_the_program_of_many_demonstrations_reproduces_those_that_were_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    monkeypatch.setattr(solve, "candidates", lambda task, bounds: seen.append(len(task.train)) or [])
    task = task_of(mirrored)
    found_program(replace(task, train=task.train * 30), 1.0)
    found_program(task, 1.0)
    assert seen == [many.FROM - 1, len(task.train)]


def test_colours_are_exchanged_by_count() -> None:
    grid = np.array([[5, 5, 5, 2], [2, 7, 0, 0]], np.uint8)
    assert background_first(grid).tolist() == [5, 1, 2, 3, 4, 0, 6, 7, 8, 9]
    # The commonest is 1: of equally common ones the smaller number comes first, 7 is the third.
    assert ranked_by_count(grid, False)[[5, 2, 7, 0, 1, 3]].tolist() == [1, 2, 3, 0, 4, 5]
    assert ranked_by_count(grid, True)[[5, 0, 2, 7, 1, 3]].tolist() == [0, 1, 2, 3, 4, 5]


def test_parts_of_a_lattice_are_counted_between_lines() -> None:
    grid = np.array([[8, 1, 1, 8, 8, 2], [8] * 6, [8, 3, 3, 8, 8, 4], [8, 3, 3, 8, 8, 4]], np.uint8)
    found = lattice_cells(grid)
    assert found is not None
    assert [each.tolist() for each in found] == [[0, -1, 1, 1], [-1, 0, 0, -1, -1, 1]]
    assert lattice_cells(grid[2:]) is None
    assert lattice_cells(np.full((3, 3), 4, np.uint8)) is None
    assert lattice_cells(np.array([[1, 2], [2, 1]], np.uint8)) is None


def test_a_lattice_is_tried_second(monkeypatch: pytest.MonkeyPatch) -> None:
    given = np.array([[1, 8, 0], [8, 8, 8], [3, 8, 2]], np.uint8)
    seen: list[str] = []
    monkeypatch.setattr(solve, "_in_view", lambda task, view, bounds: seen.append(view.name) or [])
    task = Task("x", (Pair(given, given), Pair(given, given)), (Pair(given, None),))
    solve.candidates(task, Bounds(float("inf")))
    assert seen[:2] == ["", "parts as cells"] and len(seen) == len(views_of([given] * 3)) + 1


@pytest.mark.parametrize(("fits", "cost", "views"), [(2, 4.9, 1), (2, 5.0, 4), (1, 1.0, 4)])
def test_no_further_view_where_a_short_program_fits(
    fits: int, cost: float, views: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def in_view(task: Task, view: object, bounds: Bounds) -> list[Candidate]:
        seen.append(bounds.seconds)
        return [Candidate((), "input", cost, fits, "composition")]

    monkeypatch.setattr(solve, "_in_view", in_view)
    plain = np.array([[0, 0, 1]], np.uint8)
    solve.candidates(Task("x", (Pair(plain, plain),) * 2, (Pair(plain, None),)), Bounds(100.0, clock=lambda: 7.0))
    assert seen == pytest.approx([60.0, 100 / 3, 50.0, 100.0][:views])


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
