"""Answers of any solver, from a file of records or a submission, held against a dataset where one is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from arc_affinity.data.datasets.choosing import choose_ids
from arc_affinity.data.datasets.editions import edition_here, edition_notes, is_of_these
from arc_affinity.data.datasets.registry import load_tasks, store_at
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.evaluation.questions import (
    belongs,
    check_belongs,
    name_place,
    questions_of,
    questions_of_examples,
)
from arc_affinity.evaluation.records.record import (
    CONTEXT,
    Origin,
    Place,
    Record,
    holds_records,
    iter_records,
    make_record,
)
from arc_affinity.evaluation.scoring.metrics import Protocol, measure
from arc_affinity.evaluation.scoring.scores import Score, score_on, score_submission
from arc_affinity.evaluation.submission import Requirements, read_given, read_submission, result_files
from arc_affinity.types import Example, Pair, Task

Tell = Callable[[ArcAffinityError], None]
"""Told of each attempt that counts and is no grid."""


@dataclass(frozen=True)
class Reading:
    """What is read of answers: of which tasks, how many attempts, and what a submission may lack.

    Attributes:
        dataset: whose tasks count; None for those that the records hold.
        data_dir: folder with the datasets that are not installed.
        named: ids of the tasks that count, or files of ids; all unless given.
        attempts: ranked attempts that count.
        allow_missing: a submission may lack tasks.
        strict: an attempt of a submission that is no grid is refused, and so are records that lack outputs of the
            dataset, unless tasks may be missing; else these count as wrong.
    """

    dataset: str | None = None
    data_dir: Path | None = None
    named: Sequence[str] = ()
    attempts: int = 2
    allow_missing: bool = False
    strict: bool = False

    @cached_property
    def tasks(self) -> Sequence[Task]:
        """The tasks of the dataset; none without one."""
        return () if self.dataset is None else load_tasks(self.dataset, self.data_dir)

    @cached_property
    def store(self) -> ExampleStore | None:
        """The dataset if it is a store, whose examples are no tests of tasks."""
        return None if self.dataset is None else store_at(self.dataset)

    @cached_property
    def edition(self) -> str:
        """The edition of the dataset; "" without one."""
        return "" if self.dataset is None else edition_here(self.dataset, self.tasks)

    @cached_property
    def required(self) -> Requirements:
        """What a submission is held against.

        Raises:
            ArcAffinityError: a task that was named is not of the dataset.
        """
        only = self._among(task.id for task in self.tasks)
        return Requirements(self.tasks, only, self.attempts, self.allow_missing)

    def questions(self, answer: Record) -> Mapping[Place, Pair]:
        """Return the outputs of the dataset that count, by their place.

        Of a store they depend on who was asked, as ``answer`` tells: a model is asked every example, by its place in
        the store, a solver the last of each task, as its only test.

        Raises:
            ArcAffinityError: as `required`.
        """
        tests = questions_of(self.required.counting)
        if self.store is None or belongs(answer, tests):
            return tests
        only, examples = self.required.only, questions_of_examples(self.store)
        return {place: pair for place, pair in examples.items() if not only or place[0] in only}

    def _among(self, known: Iterable[str]) -> frozenset[str]:
        return frozenset(choose_ids(known, self.named, self.data_dir)) if self.named else frozenset()

    def score(self, path: Path, tell: Tell = lambda _: None) -> Sequence[Score]:
        """Return the score of every protocol and model in a file of records, or of a submission.

        Raises:
            ArcAffinityError: the file holds neither, `strict` refuses it, or as in `score_on`, `read_given` and
                `choose_ids`.
        """
        if is_records(path):
            records = list(self.records(path, None, path.name))
            questions = self.questions(records[0]) if self.dataset and records else None
            scores = score_on(records, questions, attempts=self.attempts)
            if self.strict and not self.allow_missing:
                _refuse_gaps(path, scores)
            return scores
        dataset = self._dataset_for(path)
        given = read_submission(path, self.required) if self.strict else read_given(path, self.required, tell)
        return [score_submission(given, self.required.counting, dataset, attempts=self.attempts, edition=self.edition)]

    def edition_notes(self, named: Mapping[tuple[str, str | None], Iterable[str]]) -> list[str]:
        """Return a sentence for each edition of answers that is not the dataset's, or not that of others beside it.

        Args:
            named: the ids of the tasks that answers are of, by their dataset and edition.
        """
        told = {(self.dataset or dataset, edition): ids for (dataset, edition), ids in named.items() if edition}
        return edition_notes(told, self.edition, self.tasks)

    def records(self, path: Path, name: str | None, file_name: str) -> Iterable[Record]:
        """Yield the records in a file, a submission's attempts among them, under the dataset's name where one is named.

        Records that say that they are of the edition of the tasks which they answer have the dataset's edition too.

        Args:
            path: records, a submission, or a folder of results.
            name: what the solver is called in place of what the records say; None leaves it.
            file_name: what the solver of a submission is called without a name.

        Raises:
            ArcAffinityError: as `score`.
        """
        if not is_records(path):
            return self._of_submission(path, name or file_name)
        rows = iter_records(path) if name is None else (replace(row, model=name) for row in iter_records(path))
        if self.dataset is None:
            return self._chosen(list(rows)) if self.named else rows
        if self.required.only:
            rows = (row for row in rows if row.task_id in self.required.only)
        return self._checked(iter(rows), self.dataset, path)

    def _chosen(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records of the tasks that were named, of those that the records hold."""
        only = self._among(row.task_id for row in records)
        return [row for row in records if row.task_id in only]

    def _checked(self, records: Iterator[Record], dataset: str, path: Path) -> Iterator[Record]:
        """Records that belong to the dataset, under its name, measured by its target where theirs is withheld."""
        first = next(records, None)
        if first is None:
            return
        questions, editions = self.questions(first), {None: None, self.edition: self.edition}
        for record in chain([first], records):
            check_belongs(record, questions)
            if record.edition not in editions:
                editions |= self._editions(path)
            # How demonstrations were chosen is no part of where the dataset lies.
            context = "".join(record.dataset.partition(CONTEXT)[1:])
            named = replace(record, dataset=dataset + context, edition=editions[record.edition])
            target = questions[record.task_id, record.test_index].output
            if record.target is None and target is not None:
                metrics = asdict(measure(record.prediction, record.input, target))
                yield replace(named, target=target, **metrics)
            else:
                yield named

    def _editions(self, path: Path) -> Mapping[str | None, str | None]:
        """What each edition in a file of records is: the dataset's, if it is that of the tasks answered, or itself.

        All the tasks of the file are looked at, whichever count.
        """
        return {
            edition: self.edition if is_of_these(edition, ids, self.tasks) else edition
            for edition, ids in answered_in([path]).items()
        }

    def _of_submission(self, path: Path, name: str) -> Iterator[Record]:
        dataset = self._dataset_for(path)
        files = result_files(path) if path.is_dir() else [path]
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
        origin = Origin(name, digest, dataset, Protocol.ARC_PRIZE, seed=0)
        by_id = {task.id: task for task in self.tasks}
        read = read_submission if self.strict else read_given
        for task_id, answers in read(path, self.required).items():
            for index, (pair, answer) in enumerate(zip(by_id[task_id].test, answers, strict=True)):
                for number, grid in enumerate(answer, 1):
                    yield make_record(origin, Example(task_id, index, pair, ()), number, grid)

    def _dataset_for(self, path: Path) -> str:
        if path.is_dir():
            result_files(path)
        elif not path.read_bytes().strip():
            raise ArcAffinityError(f"{path}: the file is empty; no records to read")
        if self.dataset is None:
            inside = [path / name for name in ("records.jsonl", "records.jsonl.gz") if (path / name).is_file()]
            there = f"; {inside[0]} does" if inside else ""
            raise ArcAffinityError(f"{path} holds no records; a submission names no dataset, so give --dataset{there}")
        return self.dataset


def answered_in(paths: Iterable[Path]) -> Mapping[str | None, set[str]]:
    """Return the ids of the tasks that files of records answer, by the edition that they name."""
    answered: dict[str | None, set[str]] = {}
    for record in chain.from_iterable(map(iter_records, paths)):
        answered.setdefault(record.edition, set()).add(record.task_id)
    return answered


def _refuse_gaps(path: Path, scores: Iterable[Score]) -> None:
    """Refuse records of a solver without an attempt at some output."""
    for each in scores:
        without = [name_place((output.task_id, output.test_index)) for output in each.outputs if not output.attempted]
        if without:
            raise ArcAffinityError(f"{path}: {each.subject.protocol}: {listing('outputs without an attempt', without)}")


def is_records(path: Path) -> bool:
    """Whether there are records at ``path``, rather than a submission or a folder of results."""
    return not path.is_dir() and holds_records(path)
