"""Writing the records of a long prediction task by task, so that a killed run loses one task at the most."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records import (
    Record,
    RecordKey,
    decode_row,
    encode_row,
    read_lines,
    writing,
)
from arc_affinity.files import replacing, write_bytes


class RecordWriter:
    """Keeps finished tasks in ``<path>.part`` and makes ``path`` of them at the end.

    Used as a context manager: a block that ends well leaves ``path`` (exactly what ``write_records`` would
    write) and no part file; one that is broken off leaves the part file, and a new writer with the same
    ``settings`` goes on from there. The part file is one JSON line for the settings and one for each task, so
    a line that was cut short is one task to do again.

    Args:
        path: of the records to make; gzip where it ends in ``.gz``.
        settings: JSON values that decide the records (model digest, dataset, protocol, attempts, seed, ...).

    Raises:
        ArcAffinityError: the part file was begun with other settings or is damaged, or cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._header: dict[str, Any] = {"settings": json.loads(encode_row(settings))}
        self._done = self._resume()

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
        rows = self._rows(task_id, records)
        try:
            with self.part.open("ab") as file:
                file.write(encode_row({"task": task_id, "records": rows}))
        except OSError as error:
            raise ArcAffinityError(f"cannot write {self.part}: {error.strerror or error}") from error
        self._done.add(task_id)

    def finish(self) -> None:
        """Make ``path`` from the part file, in one step, and remove the part file.

        Raises:
            ArcAffinityError: no task was written, or ``path`` cannot be written; the part file stays.
        """
        if not self._done:
            raise ArcAffinityError(f"cannot write {self.path}: there are no records")
        with (
            replacing(self.path) as aside,
            writing(aside, compress=self.path.suffix == ".gz") as file,
        ):
            for task in self._tasks():
                file.writelines(encode_row(row) for row in task["records"])
        self.part.unlink()

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()

    def _rows(self, task_id: str, records: Iterable[Record]) -> list[dict[str, object]]:
        """The task's records as JSON values, each checked to be new and its own."""
        if task_id in self._done:
            raise ArcAffinityError(f"{self.part} already holds task {task_id}")
        by_key: dict[RecordKey, dict[str, object]] = {}
        for record in records:
            if record.task_id != task_id:
                raise ArcAffinityError(f"record of task {record.task_id} among those of task {task_id}")
            if record.key in by_key:
                raise ArcAffinityError(f"task {task_id} has two records {record.key}")
            by_key[record.key] = record.to_json()
        if not by_key:
            raise ArcAffinityError(f"task {task_id} has no records")
        return list(by_key.values())

    def _resume(self) -> set[str]:
        """Ids of the tasks in the part file, which is begun if need be and loses a line cut short."""
        if not self.part.exists() or not self._drop_torn_line():
            write_bytes(self.part, encode_row(self._header))
            return set()
        self._check_settings()
        return {task["task"] for task in self._tasks()}

    def _drop_torn_line(self) -> bool:
        """Cut the part file after its last whole line; return whether any line is left."""
        try:
            with self.part.open("r+b") as file:
                length = file.read().rfind(b"\n") + 1
                file.truncate(length)
        except OSError as error:
            raise ArcAffinityError(f"cannot write {self.part}: {error.strerror or error}") from error
        return length > 0

    def _check_settings(self) -> None:
        """Refuse to go on with settings other than those that the part file was begun with."""
        _, line = next(read_lines(self.part))
        begun = decode_row(line, f"{self.part}:1").get("settings")
        if not isinstance(begun, dict):
            raise ArcAffinityError(f"{self.part}:1: no settings; delete the file to begin again")
        now = self._header["settings"]
        for name in sorted(begun.keys() | now.keys()):
            if begun.get(name) != now.get(name):
                raise ArcAffinityError(
                    f"{self.part} was begun with {name} {begun.get(name)!r:.80}, not {now.get(name)!r:.80}; "
                    "delete it to begin again, or write elsewhere"
                )

    def _tasks(self) -> Iterator[dict[str, Any]]:
        """The part file's lines after the first."""
        for number, line in read_lines(self.part):
            if number == 1:
                continue
            where = f"{self.part}:{number}"
            task = decode_row(line, where)
            if not isinstance(task.get("task"), str) or not isinstance(task.get("records"), list):
                raise ArcAffinityError(f"{where}: not a task's records; delete the file to begin again")
            yield task
