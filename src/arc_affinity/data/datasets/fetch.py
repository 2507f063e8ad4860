"""Downloads of the datasets that are not installed, checked by their content."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from arc_affinity.data.datasets.registry import DATASETS, default_data_dir, find_folder, load_tasks
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.files import scratch_folder
from arc_affinity.types import Grid, Task


@dataclass(frozen=True)
class Member:
    """A dataset within an archive.

    Attributes:
        dataset: its name.
        folder: where its files lie below the archive's one top folder.
        digest: `content_digest` of its tasks.
    """

    dataset: str
    folder: str
    digest: str


@dataclass(frozen=True)
class Archive:
    """A repository as a zip file, and the datasets in it."""

    url: str
    members: tuple[Member, ...]


ARCHIVES: Mapping[str, Archive] = MappingProxyType(
    {
        "arc-agi-2": Archive(
            "https://github.com/arcprize/ARC-AGI-2/archive/refs/heads/main.zip",
            (
                Member(
                    "arc-agi-2/training",
                    "data/training",
                    "ded3d8eb1f19bc85e624bdc79ddb23178cf90726748b2e501d4c02cbcf277ac0",
                ),
                Member(
                    "arc-agi-2/evaluation",
                    "data/evaluation",
                    "2858a6ca7691d38a4011405234feb2286b144881e50706e10cfcb20f6a2f1d02",
                ),
            ),
        ),
        "concept-arc": Archive(
            "https://github.com/victorvikram/ConceptARC/archive/refs/heads/main.zip",
            (
                Member(
                    "concept-arc",
                    "corpus",
                    "b7240437079bfe57d60cd575c9122c8eeb25c9338aeba84132dc0042516bfc89",
                ),
                Member(
                    "concept-arc/minimal",
                    "MinimalTasks",
                    "4d6c2102494e5a758a531e8f648571da147480f4fef3574ec602d7ffef473796",
                ),
            ),
        ),
    }
)
"""What can be downloaded, by name. The edition is pinned by the digest of its content, not by the address."""


def fetch(name: str, data_dir: Path | None = None, archive: Archive | None = None) -> dict[str, Path]:
    """Download a dataset into a data folder, unless it is there already.

    The checksum is over what the tasks say (`content_digest`), not over the archive: a host may pack the same
    files into other bytes, and what counts is that nobody trains or scores on other tasks. What differs
    is removed before anything is put in place.

    Args:
        name: one of `ARCHIVES`, or a dataset in it.
        data_dir: where to put it; `default_data_dir` if None.
        archive: to be used in place of the one that is known by the name, as a mirror's.

    Returns:
        The folder of each dataset that came with the download.

    Raises:
        ArcAffinityError: nothing of that name to download, no network (the message says what to do by hand),
            other content than the published, or a folder that cannot be written.
    """
    source = archive or _archive(name)
    base = data_dir or default_data_dir()
    if data_dir is None and not base.is_absolute():
        raise ArcAffinityError("this user has no home folder; name one with --data-dir or ARC_AFFINITY_DATA")
    missing = [member for member in source.members if not _is_here(member, base)]
    if missing:
        with _scratch(base) as scratch:
            packed = _download(source.url, scratch, base)
            for member in missing:
                _check(member, _unpack(packed, member, scratch), source.url)
            for member in missing:
                _place(scratch / _target(member), base / _target(member))
    return {member.dataset: find_folder(DATASETS[member.dataset], base) or base for member in source.members}


def content_digest(tasks: Iterable[Task]) -> str:
    """Return the SHA-256 (hexadecimal) of what tasks say, whatever files they came in.

    It is taken over JSON without spaces, ``{id: {"test": [{"input": …, "output": …}, …], "train": […]}, …}``
    with all keys in order and null for outputs that are withheld.
    """
    content = {
        task.id: {
            part: [{"input": _rows(pair.input), "output": _rows(pair.output)} for pair in pairs]
            for part, pairs in (("train", task.train), ("test", task.test))
        }
        for task in tasks
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(grid: Grid | None) -> list[list[int]] | None:
    return None if grid is None else grid.tolist()


def _archive(name: str) -> Archive:
    """The archive that is called ``name``, or that a dataset of this name comes in."""
    if name in DATASETS and not DATASETS[name].fetched_as:
        raise ArcAffinityError(f"dataset {name} needs no download: it comes with the installation")
    called = DATASETS[name].fetched_as if name in DATASETS else name
    if called not in ARCHIVES:
        raise unknown("download", name, ARCHIVES)
    return ARCHIVES[called]


def _target(member: Member) -> str:
    """Where a dataset is put below the data folder."""
    return DATASETS[member.dataset].folders[0]


def _is_here(member: Member, base: Path) -> bool:
    """Whether a dataset is in its place; anything else in that place is an error."""
    folder = find_folder(DATASETS[member.dataset], base)
    if folder is None:
        return False
    if content_digest(load_tasks(str(folder.absolute()))) != member.digest:
        raise ArcAffinityError(
            f"{folder} is there, but its tasks are not those of {member.dataset} as published; "
            "remove it to download them again"
        )
    return True


@contextmanager
def _scratch(base: Path) -> Iterator[Path]:
    """A folder in the data folder that is gone in the end."""
    try:
        with scratch_folder(base / "fetch") as scratch:
            yield scratch
    except OSError as error:
        raise ArcAffinityError(f"cannot write to {base}: {error.strerror or error}") from error


def _download(url: str, scratch: Path, base: Path) -> Path:
    """The file at ``url``, whatever it is."""
    # Imported here because it costs a seventh of a second at the start of every command.
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    # It would recommend the archive's hash, which is not what is checked.
    logger.setLevel(logging.ERROR)
    try:
        return Path(pooch.retrieve(url, known_hash=None, fname="archive.zip", path=scratch))
    except OSError as error:
        # Every network error of pooch's downloader is an OSError; some have whole stories for a message.
        words = error.strerror or str(error).partition(" for url")[0]
        reason = words if len(words) <= 60 else type(error).__name__
        raise ArcAffinityError(
            f"cannot download {url} ({reason}); by hand: download that file where there is a network, "
            f"and unpack it in {base.absolute()}"
        ) from error
    finally:
        logger.setLevel(level)


def _unpack(packed: Path, member: Member, scratch: Path) -> Path:
    """Unpack the task files of one dataset; nothing else in the archive is looked at."""
    folder = scratch / _target(member)
    # Names of plain folders and files only, so that none can point elsewhere.
    wanted = re.compile(rf"[^/]+/{re.escape(member.folder)}/((?:\w+/)?\w+\.json)")
    try:
        with zipfile.ZipFile(packed) as archive:
            for match in filter(None, map(wanted.fullmatch, archive.namelist())):
                path = folder / match[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(match[0]))
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:
        raise ArcAffinityError(f"the download is no sound zip file: {error}") from error
    return folder


def _check(member: Member, folder: Path, url: str) -> None:
    """Refuse other tasks than the published."""
    found = content_digest(load_tasks(str(folder.absolute()))) if folder.is_dir() else "no such folder"
    if found != member.digest:
        raise ArcAffinityError(
            f"what {url} holds is not {member.dataset} as this version knows it (SHA-256 of the content "
            f"{found[:16]}, not {member.digest[:16]}); it was removed"
        )


def _place(made: Path, folder: Path) -> None:
    """Move a complete folder into its place in one step."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made.replace(folder)
