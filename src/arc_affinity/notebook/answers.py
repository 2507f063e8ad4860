"""What a solver answered: its records, with what is done with them in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from arc_affinity.errors import ArcAffinityError, optional
from arc_affinity.evaluation.reading import Reading
from arc_affinity.evaluation.records.record import Record, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.submission import make_submission, submittable, write_submission
from arc_affinity.files import as_name
from arc_affinity.notebook.tabular import Rows, Tabular
from arc_affinity.types import Task


class Asked(NamedTuple):
    """Who was asked what: a test output, by which protocol, by which weights."""

    task_id: str
    test_index: int
    protocol: Protocol
    model_digest: str


@dataclass(frozen=True)
class Answers(Tabular):
    """The attempts at the test outputs of some tasks.

    Attributes:
        records: one an attempt, the best of each output first.
        tasks: the tasks that were asked; empty where they are not known, as of a file.
        counted: attempts an output that count.
        summary: figures of the run, if it has any.
    """

    records: tuple[Record, ...]
    tasks: tuple[Task, ...] = ()
    counted: int = 2
    summary: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def by_output(self) -> Mapping[Asked, Sequence[Record]]:
        """The records of each test output, attempts in order, apart by protocol and weights."""
        found: dict[Asked, list[Record]] = {}
        for record in self.records:
            asked = Asked(record.task_id, record.test_index, record.protocol, record.model_digest)
            found.setdefault(asked, []).append(record)
        return {asked: sorted(records, key=lambda each: each.attempt) for asked, records in found.items()}

    def counting(self, records: Sequence[Record]) -> Sequence[Record]:
        """The attempts at an output that count."""
        return [record for record in records if record.attempt <= self.counted]

    def by(self, protocol: str) -> Answers:
        """Return those by one protocol alone, where there are several, as fine-tuning leaves them.

        Raises:
            ArcAffinityError: there is no such protocol, or no answer by it.
        """
        wanted = Protocol.named(protocol)
        records = tuple(record for record in self.records if record.protocol is wanted)
        if not records:
            raise ArcAffinityError(f"no answer is by {wanted}")
        return replace(self, records=records)

    def save(self, path: Path | str) -> Path:
        """Write the records as JSON lines (gzip where the name ends in .gz) and return the path.

        Raises:
            ArcAffinityError: the file cannot be written.
        """
        write_records(Path(path), self.records)
        return Path(path)

    def submit(self, path: Path | str) -> Path:
        """Write a ``submission.json`` of the two best attempts and return the path.

        Of the answers that fine-tuning leaves, those after it under ``arc_prize`` are meant.

        Raises:
            ArcAffinityError: the tasks are not known or not all answered, or the file cannot be written.
        """
        if not self.tasks:
            raise ArcAffinityError("the tasks of these answers are not known; read_answers(path, dataset) names them")
        write_submission(Path(path), make_submission(submittable(self.records), self.tasks))
        return Path(path)

    def to_frame(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row an attempt.

        Raises:
            ArcAffinityError: pandas is not installed.
        """
        return optional("pandas", "notebook").DataFrame([record.to_json() for record in self.records])

    def _rows(self) -> Rows:
        rows = []
        for asked, records in self.by_output.items():
            known = [record.exact for record in self.counting(records) if record.exact is not None]
            right = "not known" if not known else "yes" if any(known) else "no"
            rows.append((asked.task_id, asked.test_index, asked.protocol.value, len(records), right))
        return Rows(("task", "test", "protocol", "attempts", f"right within {self.counted}"), rows)


def read_answers(
    path: Path | str,
    dataset: str | Path | None = None,
    *,
    tasks: Sequence[str | Path] = (),
    name: str | None = None,
    data_dir: Path | str | None = None,
) -> Answers:
    """Read what any solver answered: records, a ``submission.json``, or a folder of results with one file a task.

    Args:
        path: what to read; gzip or not.
        dataset: whose tasks were asked, a name or a path, as in `load_tasks`; a submission needs it.
        tasks: ids of the tasks that count, or files of ids; all unless given.
        name: what the solver is called; unless given, what its records say, or a submission's file.
        data_dir: folder with the datasets that are not installed.

    Raises:
        ArcAffinityError: it cannot be read, holds something else, or is a submission and lacks tasks that count.
    """
    path = Path(path)
    named = None if dataset is None else as_name(dataset)
    reading = Reading(named, None if data_dir is None else Path(data_dir), tuple(map(as_name, tasks)))
    records = tuple(reading.records(path, name, path.name.partition(".")[0]))
    return Answers(records, tuple(reading.required.counting))
