"""Writing the records of a long prediction task by task, so that a killed run loses one task at the most."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from arc_affinity.documents import read_lines
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import (
    Record,
    RecordKey,
    decode_row,
    encode_row,
    parse_record,
    writing,
)
from arc_affinity.files import is_stream, replacing
from arc_affinity.locks import open_locked

LONGEST_HEADER = 1 << 24
"""Bytes of the part file's first line, at most."""

CHUNK = 1 << 16


class RecordWriter:
    """Keeps finished tasks in ``<path>.part`` and makes ``path`` of them at the end.

    Used as a context manager, which holds the part file for this process alone: a block that ends well leaves ``path``
    (exactly what ``write_records`` would write) and no part file; one that is broken off leaves the part file, and a
    new writer with the same ``settings`` resumes from there. The part file is one JSON line for the settings and one
    for each task, so a line that was cut short is one task to do again.

    Args:
        path: of the records to make; gzip where it ends in ``.gz``.
        settings: JSON values that decide the records (model digest, dataset, protocol, attempts, seed, ...).

    Raises:
        ArcAffinityError: the part file is someone else's, was begun with other settings, is damaged or in use, or
            cannot be written; it is left as it is.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        if is_stream(path):
            raise ArcAffinityError(f"cannot write {path}: it is no file, and what is written task by task needs one")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._header: dict[str, Any] = {"settings": json.loads(encode_row(settings))}
        self._handle: int | None = None
        with self._held():
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
        with self._held() as handle:
            self._append(handle, encode_row({"task": task_id, "records": rows}))
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
        self.part.unlink()

    def __enter__(self) -> RecordWriter:
        self._handle = self._open()
        try:
            self._done = self._resume()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._release()

    def _open(self) -> int:
        """The part file, begun if need be, locked."""
        busy = f"{self.part} is being written by another process; wait for it, or write elsewhere"
        try:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            return open_locked(self.part, busy)
        except OSError as error:
            why = "it is a link" if self.part.is_symlink() else error.strerror or error
            raise ArcAffinityError(f"cannot write {self.part}: {why}") from error

    def _release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @contextlib.contextmanager
    def _held(self) -> Iterator[int]:
        """The part file's handle: the one of the context manager, else one for this block."""
        if self._handle is not None:
            yield self._handle
            return
        self._handle = self._open()
        try:
            yield self._handle
        finally:
            self._release()

    def _append(self, handle: int, line: bytes) -> None:
        try:
            os.lseek(handle, 0, os.SEEK_END)
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(line)
        except OSError as error:
            raise ArcAffinityError(f"cannot write {self.part}: {error.strerror or error}") from error

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
        assert self._handle is not None
        if not self._drop_torn_line(self._handle):
            self._append(self._handle, encode_row(self._header))
            return set()
        self._check_settings()
        return {task["task"] for task in self._tasks()}

    def _drop_torn_line(self, handle: int) -> bool:
        """Cut the part file after its last whole line; return whether any line is left.

        Raises:
            ArcAffinityError: it is not a writer's, and so is not touched.
        """
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ArcAffinityError(f"cannot write {self.part}: it is no file")
        with os.fdopen(os.dup(handle), "r+b") as file:
            file.seek(0)
            head = file.readline(LONGEST_HEADER)
            if not head.endswith(b"\n"):
                if not encode_row(self._header).startswith(head):
                    raise self._foreign()
                file.truncate(0)
                return False
            if not head.startswith(b'{"settings":'):
                raise self._foreign()
            file.truncate(file.seek(_last_line_end(file)))
        return True

    def _foreign(self) -> ArcAffinityError:
        return ArcAffinityError(f"{self.part}:1: no settings of a prediction; move the file away, or write elsewhere")

    def _check_settings(self) -> None:
        _, line = next(read_lines(self.part))
        begun = decode_row(line, f"{self.part}:1").get("settings")
        if not isinstance(begun, dict):
            raise ArcAffinityError(f"{self.part}:1: no settings; delete the file to begin again")
        check_begun(self.part, begun, self._header["settings"])

    def _tasks(self) -> Iterator[dict[str, Any]]:
        """The part file's lines after the first, each checked to be what `_rows` allows."""
        seen: dict[str, int] = {}
        for number, line in read_lines(self.part):
            if number == 1:
                continue
            where = f"{self.part}:{number}"
            task = decode_row(line, where)
            name, rows = task.get("task"), task.get("records")
            if not isinstance(name, str) or not isinstance(rows, list) or not rows:
                raise ArcAffinityError(f"{where}: not a task's records; delete the file to begin again")
            if seen.setdefault(name, number) != number:
                raise ArcAffinityError(f"{where}: task {name!r:.80} again, first on line {seen[name]}")
            records = [parse_record(row, f"{where}: record {i}") for i, row in enumerate(rows, 1)]
            if len({record.key for record in records}) < len(rows) or {each.task_id for each in records} != {name}:
                raise ArcAffinityError(f"{where}: a record comes twice or is not of task {name!r:.80}")
            yield task


def check_begun(path: Path, begun: Mapping[str, object], now: Mapping[str, object]) -> None:
    """Refuse to go on in a file with other settings than those that it was begun with.

    Raises:
        ArcAffinityError: naming the first that differs.
    """
    for name in sorted(begun.keys() | now.keys()):
        if begun.get(name) != now.get(name):
            raise ArcAffinityError(
                f"{path} was begun with {name} {begun.get(name)!r:.80}, not {now.get(name)!r:.80}; "
                "delete it to begin again, or write elsewhere"
            )


def _last_line_end(file: BinaryIO) -> int:
    """Where the last whole line of a file ends, looked for from its end."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - CHUNK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
