"""From records to what became of each output, one record at a time: a million rows need no million grids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Exposure, Place, Record, dataset_and_context, exposure_of
from arc_affinity.evaluation.scoring.metrics import Metrics, Protocol, measure
from arc_affinity.types import Grid, Pair

NEAR = 0.95
"""A near miss has at least this share of cells right, in a grid of the right size (ours)."""

PICTURED = 3
"""Outputs of a task whose grids are kept; a task of ARC has at most three or four, a store hundreds."""

PICTURED_ATTEMPTS = 3
"""Attempts at an output whose grids are kept."""

PICTURED_TASKS = 2000
"""Tasks whose grids are kept."""


class Kind(StrEnum):
    """What an attempt came to; of an output, what its first attempt came to unless another one solved it."""

    SOLVED = "solved"
    LOST_IN_RANKING = "lost-in-ranking"
    NEAR_MISS = "near-miss"
    WRONG_CELLS = "wrong-cells"
    INPUT_COPY = "input-copy"
    WRONG_SIZE = "wrong-size"
    NO_GRID = "no-grid"


NAMES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.SOLVED: "solved",
        Kind.LOST_IN_RANKING: "lost in ranking",
        Kind.NEAR_MISS: "near miss",
        Kind.WRONG_CELLS: "wrong cells",
        Kind.INPUT_COPY: "copy of the input",
        Kind.WRONG_SIZE: "wrong size",
        Kind.NO_GRID: "no grid",
    }
)

DEFINITIONS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.SOLVED: "one of the attempts that count equals the target, in size and in every cell",
        Kind.LOST_IN_RANKING: "an attempt after those that count equals the target: it was found and not chosen",
        Kind.NEAR_MISS: f"right size, and at least {NEAR:.0%} of the cells, but not all, are right",
        Kind.WRONG_CELLS: f"right size, and fewer than {NEAR:.0%} of the cells are right",
        Kind.INPUT_COPY: "the attempt is the test input, unchanged (told before anything else)",
        Kind.WRONG_SIZE: "the attempt has other numbers of rows or columns than the target",
        Kind.NO_GRID: "the attempt gave no grid, or none was made",
    }
)
"""How each kind is told from the others; the first that fits, copies of the input before sizes and cells (ours)."""


CONTEXTS = {"first": "shown the first pairs of each task", "others": "shown demonstrations of other tasks"}
"""How demonstrations were chosen, in words."""


class Subject(NamedTuple):
    """What records of one set share: who answered what, under which protocol, at which point of training."""

    model: str
    model_digest: str
    dataset: str
    protocol: Protocol
    adapted: bool
    epoch: int | None
    edition: str | None = None

    @property
    def dataset_name(self) -> str:
        """The dataset, however its demonstrations were chosen."""
        return dataset_and_context(self.dataset)[0]

    @property
    def context_told(self) -> str:
        """What was shown beside a question, in words, where it was not drawn from its task's demonstrations."""
        context = dataset_and_context(self.dataset)[1]
        return CONTEXTS.get(context, f"context {context!r:.40}") if context else ""


class Attempt(NamedTuple):
    """What an attempt came to (None where the target is withheld); ``grid`` is packed, or None if not kept.

    ``program`` is what gave it, in words, where it was found by search.
    """

    kind: Kind | None
    grid: str | None
    program: str | None = None


@dataclass(slots=True)
class Pictures:
    """The packed grids of an output that are kept for the page."""

    input: str
    target: str | None
    attempts: dict[int, Attempt] = field(default_factory=dict)


@dataclass(slots=True)
class Output:
    """One test output: its attempts' kinds by number, a hash of what was asked, the metrics of attempt 1 (of no grid
    where that is missing), and its pictures if kept."""

    kinds: dict[int, Kind]
    question: int
    first: Metrics | None = None
    pictures: Pictures | None = None

    def kind(self, attempts: int) -> Kind:
        """What the output came to within its first ``attempts`` attempts."""
        exact = [number for number, kind in self.kinds.items() if kind is Kind.SOLVED]
        if exact:
            return Kind.SOLVED if min(exact) <= attempts else Kind.LOST_IN_RANKING
        return self.kinds.get(1, Kind.NO_GRID)


@dataclass(frozen=True)
class TaskResult:
    """One task of a set; every value is the mean over its outputs, 0-1, of attempt 1.

    But ``solved`` is of the attempts that count, and ``found`` of all that are recorded. ``kinds`` counts the outputs
    by what they came to. Metrics are None where no output defines them.
    """

    task_id: str
    outputs: int
    attempted: int
    solved: float
    found: float
    first_solved: float
    cell_accuracy: float
    size_accuracy: float
    copy_accuracy: float | None
    change_accuracy: float | None
    kinds: Mapping[Kind, int]

    @property
    def kind(self) -> Kind:
        """What most of its outputs that are not solved came to; `Kind.SOLVED` if all are solved."""
        failed = [(count, kind) for kind, count in self.kinds.items() if kind is not Kind.SOLVED and count]
        return max(failed, key=lambda item: item[0])[1] if failed else Kind.SOLVED


@dataclass(frozen=True)
class RecordSet:
    """Records of one subject, with what became of each output; ``source`` is the file they came from.

    ``exposure`` is "transductive" where any record says that its weights were trained on the task's demonstrations.
    """

    subject: Subject
    source: str
    attempts: int
    outputs: Mapping[Place, Output]
    missing: int = 0
    exposure: Exposure | None = None

    @cached_property
    def tasks(self) -> Mapping[str, TaskResult]:
        """The result of each task, by its id, sorted."""
        groups: dict[str, list[Output]] = {}
        for (task_id, _), output in self.outputs.items():
            groups.setdefault(task_id, []).append(output)
        return {task_id: _result(task_id, groups[task_id], self.attempts) for task_id in sorted(groups)}

    def with_missing(self, asked: Mapping[Place, Pair]) -> RecordSet:
        """Return the set with the outputs that were ``asked`` and that it has no record of, as answered by no grid."""
        missing = {place: _no_answer(pair) for place, pair in asked.items() if place not in self.outputs}
        return replace(self, outputs={**self.outputs, **missing}, missing=len(missing))

    def without(self, places: Collection[Place]) -> RecordSet:
        """Return the set without these of its outputs."""
        if not places:
            return self
        return replace(self, outputs={place: output for place, output in self.outputs.items() if place not in places})

    @property
    def kinds(self) -> Mapping[Kind, int]:
        """How many outputs came to each kind."""
        return _counts(output.kind(self.attempts) for output in self.outputs.values())


class Collector:
    """Takes records in any order and keeps of each what the report needs, and the first of each set whole."""

    def __init__(self, attempts: int = 2) -> None:
        """Let the first ``attempts`` attempts at an output count."""
        self.attempts = attempts
        self._sets: dict[Subject, dict[Place, Output]] = {}
        self._sources: dict[Subject, str] = {}
        self._firsts: dict[Subject, Record] = {}
        self._exposures: dict[Subject, set[Exposure | None]] = {}
        self._pictured: dict[str, set[int]] = {}

    def add(self, records: Iterable[Record], source: str) -> None:
        """Take the records of one file.

        Raises:
            ArcAffinityError: they are of another dataset than those before, an attempt comes twice, or a
                target is withheld.
        """
        for record in records:
            subject = subject_of(record)
            if subject not in self._sets:
                others = [other for other in self._sources if other.dataset_name != subject.dataset_name]
                if others:
                    raise ArcAffinityError(
                        f"{source}: records of dataset {subject.dataset!r} cannot be diagnosed together with those of "
                        f"{others[0].dataset!r} in {self._sources[others[0]]}; make one report for each"
                    )
                self._sets[subject] = {}
                self._sources[subject] = source
                self._firsts[subject] = record
            self._exposures.setdefault(subject, set()).add(record.exposure)
            self._take(record, self._sets[subject], source)

    def sets(self, asked: Callable[[Record], Mapping[Place, Pair]] = lambda _: {}) -> tuple[RecordSet, ...]:
        """Return the sets in the order of their first records.

        Args:
            asked: gives what was asked of those who gave a set, by its first record; outputs of these without a record
                count as answered by no grid.

        Raises:
            ArcAffinityError: no record was taken.
        """
        if not self._sets:
            raise ArcAffinityError("there are no records to diagnose")
        found = (
            RecordSet(
                subject, self._sources[subject], self.attempts, outputs, exposure=exposure_of(self._exposures[subject])
            )
            for subject, outputs in self._sets.items()
        )
        return tuple(each.with_missing(asked(self._firsts[each.subject])) for each in found)

    def _take(self, record: Record, outputs: dict[Place, Output], source: str) -> None:
        task_id = record.task_id
        place = task_id, record.test_index
        output = outputs.get(place)
        if output is None:
            # Attempt 1 is nearly always there, and first.
            none = None if record.attempt == 1 else measure(None, record.input, record.target)
            output = outputs[place] = Output({}, _hash(Pair(record.input, record.target)), none)
        if record.attempt in output.kinds:
            raise ArcAffinityError(
                f"{source}: attempt {record.attempt} at task {task_id} output {record.test_index} by model "
                f"{record.model} ({record.protocol}) comes twice"
            )
        kind = kind_of(record)
        if kind is None:
            raise ArcAffinityError(
                f"{source}: the target of task {task_id} output {record.test_index} is withheld; give --dataset one "
                "that has it"
            )
        output.kinds[record.attempt] = kind
        if record.attempt == 1:
            output.first = record.metrics
        if record.attempt <= PICTURED_ATTEMPTS and self._has_room(place):
            if output.pictures is None:
                target = None if record.target is None else pack(record.target)
                output.pictures = Pictures(pack(record.input), target)
            grid = None if record.prediction is None else pack(record.prediction)
            output.pictures.attempts[record.attempt] = Attempt(kind, grid, record.program)

    def _has_room(self, place: Place) -> bool:
        """Whether the grids of this output are kept: of the first outputs of the first tasks."""
        task_id, index = place
        if task_id not in self._pictured and len(self._pictured) >= PICTURED_TASKS:
            return False
        kept = self._pictured.setdefault(task_id, set())
        if len(kept) < PICTURED:
            kept.add(index)
        return index in kept


def _no_answer(asked: Pair) -> Output:
    return Output({}, _hash(asked), measure(None, asked.input, asked.output))


def _hash(asked: Pair) -> int:
    grids = [asked.input] if asked.output is None else [asked.input, asked.output]
    return hash(tuple((grid.shape, grid.tobytes()) for grid in grids))


def subject_of(record: Record) -> Subject:
    """What a record shares with those of its set."""
    model, adapted = (record.model, record.model_digest), record.adapter is not None
    return Subject(*model, record.dataset, record.protocol, adapted, record.epoch, record.edition)


def kind_of(record: Record) -> Kind | None:
    """What an attempt came to; None where the target is withheld."""
    if record.exact is None or record.cell_accuracy is None:
        return None
    if record.exact:
        return Kind.SOLVED
    if record.prediction is None:
        return Kind.NO_GRID
    if np.array_equal(record.prediction, record.input):
        return Kind.INPUT_COPY
    if not record.size_match:
        return Kind.WRONG_SIZE
    return Kind.NEAR_MISS if record.cell_accuracy >= NEAR else Kind.WRONG_CELLS


def pack(grid: Grid) -> str:
    """Return a grid as text: its columns, a colon, its cells row by row ("3:012345")."""
    return f"{grid.shape[1]}:{(grid + ord('0')).tobytes().decode()}"


def _result(task_id: str, outputs: Sequence[Output], attempts: int) -> TaskResult:
    """Average a task's outputs; one without attempt 1 has nothing right, as in ARC Prize's score."""
    kinds = _counts(output.kind(attempts) for output in outputs)
    firsts = [output.first for output in outputs]
    copied = [first.copy_accuracy for first in firsts if first and first.copy_accuracy is not None]
    changed = [first.change_accuracy for first in firsts if first and first.change_accuracy is not None]
    return TaskResult(
        task_id=task_id,
        outputs=len(outputs),
        attempted=sum(bool(output.kinds) for output in outputs),
        solved=kinds[Kind.SOLVED] / len(outputs),
        found=(kinds[Kind.SOLVED] + kinds[Kind.LOST_IN_RANKING]) / len(outputs),
        first_solved=fmean(bool(first and first.exact) for first in firsts),
        cell_accuracy=fmean((first.cell_accuracy or 0.0) if first else 0.0 for first in firsts),
        size_accuracy=fmean(bool(first and first.size_match) for first in firsts),
        copy_accuracy=fmean(copied) if copied else None,
        change_accuracy=fmean(changed) if changed else None,
        kinds=kinds,
    )


def _counts(kinds: Iterable[Kind]) -> dict[Kind, int]:
    """How often each kind comes, all of them named."""
    found = Counter(kinds)
    return {kind: found[kind] for kind in Kind}
