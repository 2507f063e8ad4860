"""From records or a submission to scores: one score for each protocol, never a mixture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.evaluation.questions import (
    answers_by_place,
    check_belongs,
    name_place,
    questions_of,
    recorded_questions,
)
from arc_affinity.evaluation.records.record import Exposure, Place, Record, exposure_of
from arc_affinity.evaluation.scoring.metrics import ButFirst, Metrics, Protocol, measure, measure_but_first, pass_at_k
from arc_affinity.evaluation.submission import Given, attempts_made
from arc_affinity.types import Grid, Pair, Task


@dataclass(frozen=True)
class Subject:
    """What a score is of; a submission names no model, and answers the dataset as it is here.

    ``adapted`` means that records name an adapter, and ``edition`` which tasks they say they answer. ``exposure`` is
    what they say of what the weights had been trained on: "transductive" where any record does.
    """

    protocol: Protocol
    dataset: str
    model: str | None = None
    model_digest: str | None = None
    adapted: bool = False
    edition: str | None = None
    exposure: Exposure | None = None


@dataclass(frozen=True)
class OutputScore:
    """One test output: whether an attempt solved it, and the metrics of attempt 1.

    An output without attempts counts as a prediction that is missing: not exact, and every cell wrong. ``but_first`` is
    known where answers are teacher forced.
    """

    task_id: str
    test_index: int
    attempted: bool
    solved: bool
    first: Metrics
    but_first: ButFirst | None = None


@dataclass(frozen=True)
class Mean:
    """A metric's mean over tasks (of each task's mean) and over outputs, 0-1, and its number of outputs.

    Outputs where the metric is undefined are left out; both means are None where no output is left.
    """

    over_tasks: float | None
    over_outputs: float | None
    outputs: int


@dataclass(frozen=True)
class Score:
    """The score of one subject, with every number that it is made of."""

    subject: Subject
    attempts: int
    outputs: tuple[OutputScore, ...]

    @cached_property
    def by_task(self) -> Mapping[str, tuple[OutputScore, ...]]:
        """The outputs of each task, tasks in the dataset's order."""
        tasks: dict[str, list[OutputScore]] = {}
        for output in self.outputs:
            tasks.setdefault(output.task_id, []).append(output)
        return {task: tuple(outputs) for task, outputs in tasks.items()}

    @property
    def missing(self) -> tuple[str, ...]:
        """Ids of the tasks without any attempt; they count 0."""
        return tuple(t for t, outputs in self.by_task.items() if not any(o.attempted for o in outputs))

    @property
    def solved(self) -> Mean:
        """Outputs solved within the attempts; over tasks it is ARC Prize's score (arcprize.org, rules)."""
        return self.mean(lambda output: output.solved)

    @property
    def solved_of_attempted(self) -> Mean:
        """`solved` over the outputs that have an attempt alone: what a solver that answers in part does on its part."""
        return self.mean(lambda output: output.solved if output.attempted else None)

    @property
    def first_solved(self) -> Mean:
        """Outputs solved by attempt 1 (pass@1)."""
        return self.mean(lambda output: output.first.exact)

    @property
    def solved_tasks(self) -> tuple[str, ...]:
        """Ids of the tasks with all outputs solved."""
        return tuple(t for t, outputs in self.by_task.items() if all(o.solved for o in outputs))

    @property
    def strict(self) -> float:
        """Share of tasks with all outputs solved (Chollet 2019, section III.1)."""
        return len(self.solved_tasks) / len(self.by_task)

    @property
    def cell_accuracy(self) -> Mean:
        """Mean cell accuracy of attempt 1."""
        return self.mean(lambda output: output.first.cell_accuracy)

    @property
    def exact_but_first(self) -> Mean:
        """Outputs exact but for the first cell, as arXiv 2512.07109 measured.

        Undefined unless teacher forced, and for outputs of one cell.
        """
        return self.mean(lambda output: output.but_first.exact if output.but_first else None)

    @property
    def cells_but_first(self) -> Mean:
        """Mean cell accuracy of all cells but the first, as in `exact_but_first`."""
        return self.mean(lambda output: output.but_first.cell_accuracy if output.but_first else None)

    @property
    def size_accuracy(self) -> Mean:
        """Outputs whose attempt 1 has the right size."""
        return self.mean(lambda output: output.first.size_match)

    @property
    def copy_accuracy(self) -> Mean:
        """Mean copy accuracy of attempt 1, where defined."""
        return self.mean(lambda output: output.first.copy_accuracy)

    @property
    def change_accuracy(self) -> Mean:
        """Mean change accuracy of attempt 1, where defined."""
        return self.mean(lambda output: output.first.change_accuracy)

    def only(self, task_id: str) -> Score:
        """Return the score of one task alone."""
        return replace(self, outputs=self.by_task[task_id])

    def mean(self, value: Callable[[OutputScore], float | None]) -> Mean:
        """Average ``value`` over tasks and over outputs, leaving out where it is None."""
        by_task = [[float(v) for v in map(value, outputs) if v is not None] for outputs in self.by_task.values()]
        over_tasks = _average([sum(values) / len(values) for values in by_task if values])
        every = [v for values in by_task for v in values]
        return Mean(over_tasks, _average(every), len(every))


def score(records: Sequence[Record], tasks: Iterable[Task] | None = None, *, attempts: int = 2) -> Score:
    """Score the records of one model, dataset and protocol by ARC Prize's rule.

    Each test output counts 1 if one of its first ``attempts`` attempts is exact; a task is the mean of its
    outputs, the score the mean of all ``tasks``, those without records included. Without ``tasks`` the
    records themselves say which tasks and outputs there are: right for examples held out in a store, and for
    a part of a dataset.

    Raises:
        ArcAffinityError: there are no records, or those of several protocols, models or datasets; a record is
            of no such task or contradicts it; two are the same attempt; or an output is withheld.
    """
    scores = score_each(records, tasks, attempts=attempts)
    if len(scores) > 1:
        subjects = "; ".join(_describe(score.subject) for score in scores)
        raise ArcAffinityError(f"one score cannot mix records of different protocols or models: {subjects}")
    return scores[0]


def score_each(
    records: Sequence[Record], tasks: Iterable[Task] | None = None, *, attempts: int = 2
) -> tuple[Score, ...]:
    """Score every protocol, model and dataset among ``records`` apart, as :func:`score` does for one.

    Raises:
        ArcAffinityError: as :func:`score`, but for several protocols, models or datasets.
    """
    return score_on(records, None if tasks is None else questions_of(tasks), attempts=attempts)


def score_on(
    records: Sequence[Record], questions: Mapping[Place, Pair] | None, *, attempts: int = 2
) -> tuple[Score, ...]:
    """As :func:`score_each`, of the outputs that ``questions`` name by their place in place of those of tasks.

    Raises:
        ArcAffinityError: as :func:`score_each`.
    """
    if not records:
        raise ArcAffinityError("there are no records to score")
    groups: dict[Subject, list[Record]] = {}
    for record in records:
        model, adapted = (record.model, record.model_digest), record.adapter is not None
        subject = Subject(record.protocol, record.dataset, *model, adapted, record.edition)
        groups.setdefault(subject, []).append(record)
    scores = []
    for subject, group in groups.items():
        asked = recorded_questions(group) if questions is None else questions
        for record in group:
            check_belongs(record, asked)
        named = replace(subject, exposure=exposure_of({record.exposure for record in group}))
        scores.append(_score(named, answers_by_place(group), asked, attempts))
    return tuple(scores)


def score_submission(
    submission: Given, tasks: Sequence[Task], dataset: str, *, attempts: int = 2, edition: str | None = None
) -> Score:
    """Score a submission, which is under the rules of ARC Prize; tasks and attempts that it lacks, or that are no grid,
    count 0.

    Raises:
        ArcAffinityError: an output is withheld.
    """
    answers: dict[Place, Mapping[int, Grid | None]] = {
        (task_id, index): attempts_made(pair)
        for task_id, outputs in submission.items()
        for index, pair in enumerate(outputs)
    }
    return _score(Subject(Protocol.ARC_PRIZE, dataset, edition=edition), answers, questions_of(tasks), attempts)


def _score(
    subject: Subject,
    answers: Mapping[Place, Mapping[int, Grid | None]],
    questions: Mapping[Place, Pair],
    attempts: int,
) -> Score:
    if not questions:
        raise ArcAffinityError(f"{subject.dataset} has no test outputs to score")
    # A withheld answer would count as a failure.
    withheld = [name_place(place) for place, pair in questions.items() if pair.output is None]
    if withheld:
        told = listing("test outputs withheld", withheld)
        raise ArcAffinityError(f"cannot score {subject.dataset}: {told}; give --dataset one that has them")
    outputs = []
    for (task_id, index), pair in questions.items():
        given = answers.get((task_id, index), {})
        last = min(max(given, default=1), attempts)
        metrics = [measure(given.get(k), pair.input, pair.output) for k in range(1, last + 1)]
        solved = pass_at_k([bool(m.exact) for m in metrics], attempts)
        forced = subject.protocol is Protocol.TEACHER_FORCED
        but_first = measure_but_first(given.get(1), pair.output) if forced and pair.output is not None else None
        outputs.append(OutputScore(task_id, index, bool(given), solved, metrics[0], but_first))
    return Score(subject, attempts, tuple(outputs))


def _describe(subject: Subject) -> str:
    adapted = " with adapters" if subject.adapted else ""
    edition = f", edition {subject.edition}" if subject.edition else ""
    return f"{subject.protocol} of {subject.model} ({subject.model_digest}){adapted} on {subject.dataset}{edition}"


def _average(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
