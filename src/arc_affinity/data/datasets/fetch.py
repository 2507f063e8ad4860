"""Downloads of the datasets that are not installed, checked by their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from arc_affinity.data.datasets.archives import ARCHIVES, Archive, Member, download, unpack
from arc_affinity.data.datasets.registry import DATASETS, default_data_dir, find_folder, load_tasks
from arc_affinity.errors import ArcAffinityError, os_errors, unknown
from arc_affinity.files import scratch_folder
from arc_affinity.types import Task


def fetch(
    name: str,
    data_dir: Path | None = None,
    archive: Archive | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Path]:
    """Download a dataset into a data folder, unless it is there already.

    The checksum is over what the tasks say (`content_digest`), not over the archive: a host may pack the same
    files into other bytes, and what counts is that nobody trains or scores on other tasks. What differs
    is removed before anything is put in place.

    Args:
        name: one of `ARCHIVES`, or a dataset in it.
        data_dir: where to put it; `default_data_dir` if None.
        archive: to be used in place of the one that is known by the name, as a mirror's.
        say: told the source, before any connection is opened.

    Returns:
        The folder of each dataset that came with the download.

    Raises:
        ArcAffinityError: nothing of that name to download, no network or package index (the message says what to
            do by hand), other content than the published, or a folder that cannot be written.
    """
    source = archive or _archive(name)
    base = data_dir or default_data_dir()
    if data_dir is None and not base.is_absolute():
        raise ArcAffinityError("this user has no home folder; name one with --data-dir or ARC_AFFINITY_DATA")
    missing = [member for member in source.members if not _is_here(member, base)]
    if missing:
        with _scratch(base) as scratch:
            say(str(source.source))
            packed = download(source.source, scratch, base)
            for member in missing:
                unpack(packed, member, scratch / _target(member))
                _check(member, scratch / _target(member), str(source.source))
            # Another process may have fetched the same meanwhile.
            for member in (member for member in missing if not _is_here(member, base)):
                place = base / _target(member)
                place.parent.mkdir(parents=True, exist_ok=True)
                (scratch / _target(member)).replace(place)
    return {member.dataset: find_folder(DATASETS[member.dataset], base) or base for member in source.members}


def content_digest(tasks: Iterable[Task]) -> str:
    """Return the SHA-256 (hexadecimal) of what tasks say, whatever files they came in.

    It is taken over JSON without spaces, ``{id: {"test": [{"input": …, "output": …}, …], "train": […]}, …}``
    with all keys in order and null for outputs that are withheld.
    """
    content = {
        task.id: {
            part: [
                {"input": pair.input.tolist(), "output": None if pair.output is None else pair.output.tolist()}
                for pair in pairs
            ]
            for part, pairs in (("train", task.train), ("test", task.test))
        }
        for task in tasks
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _archive(name: str) -> Archive:
    """The archive that is called ``name``, or that a dataset of this name comes in."""
    # "arc-agi-1" is no dataset, but all that begin so are.
    meant = [each for each in DATASETS if each == name or each.startswith(f"{name}/")]
    if meant and not any(DATASETS[each].fetched_as for each in meant):
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
    with os_errors(f"cannot write to {base}"), scratch_folder(base / "fetch") as scratch:
        yield scratch


def _check(member: Member, folder: Path, source: str) -> None:
    """Refuse other tasks than the published."""
    found = content_digest(load_tasks(str(folder.absolute()))) if folder.is_dir() else "no such folder"
    if found != member.digest:
        raise ArcAffinityError(
            f"what {source} holds is not {member.dataset} as this version knows it (SHA-256 of the content "
            f"{found[:16]}, not {member.digest[:16]}); it was removed"
        )
