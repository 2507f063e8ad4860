"""A network that has learned its tasks answers under views, each of which is undone before the answers vote."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.evaluation.candidates import collecting as candidates
from arc_affinity.evaluation.candidates.answering import questions_of
from arc_affinity.evaluation.candidates.collecting import Answers, Network
from arc_affinity.evaluation.predicting import solver as predict_solver
from arc_affinity.evaluation.predicting.solver import predict_by_solver
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Origin
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.decoding import Answer
from arc_affinity.models.pair_transformer.layout import Written
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver
from arc_affinity.training.executors import SerialExecutor
from arc_affinity.types import Grid, Pair, Task

VIEWS = 11


def doubled(grid: Grid) -> Grid:
    """Every cell as two by two: what is done to a grid however it is turned and recoloured."""
    return np.kron(grid, np.ones((2, 2), np.uint8))


def task() -> Task:
    rng = np.random.default_rng(5)
    pairs = tuple(Pair(grid, doubled(grid)) for grid in rng.integers(0, 10, (3, 2, 3)).astype(np.uint8))
    return Task("t", pairs[:2], pairs[2:], "toy")


def test_the_answers_of_a_learned_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_model: PairTransformer, asked: Sequence[Written]) -> list[Answer]:
        return [Answer(doubled(each.input), -1.0) for each in asked]

    monkeypatch.setattr(predict_solver, "write", write)
    model = PairTransformer(PairConfig(width=8, heads=2, layers=1, hidden=8, tasks=1))
    loaded = LoadedSolver("learned", model, ("t",), Path(), "0123")
    origin = Origin("learned", "0123", "toy", Protocol.ARC_PRIZE, seed=3)
    ((_, records),) = predict_by_solver(loaded, [task()], origin, views=VIEWS)
    assert [(record.votes, record.views, record.exact) for record in records] == [(VIEWS, VIEWS, True)]


def test_the_drafts_of_solve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def write_batch(_folder: str, _digest: str, _device: str, asked: Sequence[Written]) -> list[tuple[Grid, float]]:
        return [(doubled(each.input), -1.0) for each in asked]

    monkeypatch.setattr(candidates, "write_batch", write_batch)
    shares: list[tuple[str, float]] = []
    answers = Answers(
        Network("", "", "cpu"),
        [task()],
        questions_of([task()], {"t": 0}),
        VIEWS,
        4,
        3,
        Journal(tmp_path / "journal.jsonl", {}),
        SerialExecutor(),
        1,
        None,
        lambda *told: shares.append(told),
    )
    (drafts,) = answers.drafts().values()
    wanted = doubled(task().test[0].input)
    assert len(drafts) == VIEWS and all(np.array_equal(draft.grid, wanted) for draft in drafts)
    # Rounds of 1, 1, 2, 4 and 3 views, a batch each.
    assert shares == [(candidates.WRITING, 1.0)] * 5


@contextlib.contextmanager
def timed(folder: Path, seconds: float, before: float = 0.0) -> Iterator[Answers]:
    with Journal(folder / "journal.jsonl", {}) as journal:
        if before:
            journal.append({"batch": "of an interrupted run", "answers": [], "seconds": before})
        more = (16, 3, journal, SerialExecutor(), 1, seconds, lambda *_: None)
        yield Answers(Network("", "", "cpu"), [task()], questions_of([task()], {"t": 0}), VIEWS, *more)


class Clock:
    """Time that passes when a network answers, so much a batch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, each: float) -> None:
        self.now, self.judged = 100.0, 0

        def write_batch(_folder: str, _digest: str, _device: str, asked: Sequence[Written]) -> list[tuple[Grid, float]]:
            self.now += each
            # Two candidates, so that there is something to judge.
            return [(doubled(pair.input) if number % 2 else pair.input.repeat(2, 0), -1.0)
                    for number, pair in enumerate(asked)]  # fmt: skip

        def judge_batch(_folder: str, _digest: str, _device: str, asked: Sequence[Written]) -> list[float]:
            self.now, self.judged = self.now + each, self.judged + len(asked)
            return [-1.0] * len(asked)

        monkeypatch.setattr(candidates, "write_batch", write_batch)
        monkeypatch.setattr(candidates, "judge_batch", judge_batch)
        monkeypatch.setattr(candidates.time, "monotonic", lambda: self.now)


def test_answers_keep_their_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Of 10 seconds 6 are for writing: of rounds of 1, 1 and 2 views, 3 s each, the third would begin at 6 s.
    clock = Clock(monkeypatch, 3.0)
    with timed(tmp_path, 10.0) as answers:
        (drafts,) = answers.drafts().values()
        assert len(drafts) == 2 and clock.now == 106.0
        answers.ranked({("t", 0): drafts})
        # A round of judging is begun at 6 s and one at 9 s, none after 10.
        assert clock.now == 112.0
    # An interrupted run that goes on has no more time: what is journalled took 12 s.
    with timed(tmp_path, 10.0) as again:
        assert len(again.drafts()["t", 0]) == 2 and clock.now == 112.0
    # Where it has more, nothing is written after the first judgement: candidates are judged by their place.
    with timed(tmp_path, 100.0) as later:
        assert len(later.drafts()["t", 0]) == 2 and clock.now == 112.0


def test_a_question_has_a_first_answer_whatever_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # More than the share for writing is gone, and not all there is.
    clock = Clock(monkeypatch, 1.0)
    with timed(tmp_path, 10.0, before=7.0) as answers:
        (drafts,) = answers.drafts().values()
    assert len(drafts) == 1 and clock.now == 101.0
