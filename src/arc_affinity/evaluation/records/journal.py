"""A file that grows line by line while long work goes on, so that a kill loses the last line at the most."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arc_affinity.documents import read_lines
from arc_affinity.errors import ArcAffinityError, os_errors
from arc_affinity.evaluation.records.record import decode_row, encode_row
from arc_affinity.files import sync
from arc_affinity.locks import open_locked

LONGEST_HEADER = 1 << 24
"""Bytes of the first line, at most."""

NO_JOURNAL = " is no journal of this package; write elsewhere or delete it"


class Journal:
    """JSON lines, the first of which says what the others are of.

    Used as a context manager, which holds the file for this process alone. A line that was cut short is dropped when
    the journal is opened again.

    Args:
        path: the file; begun if it is not there.
        header: what decides the lines (model, tasks, seed, …), alone or under "settings".
        foreign: what is said, after its name, of a file that is no such journal.
        overwrite: a journal that was begun with another header is emptied, as is one that has other settings alone.

    Raises:
        ArcAffinityError: the file has lines of another header, is someone else's or in use, or cannot be read or
            written; it is left as it is.
    """

    def __init__(
        self, path: Path, header: Mapping[str, object], foreign: str = NO_JOURNAL, *, overwrite: bool = False
    ) -> None:
        self.path, self._overwrite = path, overwrite
        busy = f"{path} is being written by another process; wait for it, or write elsewhere"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = open_locked(path, busy)
        except OSError as error:
            why = "it is a link" if path.is_symlink() else error.strerror or error
            raise ArcAffinityError(f"cannot write {path}: {why}") from error
        try:
            self._resume(json.loads(encode_row(header)), ArcAffinityError(f"{path}{foreign}"))
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each line but the first, after its place in words for a message.

        Raises:
            ArcAffinityError: a line is no JSON object.
        """
        for number, line in read_lines(self.path):
            if number > 1:
                yield f"{self.path}:{number}", decode_row(line, f"{self.path}:{number}")

    def append(self, row: Mapping[str, object]) -> None:
        """Add a line; it is on disk when this returns.

        Raises:
            ArcAffinityError: the disk is full.
        """
        with os_errors(f"cannot write {self.path}"):
            os.lseek(self._handle, 0, os.SEEK_END)
            with os.fdopen(os.dup(self._handle), "wb") as file:
                file.write(encode_row(row))
                file.flush()
                sync(file.fileno())

    def _resume(self, header: Mapping[str, Any], foreign: ArcAffinityError) -> None:
        """Cut the file after its last whole line, or begin it; one with another header only where it may be emptied."""
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            raise ArcAffinityError(f"cannot write {self.path}: it is no file")
        with os.fdopen(os.dup(self._handle), "r+b") as file:
            file.seek(0)
            head = file.readline(LONGEST_HEADER)
            if head.endswith(b"\n"):
                other = self._other(head, header, foreign)
                if other is None:
                    file.truncate(len(head) + sum(len(line) for line in file if line.endswith(b"\n")))
                    return
                # A line of settings alone is worth nothing; another one, alone, may be anything.
                alone = "settings" in header and not any(line.endswith(b"\n") for line in file)
                if not (self._overwrite or alone):
                    raise other
            elif not encode_row(header).startswith(head):
                raise foreign
            file.truncate(0)
        self.append(header)

    def _other(self, head: bytes, header: Mapping[str, Any], foreign: ArcAffinityError) -> ArcAffinityError | None:
        """What is to be said of a journal that was begun with another header; None if it was begun with this one."""
        try:
            begun = decode_row(head, str(self.path))
        except ArcAffinityError as error:
            raise foreign from error
        if "settings" in header:
            begun, header = begun.get("settings", {}), header["settings"]
            if not isinstance(begun, dict) or not head.startswith(b'{"settings":'):
                raise foreign
        for name in sorted(begun.keys() | header.keys()):
            if begun.get(name) != header.get(name):
                return ArcAffinityError(
                    f"{self.path} was begun with {name} {begun.get(name)!r:.80}, not {header.get(name)!r:.80}; "
                    "delete it to begin again, or write elsewhere"
                )
        return None
