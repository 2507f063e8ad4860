"""Tasks with many demonstrations: a few are searched on, more are learned from, others judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arc_affinity.search import many, solve, solve_task
from arc_affinity.search.cell_rules.features import CellFeatures
from arc_affinity.search.compose import Bounds
from arc_affinity.search.functions import join
from arc_affinity.search.functions.pieces import cut_evenly
from arc_affinity.search.many import FEW_CELLS, JUDGED, MANY_CELLS, SEARCHED, Parts, Seen, divided
from arc_affinity.search.ranking import Candidate
from arc_affinity.search.views import View, views_of
from arc_affinity.types import Grid, Pair, Task

pytestmark = pytest.mark.many_steps


def task_of(function: Callable[[Grid], Grid], demonstrations: int = 36, tests: int = 2, side: int = 6) -> Task:
    """A task with random inputs, whose rule is a function."""
    draws = np.random.default_rng(demonstrations)
    shapes = draws.integers(2, side, (demonstrations + tests, 2))
    inputs = [draws.integers(0, 4, shape).astype(np.uint8) for shape in shapes]
    pairs = [Pair(grid, np.ascontiguousarray(function(grid), np.uint8)) for grid in inputs]
    return Task("made", tuple(pairs[:demonstrations]), tuple(pairs[demonstrations:]))


def mirrored(grid: Grid) -> Grid:
    return grid[:, ::-1]


def after_three(grid: Grid) -> Grid:
    """Cells with a 3 on their left become 7."""
    result = grid.copy()
    result[:, 1:][grid[:, :-1] == 3] = 7
    return result


def bounds(states: int = 60) -> Bounds:
    return Bounds(float("inf"), states)


def never() -> bool:
    return False


@pytest.fixture
def no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compositions alone, which is quicker."""
    monkeypatch.setattr(many, "_rules", lambda seen, bounds, end: iter(()))


@settings(deadline=None)
@given(st.integers(many.FROM, 90), st.integers(3, 31), st.integers(0, 5))
def test_demonstrations_are_divided_without_overlap(demonstrations: int, side: int, seed: int) -> None:
    pairs = task_of(mirrored, demonstrations, 1, side).train
    parts = divided(pairs, seed)
    numbers = [id(pair) for pair in (*parts.taught, *parts.judged)]
    assert len(set(numbers)) == len(numbers) and set(numbers) <= {id(pair) for pair in pairs}
    assert len(parts.judged) == min(JUDGED, demonstrations // 3)
    assert parts.searched == SEARCHED <= parts.few <= len(parts.taught)
    for most, taught in ((FEW_CELLS, parts.taught[: parts.few]), (MANY_CELLS, parts.taught)):
        assert len(taught) == SEARCHED or sum(pair.output.size for pair in taught) <= most
    if sum(pair.output.size for pair in pairs) <= FEW_CELLS:
        assert parts.few == len(parts.taught) == demonstrations - len(parts.judged)
    # What is searched on is no larger than the middle one of those that do not judge.
    sizes = sorted(pair.output.size for pair in pairs if id(pair) not in {id(each) for each in parts.judged})
    assert max(pair.output.size for pair in parts.taught[:SEARCHED]) <= sizes[len(sizes) // 2]


@pytest.mark.usefixtures("no_rules")
def test_a_program_that_one_demonstration_speaks_against_is_found() -> None:
    task = task_of(mirrored)
    wrong = divided(task.train).judged[0]
    spoiled = [replace(pair, output=pair.output + 1) if pair is wrong else pair for pair in task.train]
    answers = solve_task(replace(task, train=tuple(spoiled)), seconds=float("inf"), states=60)
    assert [first.program for first, *_ in answers] == ["input | mirror left-right"] * 2
    # Eleven of the twelve that judge, so as many of the 36.
    assert {first.fits for first, *_ in answers} == {33}
    for (first, *_), pair in zip(answers, task.test, strict=True):
        np.testing.assert_array_equal(first.grid, pair.output)


@pytest.mark.usefixtures("no_rules")
def test_a_contradiction_among_many_does_not_end_the_search() -> None:
    task = task_of(mirrored)
    once, twice = task.train[0], task.train[1]
    repeats = (Pair(once.input, once.input + 1), Pair(twice.input.copy(), twice.output))
    asked = replace(task, train=(*task.train, *repeats), test=(Pair(once.input, None), Pair(twice.input, None)))
    answers = solve_task(asked, seconds=float("inf"), states=60)
    # Of an input whose outputs disagree none stands for an answer; one that is there twice has its own.
    assert [[(each.program, each.source) for each in found[:1]] for found in answers] == [
        [("input | mirror left-right", "composition")],
        [("the demonstration with this input", "same input")],
    ]
    np.testing.assert_array_equal(answers[1][0].grid, twice.output)


def test_few_demonstrations_are_not_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    divided_, whole = [], []
    monkeypatch.setattr(many, "candidates", lambda task, bounds: divided_.append(len(task.train)) or [])
    monkeypatch.setattr(solve, "candidates", lambda task, bounds: whole.append(len(task.train)) or [])
    for number in (many.FROM - 1, many.FROM):
        solve_task(task_of(mirrored, number), seconds=1.0)
    assert (whole, divided_) == ([many.FROM - 1], [many.FROM])


def test_a_rule_is_learned_and_judged_by_others() -> None:
    task = task_of(after_three)
    answers = solve_task(task, seconds=float("inf"), states=20)
    for (first, *_), pair in zip(answers, task.test, strict=True):
        np.testing.assert_array_equal(first.grid, pair.output)
        assert (first.program, first.fits, first.source) == ("input | cells (left is 3 ? 7 : own)", 36, "rule")


def test_outputs_of_tests_are_never_looked_at() -> None:
    task = task_of(after_three)
    withheld = replace(task, test=tuple(replace(pair, output=None) for pair in task.test))
    told = [[(each.program, each.grid.tolist()) for each in solve_task(one, seconds=float("inf"), states=9)[0]]
            for one in (task, withheld)]  # fmt: skip
    assert told[0] == told[1] != []


@pytest.mark.parametrize("part", ["judged", "taught"])
def test_a_rule_is_learned_beside_a_demonstration_of_another_size(part: str) -> None:
    task = task_of(after_three)
    odd = getattr(divided(task.train), part)[-1]
    # Small ones are searched on, where one of another size counts more.
    train = tuple(Pair(pair.input, np.ones((9, 9), np.uint8)) if pair is odd else pair for pair in task.train)
    answers = solve_task(replace(task, train=train), seconds=float("inf"), states=20)
    for (first, *_), pair in zip(answers, task.test, strict=True):
        np.testing.assert_array_equal(first.grid, pair.output)
        fits = 36 if part == "taught" else 36 * 11 // 12
        assert (first.program, first.fits) == ("input | cells (left is 3 ? 7 : own)", fits)


@pytest.mark.usefixtures("no_rules")
def test_a_program_that_fails_on_one_test_answers_the_others() -> None:
    # A single column has no halves.
    def exclusive(grid: Grid) -> Grid:
        halves = cut_evenly(grid, 1, 2)
        return grid if halves is None else join.stacked(halves, join.exclusive)

    pairs = [pair for pair in task_of(exclusive, 99, side=9).train if pair.input.shape[1] % 2 == 0][:30]
    odd = Pair(np.array([[1]], np.uint8), None)
    found = many.candidates(Task("halves", tuple(pairs), (odd, pairs[0])), bounds(300))
    best = max(found, key=lambda each: each.fits)
    assert best.program == "input | halves left and right | exclusive" and best.fits == 30
    assert best.grids[0] is None
    np.testing.assert_array_equal(best.grids[1], pairs[0].output)


@pytest.mark.usefixtures("no_rules")
def test_one_odd_demonstration_leaves_the_others_their_program() -> None:
    draws = np.random.default_rng(0)
    inputs = [np.full((3, 5), 5, np.uint8) for _ in range(33)]
    for grid in inputs:
        grid[::2, ::2] = draws.integers(0, 4, (2, 3))
    pairs = [Pair(grid, grid[:, ::-1].copy()) for grid in inputs]
    odd = divided(pairs[:32]).judged[0]
    train = tuple(Pair(pair.input, np.ones((1, 1), np.uint8)) if pair is odd else pair for pair in pairs[:32])
    ((first, *_),) = solve_task(Task("lattices", train, (pairs[32],)), seconds=float("inf"), states=60)
    assert (first.program, first.fits) == ("input | mirror left-right", 32 * 9 // 10)


@pytest.mark.usefixtures("no_rules")
def test_compositions_have_their_share_of_the_time() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.001
        return now[0]

    noise = np.random.default_rng(1).integers(0, 10, (60, 4, 5)).astype(np.uint8)
    train = tuple(Pair(a, b) for a, b in zip(noise[::2], noise[1::2], strict=True))
    many.candidates(Task("noise", train, (Pair(noise[0], None),)), Bounds(2.0, clock=clock))
    assert 0.7 < now[0] / 2.0 / many.SEARCH_SHARE < 1.1


def test_the_work_ends_with_the_first_that_is_always_right() -> None:
    found = many.candidates(task_of(mirrored), bounds())
    assert found[-1].fits == 36 and all(each.fits < 36 for each in found[:-1])


@dataclass
class Taught:
    """Stands for a view: how many demonstrations rules from each of its bases reproduce, and what was learned when."""

    fits: list[int]
    name: str
    has_more: bool = True
    done: list[str] = field(default_factory=list)

    def rules(self, number: int, many: bool, over: object) -> list[Candidate] | None:
        if number >= len(self.fits):
            return None
        self.done.append(f"{self.name}{number}{' with many' if many else ''}")
        return [Candidate((), "", 0.0, self.fits[number], "rule")]


def lessons(*views: list[int], seconds: float = 99.0) -> list[str]:
    done: list[str] = []
    times = iter(range(1000))
    taught = [Taught(fits, name, done=done) for fits, name in zip(views, "abcd", strict=False)]
    list(many._rules(taught, Bounds(1.0, clock=lambda: next(times)), seconds))  # type: ignore[arg-type]
    return done


def test_what_promises_most_is_learned_next() -> None:
    # First the best base of each view; then, where some judge well, from more, before the next bases of the best.
    assert lessons([3, 9], [8, 1]) == ["a0", "b0", "b0 with many", "b1", "a0 with many", "a1", "a1 with many",
                                       "b1 with many"]  # fmt: skip
    assert lessons([3, 9], [8, 1], seconds=3) == ["a0", "b0", "b0 with many"]


def test_nothing_is_learned_again_where_there_is_no_more() -> None:
    done: list[str] = []
    view = Taught([9, 9], "a", has_more=False, done=done)
    list(many._rules([view], Bounds(1.0, clock=lambda: 0.0), 1.0))  # type: ignore[list-item]
    assert done == ["a0", "a1"]


def test_what_is_always_wrong_is_given_up() -> None:
    assert lessons([0, 0, 5], [0, 0, 5]) == ["a0", "b0", "a1", "b1"]
    assert lessons([0, 0, 5], [0, 4]) == ["a0", "b0", "a1", "b1", "b1 with many"]


def test_more_is_learned_where_most_is_promised() -> None:
    assert lessons([9, 9], [8])[:4] == ["a0", "b0", "a0 with many", "b0 with many"]


def seen_by_background(tests: int = 2) -> tuple[Task, Seen]:
    """A task seen with each grid's commonest colour as background."""
    task = task_of(after_three, tests=tests)
    parts = divided(task.train)
    inputs = [pair.input for pair in (*parts.taught, *parts.judged, *task.test)]
    view = next(each for each in views_of(inputs) if each.name == "background by count")
    return task, Seen(task, parts, view)


def test_what_a_view_gives_is_undone_by_the_colours_of_each_grid() -> None:
    task, seen = seen_by_background()
    taught, known = len(seen.parts.taught), len(seen.targets)
    outputs = [seen.view.apply(pair.output, known + i) for i, pair in enumerate(task.test)]
    found = seen._judged([*seen.targets[taught:], *outputs], "program", 2.0, "rule")
    assert (found.program, found.cost, found.fits) == ("background by count: program", 2.5, 36)
    for grid, pair in zip(found.grids, task.test, strict=True):
        np.testing.assert_array_equal(grid, pair.output)
    assert seen._judged([None, *seen.targets[taught + 1 :], None, None], "", 2.0, "rule").fits == 33


def test_rules_are_learned_from_a_few_and_then_from_many(monkeypatch: pytest.MonkeyPatch) -> None:
    task, seen = seen_by_background()
    assert not seen.has_more
    seen.parts = replace(seen.parts, few=7)
    assert seen.has_more
    list(seen.compositions(bounds(30)))
    learned: list[tuple[int, int]] = []

    def learn(features: list[object], targets: list[Grid], limits: object, over: object) -> list[object]:
        learned.append((len(features), len(targets)))
        return []

    monkeypatch.setattr(many, "learn_rules", learn)
    monkeypatch.setattr(many, "forest", lambda features, targets, over: [np.zeros((1, 1), np.uint8)] * len(features))
    others = len(seen.parts.judged) + len(task.test)
    for more, taught in ((False, 7), (True, len(seen.parts.taught))):
        (found,) = seen.rules(0, more, never)
        assert learned.pop() == (taught + others, taught)
        assert len(found.grids) == len(task.test) and found.program == "background by count: input | forest"
    assert seen.rules(99, False, never) is None


def test_a_rule_asks_the_other_bases_but_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _, seen = seen_by_background()
    list(seen.compositions(bounds(60)))
    tables: list[CellFeatures] = []
    monkeypatch.setattr(many, "learn_rules", lambda features, *_, **__: tables.append(features[0]) or [])
    monkeypatch.setattr(many, "forest", lambda features, targets, over: [None] * len(features))
    for number in (0, 1):
        seen.rules(number, False, never)
    names = [f"[{base.text}]" for base in seen._bases[:2]]
    assert [[name in table.colours for name in names] for table in tables] == [[False, True], [True, False]]


def test_rules_have_no_bases_that_fail_or_have_other_sizes() -> None:
    _, seen = seen_by_background()
    list(seen.compositions(bounds(60)))
    place = len(seen.search.targets)
    assert len(seen.finished.same_size) > 3 and seen._bases
    for base in (*seen._bases, *seen._layers):
        assert [grid.shape for grid in base.state[: len(seen.targets)]] == [each.shape for each in seen.targets]
        assert len(base.state) == len(seen.inputs)
    whole = next(node for node in seen.finished.same_size if node.steps)
    seen.inputs[place] = np.zeros((30, 29), np.uint8)
    assert seen._rerun(whole) is not None, "one of another size"
    seen.inputs[place : len(seen.targets)] = [np.zeros((30, 29), np.uint8)] * (len(seen.targets) - place)
    assert seen._rerun(whole) is None


def test_all_views_have_some_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    views, shares = [], []

    class Watched:
        def __init__(self, task: Task, parts: Parts, view: View) -> None:
            views.append(view.name)

        def compositions(self, given: Bounds) -> list[Candidate]:
            shares.append(given.seconds)
            now[0] += given.seconds
            return []

        def rules(self, number: int, more: bool, over: object) -> None:
            return None

    now = [0.0]
    monkeypatch.setattr(many, "Seen", Watched)
    lattice = np.array([[1, 5, 2, 5, 0], [5, 5, 5, 5, 5], [3, 5, 1, 5, 2]], np.uint8)
    pairs = tuple(Pair(np.where(lattice == 5, 5, (lattice + i) % 4).astype(np.uint8), lattice) for i in range(30))
    many.candidates(Task("lattice", pairs, (pairs[0],)), Bounds(10.0, clock=lambda: now[0]))
    assert views[:2] == ["", "parts as cells"] and len(views) == len(shares) > 4
    assert shares[:2] == pytest.approx([0.4 * 4.0, 0.4 * 2.4]) and sum(shares) == pytest.approx(4.0)


def test_a_program_that_does_not_apply_to_a_test_ends_no_search() -> None:
    """Two colours change places: the function for it takes grids of two colours alone, and one test has a third."""
    draws = np.random.default_rng(0)
    inputs = [draws.integers(0, 3, (4, 4)).astype(np.uint8) for _ in range(42)]
    inputs[-1][0, 0] = 3
    pairs = [Pair(grid, np.array([0, 2, 1, 3], np.uint8)[grid]) for grid in inputs]
    task = Task("made", tuple(pairs[:40]), tuple(pairs[40:]))
    answers = solve_task(task, seconds=float("inf"), states=300)
    for found, pair in zip(answers, task.test, strict=True):
        assert pair.output is not None and np.array_equal(found[0].grid, pair.output)
