"""Writing files so that a reader sees the old file or the whole new one, never a part, and nothing given is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from arc_affinity import locks
from arc_affinity.errors import ArcAffinityError, os_errors

TEMPORARY = ".tmp"
"""How the names of files and folders end that are not yet whole."""

LONGEST = 200
"""Bytes of a name that its temporary file repeats, whole characters alone; file systems take 255 bytes in all."""

UNCHANGEABLE = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""What file systems answer that keep no modes (CIFS, exFAT, buckets), or cannot be told to write at once."""


STANDARD = {"stdin": 0, "stdout": 1, "stderr": 2}
"""The numbers of what every process has open."""

OPENED = re.compile(r"/dev/(?P<name>stdin|stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>\d{1,9})")
"""How what a process has open is called."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the place of ``path`` if the block succeeds.

    A link stays one, and the file that it leads to is replaced; a file keeps its mode; a device or pipe is written to.
    What earlier writers of the same file left when they were killed is removed.

    Raises:
        ArcAffinityError: the folder cannot be written or the disk is full; ``path`` is untouched.
    """
    opened = _to_stream if is_stream(path) else _in_place_of
    with os_errors(f"cannot write {path}"), opened(path) as aside:
        yield aside


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) to ``path`` in one step."""
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def sync(handle: int) -> None:
    """Have an open file written to the disk itself, where the file system can be told to."""
    _tolerating(os.fsync, handle)


def is_stream(path: Path) -> bool:
    """Whether ``path`` is a device, a pipe or a socket, or an opening of one, rather than a file."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    if stat.S_ISDIR(mode):
        return False
    # /dev/stdout and its like may be openings of files, which the shell that opened them goes on writing to.
    top, below = path.absolute().parts[1:2], path.absolute().parts[2:3]
    return not stat.S_ISREG(mode) or top == ("proc",) or (top == ("dev",) and below != ("shm",))


def as_name(given: str | Path) -> str:
    """Return what is to be found by name or path as text: a `Path` as text that no name of anything is.

    ``Path("rotary")`` has no "./" to tell it from the model of that name, whatever it was made of.
    """
    text = str(given)
    plain = isinstance(given, Path) and not given.is_absolute() and not text.startswith(("~", ".."))
    return f"{os.curdir}{os.sep}{text}" if plain else text


def is_input(path: Path) -> bool:
    """Whether ``path`` can be read: a file, or a pipe or device, which gives what it holds once; no folder."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` to fill; it becomes ``path``, which must be absent or empty.

    Raises:
        OSError: it cannot be written, or ``path`` is not empty.
    """
    with scratch_folder(path) as aside:
        yield aside
        _tolerating(aside.chmod, 0o777 & ~_umask())
        aside.replace(path)


@contextlib.contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that is gone in the end; those that killed processes left go first.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    handle, aside = _temporary_folder(path)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(handle)


def keep_inputs(outputs: Iterable[Path | None], given: Iterable[Path | None]) -> None:
    """Refuse to write over a file that is given to be read, whatever other name, link or alias it is called by.

    Args:
        outputs: files that will be written, whether they are there or not.
        given: files that will be read; what is no file is passed over.

    Raises:
        ArcAffinityError: naming both.
    """
    read = {_identity(path): path for path in given if path is not None}
    written: dict[object, Path] = {}
    for path in outputs:
        if path is None or is_stream(path):
            continue
        known = _identity(path)
        if known is not None and known in read:
            raise ArcAffinityError(
                f"{path} is to be written, but it is {read[known]}, which is to be read; choose another"
            )
        other = written.setdefault(known or os.path.realpath(path), path)
        if other is not path:
            raise ArcAffinityError(f"{path} and {other} are one file; choose another for one of them")


def _identity(path: Path) -> tuple[int, int] | None:
    """What two names of one file share; None where there is no file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def opened_as(path: Path) -> int | None:
    """Return the number under which this process holds what ``path`` calls open, as ``/dev/stdout`` is 1."""
    named = OPENED.fullmatch(str(path.absolute()))
    if named is None:
        return None
    return STANDARD[named["name"]] if named["name"] else int(named["number"])


@contextlib.contextmanager
def _to_stream(path: Path) -> Iterator[Path]:
    """A file elsewhere, which is poured out at the end."""
    own = opened_as(path)
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / (path.name or "stream")
        aside.touch()
        yield aside
        # Opened anew, a file that the shell opened would be emptied, and what is printed later written over this.
        with aside.open("rb") as source, open(path if own is None else os.dup(own), "wb") as stream:  # noqa: PTH123
            shutil.copyfileobj(source, stream)


@contextlib.contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """A new file beside the one that ``path`` leads to, which it becomes."""
    place = Path(os.path.realpath(path, strict=False))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~_umask()
    _clear(place)
    handle, aside = _temporary(place)
    try:
        yield aside
        with aside.open("rb") as written:
            sync(written.fileno())
        _tolerating(aside.chmod, mode)
        aside.replace(place)
    finally:
        aside.unlink(missing_ok=True)
        os.close(handle)


def _temporary(place: Path) -> tuple[int, Path]:
    """A new file beside ``place``, and the handle that holds its lock: while it does, the file is someone's work."""
    while True:
        handle, name = tempfile.mkstemp(prefix=_prefix(place), suffix=TEMPORARY, dir=place.parent)
        if _is_ours(handle, Path(name)):
            return handle, Path(name)


def _temporary_folder(place: Path) -> tuple[int, Path]:
    """A new folder beside ``place``, and the handle that holds its lock, as `_temporary`."""
    while True:
        aside = Path(tempfile.mkdtemp(prefix=_prefix(place), suffix=TEMPORARY, dir=place.parent))
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(aside, os.O_RDONLY | os.O_CLOEXEC)
            if _is_ours(handle, aside):
                return handle, aside


def _is_ours(handle: int, aside: Path) -> bool:
    """Lock what was just made; False, and closed, if another writer took it for one that was left behind."""
    if locks.take(handle) is not False and locks.still_at(handle, aside):
        return True
    os.close(handle)
    return False


def _clear(place: Path) -> None:
    """Remove the temporary files and folders of ``place`` whose writers are dead."""
    own = re.compile(re.escape(_prefix(place)) + r"[a-z0-9_]{8}" + re.escape(TEMPORARY))
    for entry in [entry for entry in os.scandir(place.parent) if own.fullmatch(entry.name)]:
        # Another process may remove it first.
        with contextlib.suppress(OSError):
            _remove_if_left(Path(entry.path))


def _remove_if_left(aside: Path) -> None:
    """Remove a temporary file or folder that no living process holds."""
    handle = os.open(aside, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if locks.take(handle):
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
    finally:
        os.close(handle)


def _prefix(place: Path) -> str:
    """How the temporary names of ``place`` begin."""
    kept = place.name[:LONGEST]
    while len(os.fsencode(kept)) > LONGEST:
        kept = kept[:-1]
    return f".{kept}."


def _tolerating(change: Callable[[int], object], argument: int) -> None:
    """Call ``change``, which some file systems cannot do and nothing depends on."""
    try:
        change(argument)
    except OSError as error:
        if error.errno not in UNCHANGEABLE:
            raise


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
