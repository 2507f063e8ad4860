"""The three files of an example store: bytes to arrays and back, and what is refused on the way."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import replacing
from arc_affinity.types import MAX_SIDE

FORMAT = 1
"""Version of the layout, the manifest's ``format``."""

MANIFEST = "manifest.json"
ARRAYS = ("cells.npy", "index.npy")

UNREADABLE = (
    *(EOFError, OverflowError, SyntaxError, TypeError, ValueError, tokenize.TokenError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)
"""What numpy's and zipfile's readers raise on files with turned-over bits."""

Manifest = dict[str, Any]
Cells = UInt8[np.ndarray, " cells"]
Index = Int64[np.ndarray, "examples 6"]


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
    aside: Path | None = None
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ArcAffinityError(f"cannot write {path}: it exists; choose another folder or remove it")
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.parent / f".{path.name}.{secrets.token_hex(4)}"
        aside.mkdir()
        for name, content in files.items():
            with (aside / name).open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
        aside.replace(path)
    except OSError as error:
        raise ArcAffinityError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as a compressed zip without times, so that equal content gives equal bytes."""
    with replacing(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def read_folder(path: Path, verify: bool) -> tuple[Manifest, np.ndarray, np.ndarray]:
    """Manifest and mapped arrays of a store folder."""
    try:
        manifest = _parse_manifest(path, (path / MANIFEST).read_bytes())
        for name in ARRAYS if verify else ():
            with (path / name).open("rb") as handle:
                _check_hash(path, manifest, name, hashlib.file_digest(handle, "sha256").hexdigest())
        # A plain view: slicing numpy's memmap class costs ten times as much.
        cells, index = (np.load(path / name, mmap_mode="r").view(np.ndarray) for name in ARRAYS)
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
            contents = {name: archive.read(name) for name in (MANIFEST, *ARRAYS)}
        manifest = _parse_manifest(path, contents[MANIFEST])
        for name in ARRAYS if verify else ():
            _check_hash(path, manifest, name, hashlib.sha256(contents[name]).hexdigest())
        cells, index = (np.load(io.BytesIO(contents[name]), allow_pickle=False) for name in ARRAYS)
    except KeyError as error:
        raise ArcAffinityError(f"{path} is not an example store: {error.args[0]}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        raise _damaged(path, f"it cannot be read ({error})") from error
    return manifest, cells, index


def _parse_manifest(path: Path, content: bytes) -> Manifest:
    """The manifest, once its own entries are of the right kind."""
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{MANIFEST} is not JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArcAffinityError(f"{path} is not an example store of format {FORMAT}")
    tasks, counts, hashes = (manifest.get(key) for key in ("tasks", "counts", "sha256"))
    sound = (
        isinstance(tasks, list)
        and isinstance(counts, list)
        and isinstance(hashes, dict)
        and len(tasks) == len(counts)
        and all(isinstance(task, str) for task in tasks)
        and all(isinstance(count, int) and count >= 0 for count in counts)
        and tasks == sorted(set(tasks))
    )
    if not sound:
        raise _damaged(path, f"the tasks, counts or hashes of {MANIFEST} do not make sense")
    _check_hash(path, manifest, MANIFEST, _manifest_hash(manifest))
    return manifest


def _check_hash(path: Path, manifest: Manifest, name: str, found: str) -> None:
    if manifest["sha256"].get(name) != found:
        raise _damaged(path, f"the SHA-256 of {name} is not the one in {MANIFEST}")


def check_arrays(path: Path, manifest: Manifest, cells: np.ndarray, index: np.ndarray) -> None:
    """Refuse arrays whose shapes, sizes or offsets do not fit together."""
    if cells.dtype != np.uint8 or cells.ndim != 1:
        raise _damaged(path, "cells.npy is no flat uint8 array")
    if index.dtype != np.int64 or index.ndim != 2 or index.shape[1] != 6:
        raise _damaged(path, "index.npy is no int64 array of 6 columns")
    counts = np.array(manifest["counts"], np.int64)
    if not np.array_equal(index[:, 0], np.repeat(np.arange(len(counts)), counts)):
        raise _damaged(path, "index.npy does not hold the tasks that the manifest counts")
    sides = index[:, 1:5]
    if len(index) and (sides.min() < 1 or sides.max() > MAX_SIDE):
        raise _damaged(path, f"index.npy has a grid that is not 1-{MAX_SIDE} on a side")
    ends = np.cumsum(sides[:, 0] * sides[:, 1] + sides[:, 2] * sides[:, 3])
    if not np.array_equal(index[1:, 5], ends[:-1]) or (len(index) and index[0, 5] != 0):
        raise _damaged(path, "an offset of index.npy is wrong")
    if len(cells) != (ends[-1] if len(ends) else 0):
        raise _damaged(path, f"cells.npy has {len(cells)} cells, index.npy another number")


def _damaged(path: Path, why: str) -> ArcAffinityError:
    return ArcAffinityError(f"the example store {path} is damaged: {why}")
