"""Writing the records of a long prediction task by task, so that a killed run loses one task at the most."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Record, RecordKey, encode_row, parse_record, writing
from arc_affinity.files import is_stream, replacing

MOST_RECORDS = 2_000
"""Records in a line of the part file: 12 MB of the largest grids, well below what a line may hold."""


class RecordWriter:
    """Keeps finished tasks in ``<path>.part`` and makes ``path`` of them at the end.

    The part file is a `Journal` with a line a task, or several where a task has very many records: all of these but the
    last say that there is ``more``, and a task without its last line was broken off and does not count.
    """

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path, self.journal = path, journal
        self._done = {task["task"] for task in self._tasks()}

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path, settings: Mapping[str, object], *, overwrite: bool = False) -> Iterator[RecordWriter]:
        """Yield a writer that holds the part file for this process alone.

        A block that ends well leaves ``path`` (exactly what ``write_records`` would write) and no part file; one that
        is broken off leaves the part file, and a new writer with the same ``settings`` resumes from there.

        Args:
            path: of the records to make; gzip where it ends in ``.gz``.
            settings: JSON values that decide the records (model digest, dataset, protocol, attempts, seed, ...).
            overwrite: a part file that was begun with other settings is emptied.

        Raises:
            ArcAffinityError: the part file is someone else's, was begun with other settings, is damaged or in use, or
                cannot be written; it is left as it is. Or no task was written, or ``path`` cannot be written.
        """
        if is_stream(path):
            raise ArcAffinityError(f"cannot write {path}: it is no file, and what is written task by task needs one")
        foreign = ":1: no settings of a prediction; move the file away, or write elsewhere"
        with Journal(_part_of(path), {"settings": settings}, foreign, overwrite=overwrite) as journal:
            writer = cls(path, journal)
            yield writer
            writer.finish()

    @property
    def done_tasks(self) -> frozenset[str]:
        """Ids of the tasks whose records are safe on disk."""
        return frozenset(self._done)

    def write(self, task_id: str, records: Iterable[Record]) -> None:
        """Add all ``records`` of one task; they are on disk when this returns.

        Raises:
            ArcAffinityError: the task is done already, a record is of another task or repeated, there is
                none, or the disk is full.
        """
        if task_id in self._done:
            raise ArcAffinityError(f"{self.journal.path} already holds task {task_id}")
        by_key: dict[RecordKey, dict[str, object]] = {}
        for record in records:
            if record.task_id != task_id:
                raise ArcAffinityError(f"record of task {record.task_id} among those of task {task_id}")
            if record.key in by_key:
                raise ArcAffinityError(f"task {task_id} has two records {record.key}")
            by_key[record.key] = record.to_json()
        if not by_key:
            raise ArcAffinityError(f"task {task_id} has no records")
        rows = list(by_key.values())
        starts = range(0, len(rows), MOST_RECORDS)
        for part, start in enumerate(starts):
            more = {"part": part, "more": part < len(starts) - 1} if len(starts) > 1 else {}
            self.journal.append({"task": task_id, "records": rows[start : start + MOST_RECORDS], **more})
        self._done.add(task_id)

    def finish(self) -> None:
        """Make ``path`` from the part file, in one step, and remove the part file.

        Raises:
            ArcAffinityError: no task was written, or ``path`` cannot be written; the part file stays.
        """
        if not self._done:
            raise ArcAffinityError(f"cannot write {self.path}: there are no records")
        with replacing(self.path) as aside, writing(aside, compress=self.path.suffix == ".gz") as file:
            for task in self._tasks():
                file.writelines(encode_row(row) for row in task["records"])
        self.journal.path.unlink()

    def _tasks(self) -> Iterator[dict[str, Any]]:
        """The tasks in the part file, each checked to be what `write` allows."""
        seen: dict[str, str] = {}
        parts: list[Any] = []
        for where, task in self.journal.rows():
            name, rows = task.get("task"), task.get("records")
            if not isinstance(name, str) or not isinstance(rows, list) or not rows:
                raise ArcAffinityError(f"{where}: not a task's records; delete the file to begin again")
            # A task that was broken off begins again.
            parts = [*(parts if task.get("part") else ()), *rows]
            if task.get("more"):
                continue
            rows = parts
            if seen.setdefault(name, where) != where:
                first = seen[name].rpartition(":")[2]
                raise ArcAffinityError(f"{where}: task {name!r:.80} again, first on line {first}")
            records = [parse_record(row, f"{where}: record {i}") for i, row in enumerate(rows, 1)]
            if len({record.key for record in records}) < len(rows) or {each.task_id for each in records} != {name}:
                raise ArcAffinityError(f"{where}: a record comes twice or is not of task {name!r:.80}")
            yield {"task": name, "records": rows}


def remove_part(path: Path, settings: Mapping[str, object]) -> None:
    """Remove the part file of ``path``, unless another process is writing it or it has tasks of other settings."""
    part = _part_of(path)
    if part.is_file():
        # Only a part file that is held and known to be of these settings is opened without an error.
        with contextlib.suppress(ArcAffinityError), Journal(part, {"settings": settings}) as journal:
            journal.path.unlink()


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
