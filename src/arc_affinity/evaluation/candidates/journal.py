"""A file that grows line by line while a long answer is worked out, so that a kill loses the last line at the most."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import decode_row, encode_row
from arc_affinity.evaluation.records.writer import check_begun
from arc_affinity.files import sync, write_bytes


class Journal:
    """JSON lines, the first of which says what the others are of.

    A line that was cut short is dropped when the journal is opened again.

    Args:
        path: the file; begun if it is not there.
        header: what decides the lines (model, tasks, seed, …).

    Raises:
        ArcAffinityError: the file was begun with another header or is no journal, or cannot be read or written.
    """

    def __init__(self, path: Path, header: Mapping[str, object]) -> None:
        self.path = path
        first = json.loads(json.dumps(header))
        self.lines = list(self._read(first))

    def append(self, line: Mapping[str, object]) -> None:
        """Add a line; it is on disk when this returns.

        Raises:
            ArcAffinityError: the disk is full.
        """
        try:
            with self.path.open("ab") as file:
                file.write(encode_row(line))
                file.flush()
                sync(file.fileno())
        except OSError as error:
            raise ArcAffinityError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _read(self, header: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise ArcAffinityError(f"cannot read {self.path}: {error.strerror or error}") from error
        whole = content[: content.rfind(b"\n") + 1]
        if not whole:
            if content:
                raise ArcAffinityError(f"{self.path} is no journal of this package; write elsewhere or delete it")
            write_bytes(self.path, encode_row(header))
            return
        begun, *rest = (decode_row(line, f"{self.path}:{number}") for number, line in enumerate(whole.splitlines(), 1))
        check_begun(self.path, begun, header)
        yield from rest
        if len(whole) < len(content):
            write_bytes(self.path, whole)
