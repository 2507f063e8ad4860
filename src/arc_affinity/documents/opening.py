"""Files for reading, plain or gzip, whose faults are told in one line."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from arc_affinity.errors import ArcAffinityError

LARGEST = 64 << 20
"""Bytes of a document, and of a line of records, when unpacked: thirty times all of ARC-AGI-1."""


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """Return the bytes of a file, unpacked if they are gzip.

    Raises:
        ArcAffinityError: it cannot be read, or holds more than ``largest``.
    """
    with opened(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ArcAffinityError(f"{path}: over {largest:,} bytes, which is more than any such file needs")
    return data


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) of a plain or gzip file, whatever it is called.

    Raises:
        ArcAffinityError: the file cannot be read, its compression is damaged or cut short, or a line is too long.
    """
    with opened(path) as file:
        number = 0
        while line := file.readline(LARGEST + 1):
            number += 1
            if len(line) > LARGEST:
                raise ArcAffinityError(f"{path}:{number}: a line of over {LARGEST:,} bytes")
            yield number, line


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain or gzip file for its bytes; what goes wrong while it is read is told too."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(raw, "rb") if packed else raw as file:
                yield cast(BinaryIO, file)
    except EOFError as error:
        raise ArcAffinityError(f"{path}: the gzip file is cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ArcAffinityError(f"{path}: the gzip file is damaged ({error})") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ArcAffinityError(f"cannot read {str(path)!r}: {error}") from error
