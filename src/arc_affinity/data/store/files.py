"""The three files of an example store: bytes to arrays and back, and what is refused on the way."""

from __future__ import annotations

import hashlib
import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Int64, UInt8
from msgspec import Meta

from arc_affinity import documents
from arc_affinity.documents import Count
from arc_affinity.errors import ArcAffinityError, os_errors
from arc_affinity.files import new_folder, replacing, sync
from arc_affinity.types import COLOURS, MAX_SIDE

FORMAT = 1
"""Version of the layout, the manifest's ``format``."""

MANIFEST = "manifest.json"
ARRAYS = ("cells.npy", "index.npy")

UNREADABLE = (
    *(EOFError, OverflowError, SyntaxError, TypeError, ValueError, tokenize.TokenError),
    *(NotImplementedError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error),
)
"""What numpy's and zipfile's readers raise on files with turned-over bits."""

LARGEST_MEMBER = 128 << 20
"""Bytes of an array in one file for shipping: 600,000 examples of the usual size."""

LONGEST_HEADER = 1 << 12
"""Bytes of what stands before the numbers of an array."""

TYPES: Mapping[str, tuple[np.dtype[Any], int]] = {
    "cells.npy": (np.dtype(np.uint8), 1),
    "index.npy": (np.dtype(np.int64), 2),
}
"""Kind and dimensions of the arrays."""

Manifest = dict[str, Any]
Cells = UInt8[np.ndarray, " cells"]
Index = Int64[np.ndarray, "examples 6"]


def is_store(path: Path) -> bool:
    """Return whether ``path`` says that it is a store: a folder with a manifest and an array, or a name in ``.npz``.

    Other folders, of tasks perhaps, have manifests too.
    """
    return path.suffix == ".npz" or ((path / MANIFEST).is_file() and any((path / name).is_file() for name in ARRAYS))


def encode(cells: Cells, index: Index, manifest: Manifest) -> dict[str, bytes]:
    """Arrays and manifest as file contents; the manifest last, with the hash of the others."""
    files: dict[str, bytes] = {}
    for name, array in zip(ARRAYS, (cells, index), strict=True):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        files[name] = buffer.getvalue()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {**manifest, "sha256": hashes}
    hashes[MANIFEST] = _manifest_hash(manifest)
    text = json.dumps(manifest, indent=1, sort_keys=True)
    return {**files, MANIFEST: (text + "\n").encode()}


def _manifest_hash(manifest: Manifest) -> str:
    """SHA-256 of a manifest's content but for this very entry."""
    others = {name: value for name, value in manifest["sha256"].items() if name != MANIFEST}
    text = json.dumps({**manifest, "sha256": others}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` to a new folder that appears complete or not at all.

    Raises:
        ArcAffinityError: ``path`` is taken, or cannot be written.
    """
    with os_errors(f"cannot write {path}"):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ArcAffinityError(f"cannot write {path}: it exists; choose another folder or remove it")
        with new_folder(path) as aside:
            for name, content in files.items():
                _write_through(aside / name, content)


def _write_through(path: Path, content: bytes) -> None:
    """Write a file to the disk itself, not only to what the system keeps for it."""
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        sync(handle.fileno())


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as a compressed zip without times, so that equal content gives equal bytes.

    Raises:
        ArcAffinityError: one is larger than is read again.
    """
    for name, content in files.items():
        if len(content) > (limit := _most_bytes(name)):
            raise ArcAffinityError(
                f"{path}: {name} would have {len(content):,} bytes, and {limit:,} are read again from one file; "
                "ask for fewer examples of a task"
            )
    with replacing(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def read_folder(path: Path, verify: bool) -> tuple[Manifest, np.ndarray, np.ndarray]:
    """Manifest and mapped arrays of a store folder."""
    try:
        with (path / MANIFEST).open("rb") as file:
            manifest = _parse_manifest(path, file.read(documents.LARGEST))
        for name in ARRAYS if verify else ():
            with (path / name).open("rb") as handle:
                _check_hash(path, manifest, name, hashlib.file_digest(handle, "sha256").hexdigest())
        # A plain view: slicing numpy's memmap class costs ten times as much.
        cells, index = (_array(np.memmap(path / name, np.uint8, "r").view(np.ndarray), name) for name in ARRAYS)
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise ArcAffinityError(f"{path} is not an example store: no {name}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        raise _damaged(path, f"an array cannot be read ({error})") from error
    return manifest, cells, index


def read_npz(path: Path, verify: bool) -> tuple[Manifest, np.ndarray, np.ndarray]:
    """Manifest and arrays of a store in one file."""
    try:
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(_bounded(path, archive.getinfo(name))) for name in (MANIFEST, *ARRAYS)}
        manifest = _parse_manifest(path, contents[MANIFEST])
        for name in ARRAYS if verify else ():
            _check_hash(path, manifest, name, hashlib.sha256(contents[name]).hexdigest())
        cells, index = (_array(np.frombuffer(contents[name], np.uint8), name) for name in ARRAYS)
    except KeyError as error:
        raise ArcAffinityError(f"{path} is not an example store: {error.args[0]}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        raise _damaged(path, f"it cannot be read ({error})") from error
    return manifest, cells, index


def _most_bytes(member: str) -> int:
    return documents.LARGEST if member == MANIFEST else LARGEST_MEMBER


def _bounded(path: Path, member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """A member that does not unpack to more than a store needs; no more is unpacked than it says."""
    if member.file_size > _most_bytes(member.filename):
        raise _damaged(path, f"{member.filename} unpacks to {member.file_size:,} bytes, which is too many")
    return member


def _array(raw: UInt8[np.ndarray, " bytes"], name: str) -> np.ndarray:
    """The array in the bytes of a ``.npy`` file, over the same memory; a header is believed only if they bear it out.

    Raises:
        ValueError: the file holds another kind of array, or another number of bytes.
    """
    header = io.BytesIO(raw[:LONGEST_HEADER].tobytes())
    if np.lib.format.read_magic(header) != (1, 0):
        raise ValueError(f"{name} has another version of numpy's format")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(header, max_header_size=LONGEST_HEADER)
    wanted, dimensions = TYPES[name]
    if kind != wanted or fortran or len(shape) != dimensions:
        raise ValueError(f"{name} is no {dimensions}-dimensional array of {wanted}, but of {kind} and shape {shape}")
    size = wanted.itemsize
    for side in shape:
        size *= side
    if min(shape) < 0 or size != len(raw) - header.tell():
        raise ValueError(f"{name} of shape {shape} should have {size} bytes, not {len(raw) - header.tell()}")
    return raw[header.tell() :].view(wanted).reshape(shape)


@dataclass(frozen=True)
class _Manifest:
    tasks: list[Annotated[str, Meta(pattern=documents.WHOLE_ID)]]
    counts: list[Count]
    sha256: dict[str, str]


def _parse_manifest(path: Path, content: bytes) -> Manifest:
    """The manifest, once its own entries are of the right kind."""
    where = f"the example store {path} is damaged: {MANIFEST}"
    manifest = documents.object_of(documents.decode(content, where), where)
    if type(manifest.get("format")) is not int or manifest["format"] != FORMAT:
        raise ArcAffinityError(f"{path} is not an example store of format {FORMAT}")
    own = documents.fit(manifest, _Manifest, where)
    if len(own.tasks) != len(own.counts) or own.tasks != sorted(set(own.tasks)):
        raise _damaged(path, f"the tasks and counts of {MANIFEST} do not make sense")
    _check_hash(path, manifest, MANIFEST, _manifest_hash(manifest))
    return manifest


def _check_hash(path: Path, manifest: Manifest, name: str, found: str) -> None:
    if manifest["sha256"].get(name) != found:
        raise _damaged(path, f"the SHA-256 of {name} is not the one in {MANIFEST}")


def check_arrays(path: Path, manifest: Manifest, cells: np.ndarray, index: np.ndarray, *, colours: bool) -> None:
    """Refuse arrays whose sizes or offsets do not fit together, or, with ``colours``, cells that are no colours."""
    if index.shape[1] != 6:
        raise _damaged(path, "index.npy has not 6 columns")
    counts = np.array(manifest["counts"], np.int64)
    # Compared first: numbers that a file only claims would take all the memory.
    if sum(manifest["counts"]) != len(index) or not np.array_equal(
        index[:, 0], np.repeat(np.arange(len(counts)), counts)
    ):
        raise _damaged(path, "index.npy does not hold the tasks that the manifest counts")
    sides = index[:, 1:5]
    if len(index) and (sides.min() < 1 or sides.max() > MAX_SIDE):
        raise _damaged(path, f"index.npy has a grid that is not 1-{MAX_SIDE} on a side")
    ends = np.cumsum(sides[:, 0] * sides[:, 1] + sides[:, 2] * sides[:, 3])
    if not np.array_equal(index[1:, 5], ends[:-1]) or (len(index) and index[0, 5] != 0):
        raise _damaged(path, "an offset of index.npy is wrong")
    if len(cells) != (ends[-1] if len(ends) else 0):
        raise _damaged(path, f"cells.npy has {len(cells)} cells, index.npy another number")
    if colours and len(cells) and cells.max() >= COLOURS:
        at = int(np.argmax(cells >= COLOURS))
        raise _damaged(path, f"cell {at} of cells.npy is {cells[at]}, and colours are 0-{COLOURS - 1}")


def _damaged(path: Path, why: str) -> ArcAffinityError:
    return ArcAffinityError(f"the example store {path} is damaged: {why}")
