"""Files to write, looked at before the work that fills them begins."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.errors import ArcAffinityError, os_errors
from arc_affinity.files import is_stream, keep_inputs, opened_as


def check_outputs(
    outputs: Iterable[Path | None],
    given: Iterable[Path | None] = (),
    *,
    replaced: Iterable[Path | None] | None = None,
) -> None:
    """Refuse files that cannot be written, and those that are ``given`` to be read (`files.keep_inputs`).

    Nothing is made or changed: a file without a name is opened where the folder is, or would be made. Of files that
    are there, a note on stderr says that they will be replaced.

    Args:
        outputs: files that will, or may, be written.
        given: files that will be read.
        replaced: those of ``outputs`` that are replaced where they are there; all unless given.

    Raises:
        ArcAffinityError: naming the file and why.
    """
    wanted = [path for path in outputs if path is not None]
    keep_inputs(wanted, given)
    for path in wanted:
        if is_stream(path):
            continue
        if path.is_dir():
            raise ArcAffinityError(f"cannot write {path}: Is a directory")
        check_folder(path.parent, path)
    say_replaced(wanted if replaced is None else replaced)


def words_beside(*outputs: Path | None) -> contextlib.AbstractContextManager[object]:
    """Return a block whose words go to stderr where one of the ``outputs`` is what this process prints to."""
    if any(opened_as(path) == 1 for path in outputs if path is not None):
        return contextlib.redirect_stdout(sys.stderr)
    return contextlib.nullcontext()


def say_replaced(outputs: Iterable[Path | None]) -> None:
    """Say before the work which files that are there will be replaced."""
    there = [path for path in outputs if path is not None and path.is_file() and not is_stream(path)]
    if there:
        more = f" and {len(there) - 1} more files" if len(there) > 2 else f" and {there[1]}" if there[1:] else ""
        say_path(Console(stderr=True), "note: ", there[0], f"{more} will be replaced")


def check_folder(folder: Path | None, path: Path | None = None) -> None:
    """Refuse a folder in which nothing can be written, whether it is there or would be made.

    A file without a name is opened in it, or in the nearest folder above it that there is.

    Raises:
        ArcAffinityError: naming ``path`` within it, or the folder itself, and why.
    """
    if folder is None:
        return
    nearest = next(each for each in (folder, *folder.parents) if each.exists() or each == each.parent)
    with os_errors(f"cannot write {path or folder}"), tempfile.TemporaryFile(dir=nearest):
        pass
