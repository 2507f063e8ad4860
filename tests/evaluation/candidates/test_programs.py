"""Programs for many tasks: kept as they come, and no task begun after the time is over."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates import programs
from arc_affinity.evaluation.candidates.programs import KEPT, LONGEST, search_tasks
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.search import Found
from arc_affinity.training.executors import SerialExecutor
from arc_affinity.types import Pair, Task

pytestmark = pytest.mark.many_steps


def mirrored(seed: int) -> Task:
    """A task to mirror left-right, with two tests."""
    grids = [np.random.default_rng([seed, at]).integers(0, 10, (2, 3)).astype(np.uint8) for at in range(5)]
    pairs = [Pair(grid, grid[:, ::-1].copy()) for grid in grids]
    return Task(f"task{seed}", tuple(pairs[:3]), tuple(Pair(pair.input, None) for pair in pairs[3:]))


TASKS = [mirrored(seed) for seed in range(3)]


class Counting(SerialExecutor):
    """Counts what it is given."""

    given = 0

    def submit(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.given += 1
        return super().submit(*args, **kwargs)


def search(folder: Path, executor: Executor, seconds: float | None = None, report: Callable = lambda _: None):
    with Journal(folder / "programs.jsonl", {"tasks": 3}) as journal:
        return search_tasks(TASKS, math.inf, 50, journal, executor, 2, report, seconds).programs


def test_every_question_has_its_programs(tmp_path: Path) -> None:
    shares: list[float] = []
    found = search(tmp_path, SerialExecutor(), report=shares.append)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    assert set(found) == {(task.id, index) for task in TASKS for index in (0, 1)}
    for task in TASKS:
        for index, pair in enumerate(task.test):
            assert np.array_equal(found[task.id, index][0].grid, pair.input[:, ::-1])


def test_what_was_searched_is_not_searched_again(tmp_path: Path) -> None:
    first, again = Counting(), Counting()
    before = search(tmp_path, first)
    after = search(tmp_path, again)
    assert (first.given, again.given) == (3, 0)
    assert [each.text for programs in after.values() for each in programs] == [
        each.text for programs in before.values() for each in programs
    ]


def test_the_last_tasks_have_the_time_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    clock = iter([0.0, 1.0, 1.0, 2.0, 8.0, 8.0, 9.0])
    monkeypatch.setattr("arc_affinity.evaluation.candidates.programs.time.monotonic", lambda: next(clock, 9.0))
    monkeypatch.setattr(programs, "search_task", lambda _task, seconds, _states: given.append(seconds) or [[], []])
    with Journal(tmp_path / "programs.jsonl", {"tasks": 3}) as journal:
        search_tasks(TASKS, 5.0, 50, journal, SerialExecutor(), 1, lambda _: None, 10.0)
    assert given[0] == 5.0 and all(seconds <= 5.0 for seconds in given) and given[-1] < 5.0


def test_no_task_is_begun_after_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 5.0])
    monkeypatch.setattr("arc_affinity.evaluation.candidates.programs.time.monotonic", lambda: next(clock, 5.0))
    executor = Counting()
    found = search(tmp_path, executor, seconds=3.0)
    assert executor.given == 1
    assert {task_id for task_id, _ in found} == {TASKS[0].id}
    monkeypatch.undo()
    # The time is over for the same run when it is called again, too; given more, it does the rest.
    again = search(tmp_path, executor, seconds=3.0)
    assert executor.given == 1 and again.keys() == found.keys()
    assert len(search(tmp_path, executor)) == 6 and executor.given == 3


def test_the_time_of_earlier_runs_counts(tmp_path: Path) -> None:
    executor = Counting()
    with Journal(tmp_path / "programs.jsonl", {"tasks": 3}) as journal:
        journal.append({"task": "task0", "programs": [[], []], "seconds": 2.5})
        for seconds, given in ((2.5, 0), (100.0, 2)):
            found = search_tasks(TASKS, math.inf, 50, journal, executor, 1, lambda _: None, seconds)
            assert executor.given == given and 2.5 <= found.seconds < 50
    assert [line["seconds"] >= 2.5 for _, line in Journal(tmp_path / "programs.jsonl", {"tasks": 3}).rows()] == [
        True
    ] * 4


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"task": "task0"}, "programs for 0 tests of task task0, which has 2"),
        ({"task": "task9", "programs": [[], []]}, "a task that is not asked"),
        ({"task": "task0", "programs": [[]]}, "programs for 1 tests of task task0, which has 2"),
        ({"task": "task0", "programs": [[[[[1]], "input", 2.5, 4]], []]}, "more demonstrations reproduced than the 3"),
        ({"task": "task0", "programs": [[[[[1, 99]], "input", 2.5, 3]], []]}, "column 1: 99 is not a colour"),
        ({"task": "task0", "programs": [[[[[1], [2, 3]], "input", 2.5, 3]], []]}, "row 1: 2 columns, but row 0 has 1"),
        ({"task": "task0", "programs": [[[[[1]], "input", 2.5]], []]}, "programs, number 1, number 1"),
        ({"task": "task0", "programs": [[[[[1]], "input", "2", 3]], []]}, 'must be a number, not "2"'),
        ({"task": "task0", "programs": [[[[[1]], "in\nput", 2.5, 3]], []]}, "must be text"),
        ({"task": 5, "programs": []}, "task must be text"),
        ({"seconds": "soon"}, 'seconds must be a number, not "soon"'),
        ({"seconds": -1}, "seconds must be a number of 0.0 or more, not -1"),
    ],
)
def test_a_damaged_line_of_the_journal_is_told(tmp_path: Path, line: dict[str, object], words: str) -> None:
    with Journal(tmp_path / "programs.jsonl", {"tasks": 3}) as journal:
        journal.append(line)
    with pytest.raises(ArcAffinityError, match=rf"programs\.jsonl:2: .*{words}"):
        search(tmp_path, SerialExecutor())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (IndexError("odd grid"), "IndexError: odd grid"),
        (MemoryError(), "not enough memory"),
        (ArcAffinityError("no"), "no"),
    ],
)
def test_a_search_that_fails_costs_one_task_its_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    def solve(task: Task, *, seconds: float, states: int) -> list[list[Found]]:
        if task.id == "task1":
            raise error
        rule = Found(task.test[0].input, "x" * (LONGEST + task.id.count("2")), 2.5, 3, 1, "rule")
        return [[rule] * (KEPT + 1) for _ in task.test]

    monkeypatch.setattr(programs, "solve_task", solve)
    found = search(tmp_path, SerialExecutor())
    # An executor that works in this process lets all but the package's own errors through.
    assert f"task task1: the search failed ({told})" in caplog.text
    assert [len(found.get((task.id, at), ())) for task in TASKS for at in (0, 1)] == [KEPT, KEPT, 0, 0, KEPT, KEPT]
    assert found["task0", 0][0].text == "x" * LONGEST and found["task2", 0][0].text == "x" * (LONGEST - 1) + "…"
    assert (found["task0", 1][0].cost, found["task0", 1][0].fits) == (2.5, 3)
