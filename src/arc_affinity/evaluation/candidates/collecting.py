"""Collecting candidates for all questions: rounds of views over all tasks, then a judgement under shared views."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arc_affinity.data.datasets.registry import parse_grid
from arc_affinity.data.symmetry.augment import Compose
from arc_affinity.documents import Seconds, fit
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates.answering import (
    Asked,
    Question,
    in_batches,
    judge_batch,
    under,
    views_of,
    write_batch,
)
from arc_affinity.evaluation.candidates.ranking import JUDGED, rank
from arc_affinity.evaluation.predicting.voting import Candidate, Choice, vote
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import LogLikelihood, Place
from arc_affinity.processes import hand_out
from arc_affinity.types import Task

WRITING, JUDGING = "write", "judge"
WRITING_SHARE = 0.6
"""Share of the time for answers that may go into writing; judging gets what is left."""


@dataclass(frozen=True)
class Network:
    """The network that answers: its folder, digest and device, as worker processes are told of it."""

    folder: str
    digest: str
    device: str


@dataclass(frozen=True)
class _Line:
    """A line of the journal: what the network said to the sequences of a batch, in their order."""

    batch: str
    answers: list[Any]
    seconds: Seconds


@dataclass
class Answers:
    """Asks a network for every question, round after round, and keeps what it says in a journal.

    A round is a set of views over all questions, so that every task is answered before any is answered often. What
    the journal holds is not asked again. Without a deadline the result is the same whatever is interrupted.

    Attributes:
        network: who answers.
        tasks: whose questions are asked; test outputs are not looked at.
        questions: the questions, each with its task's vector.
        views: views to write under, at most; ``shared`` views to judge under.
        seed: of the views.
        journal: where answers are kept.
        executor, at_a_time: where the work is done, and how many batches are given out at once.
        seconds: time for all of it, that of earlier, interrupted runs included; None: until all is done.
        report: called with a stage's name and the share of it that is done.
        learned: ids of the tasks that the network has learned; the others are asked once. None: all.
        begun: when answering began, by ``time.monotonic``; as if earlier, interrupted runs had been of this one.
    """

    network: Network
    tasks: Sequence[Task]
    questions: Sequence[Question]
    views: int
    shared: int
    seed: int
    journal: Journal
    executor: Executor
    at_a_time: int
    seconds: float | None
    report: Callable[[str, float], None]
    learned: frozenset[str] | None = None
    begun: float = field(default_factory=lambda: time.monotonic())
    _views: dict[str, tuple[Compose, ...]] = field(default_factory=dict)
    _kept: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        most = max(self.views, self.shared)
        self._views = {task.id: views_of(task, most, self.seed) for task in self.tasks}
        before = 0.0
        for where, row in self.journal.rows():
            line: _Line = fit(row, _Line, where)
            self._kept[line.batch], before = (where, line.answers), line.seconds
        self.begun -= before

    @property
    def spent(self) -> float:
        """Seconds that it took until now, those of earlier, interrupted runs included."""
        return time.monotonic() - self.begun

    def drafts(self) -> dict[Place, list[Candidate]]:
        """Write every question under its views and return what was written, by question."""
        drafts: defaultdict[Place, list[Candidate]] = defaultdict(list)
        # What was judged is told by its place among the candidates, so that none may come any more.
        over = any(name.startswith(f"{JUDGING} ") for name in self._kept)
        for number, chosen in enumerate(rounds(self.views)):
            learned = self.learned if number else None
            asked = [each for each in self._to_write(chosen) if learned is None or each.task_id in learned]
            # The first answers may take all the time there is: a question without any is lost.
            limit = -math.inf if over else self._limit(WRITING_SHARE if number else 1.0)
            for each, (grid, likelihood) in self._round(WRITING, number, asked, limit):
                lying = self._views[each.task_id][each.view].inverse.apply(np.asarray(grid, np.uint8))
                drafts[each.task_id, each.index].append(Candidate(lying, float(likelihood), each.view))
        return drafts

    def ranked(self, drafts: Mapping[Place, Sequence[Candidate]]) -> dict[Place, tuple[Choice, ...]]:
        """Judge the candidates of every question that has several, and return all in order, the best first."""
        # A copy of the query is no candidate: a task asks for a change.
        choices = {
            (q.task_id, q.index): vote(drafts.get((q.task_id, q.index), ()), limit=JUDGED, exclude=q.input)
            for q in self.questions
        }
        shared: defaultdict[Place, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for number, chosen in enumerate(rounds(self.shared, first=4)):
            asked = list(self._to_judge(choices, chosen))
            found = list(self._round(JUDGING, number, asked, self._limit(1.0)))
            wanted, came = Counter(map(_place, asked)), Counter(_place(each) for each, _ in found)
            for each, likelihood in found:
                # Where the time has cut a question short, its candidates were judged under different views.
                if came[_place(each)] == wanted[_place(each)]:
                    shared[_place(each)][each.candidate].append(float(likelihood))
            if len(found) < len(asked):
                break
        return {place: rank(each, shared.get(place)) for place, each in choices.items()}

    def _limit(self, share: float) -> float:
        """When a share of the time is spent, by ``time.monotonic``."""
        return math.inf if self.seconds is None else self.begun + share * self.seconds

    def _to_write(self, chosen: Sequence[int]) -> Iterator[Asked]:
        for question in self.questions:
            for number in self._among(question, chosen):
                view = self._views[question.task_id][number]
                yield Asked(question.task_id, question.index, number, 0, under(question, view))

    def _to_judge(self, choices: Mapping[Place, Sequence[Any]], chosen: Sequence[int]) -> Iterator[Asked]:
        for question in self.questions:
            found = choices[question.task_id, question.index]
            for number in self._among(question, chosen) if len(found) > 1 else ():
                view = self._views[question.task_id][number]
                for which, choice in enumerate(found):
                    pair = under(question, view, choice.grid)
                    yield Asked(question.task_id, question.index, number, which, pair)

    def _among(self, question: Question, chosen: Sequence[int]) -> Iterable[int]:
        return (number for number in chosen if number < len(self._views[question.task_id]))

    def _round(self, stage: str, number: int, asked: Sequence[Asked], limit: float) -> Iterator[tuple[Asked, Any]]:
        """Yield what the network says to each of ``asked``, as far as there is time; journalled batches first."""
        batches = {f"{stage} {number} {at}": batch for at, batch in enumerate(in_batches(asked))}
        for name, batch in batches.items():
            if name in self._kept:
                yield from zip(batch, _answers_of(stage, *self._kept[name], len(batch)), strict=True)
        missing = [name for name in batches if name not in self._kept]
        done = len(batches) - len(missing)
        job: Callable[..., list[Any]] = write_batch if stage == WRITING else judge_batch
        network = (self.network.folder, self.network.digest, self.network.device)

        def submit(name: str) -> Future[list[Any]]:
            return self.executor.submit(job, *network, [each.written for each in batches[name]])

        for name, future in hand_out(submit, missing, self.at_a_time, limit):
            answers = future.result()
            # Journal lines are JSON: what was written comes as a grid and its log-likelihood.
            plain = [[answer[0].tolist(), answer[1]] if stage == WRITING else answer for answer in answers]
            self.journal.append({"batch": name, "answers": plain, "seconds": self.spent})
            yield from zip(batches[name], plain, strict=True)
            done += 1
            self.report(stage, done / len(batches))


def _place(each: Asked) -> Place:
    return each.task_id, each.index


def _answers_of(stage: str, where: str, answers: Sequence[Any], count: int) -> list[Any]:
    """Return the answers of a journal's line, to ``count`` sequences: grids with their log-likelihoods, or those alone.

    Raises:
        ArcAffinityError: they are none, or of another number.
    """
    if len(answers) != count:
        raise ArcAffinityError(
            f"{where}: {len(answers)} answers to {count} questions, as of an earlier version; delete the file, and "
            "all answers are made again"
        )
    if stage != WRITING:
        judged: list[float] = fit(answers, list[LogLikelihood], f"{where}: answers")
        return judged
    written: list[tuple[Any, float]] = fit(answers, list[tuple[Any, LogLikelihood]], f"{where}: answers")
    return [(parse_grid(grid, f"{where}: answer {number}"), said) for number, (grid, said) in enumerate(written, 1)]


def rounds(views: int, first: int = 1) -> list[range]:
    """Return the numbers of ``views`` views in rounds that double: 1, 1, 2, 4, … or from ``first`` on."""
    ends = [*itertools.takewhile(lambda end: end < views, (first * 2**n for n in itertools.count())), views]
    return [range(begin, end) for begin, end in itertools.pairwise([0, *ends]) if end > begin]
