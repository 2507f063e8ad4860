"""Flat, memory-mapped store of examples: thousands of pairs that open in milliseconds.

A store is a folder of three files (or the same three as members of one ``.npz``):

- ``cells.npy``: uint8, all grids one after the other, row by row; of a pair the input, then the output;
- ``index.npy``: int64 ``(examples, 6)``: task number, input rows and columns, output rows and columns, offset
  of the pair's first cell; sorted by task id, then by the example's number within its task;
- ``manifest.json``: format, task ids in order, counts, SHA-256 of both array files, and what the maker adds.
"""

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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.files import replacing, write_text
from arc_affinity.types import COLOURS, MAX_SIDE, Grid, Pair

FORMAT = 1
"""Version of the layout, the manifest's ``format``."""

MANIFEST = "manifest.json"
ARRAYS = ("cells.npy", "index.npy")

UNREADABLE = (
    *(
        EOFError,
        OverflowError,
        SyntaxError,
        TypeError,
        ValueError,
        tokenize.TokenError,
    ),  # numpy's, on a header
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),  # zipfile's
)
"""What the standard readers raise on files with turned-over bits."""

Manifest = dict[str, Any]
Cells = UInt8[np.ndarray, " cells"]
Index = Int64[np.ndarray, "examples 6"]
Sizes = Int64[np.ndarray, "examples 4"]


class ExampleStore:
    """Pairs of many tasks, sorted by task id; read-only.

    Attributes:
        path: the folder or ``.npz`` it was opened from.
        manifest: the parsed ``manifest.json``.
        tasks: task ids, ascending.
        sizes: input rows, input columns, output rows, output columns of each example.
    """

    path: Path
    manifest: Manifest
    tasks: tuple[str, ...]
    sizes: Sizes

    def __init__(self, path: Path, manifest: Manifest, cells: Cells, index: Index) -> None:
        self.path = path
        self.manifest = manifest
        self.tasks = tuple(manifest["tasks"])
        self.sizes = index[:, 1:5]
        self._cells = cells
        self._index = index
        self._starts = np.concatenate([[0], np.cumsum(manifest["counts"], dtype=np.int64)]).tolist()
        self._number = {task: number for number, task in enumerate(self.tasks)}

    @classmethod
    def open(cls, path: Path, verify: bool = True) -> ExampleStore:
        """Open a store folder (memory-mapped) or a ``.npz`` of one (read into memory).

        Args:
            path: folder or file written by this module.
            verify: also compare the SHA-256 of both arrays; without it only sizes and offsets are checked.

        Raises:
            ArcAffinityError: missing, truncated, altered or foreign files.
        """
        manifest, cells, index = _read_npz(path, verify) if path.is_file() else _read_folder(path, verify)
        _check_arrays(path, manifest, cells, index)
        return cls(path, manifest, cells, index)

    def __len__(self) -> int:
        return len(self._index)

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process maps the files again; pickling would copy every cell to it.
        return ExampleStore.open, (self.path, False)

    def pair(self, i: int) -> Pair:
        """Return example ``i`` as views onto the store, which cannot be written to."""
        _, rows, cols, out_rows, out_cols, start = self._index[i].tolist()
        middle = start + rows * cols
        end = middle + out_rows * out_cols
        return Pair(
            self._cells[start:middle].reshape(rows, cols),
            self._cells[middle:end].reshape(out_rows, out_cols),
        )

    def task_of(self, i: int) -> str:
        """Return the task id of example ``i``."""
        return self.tasks[int(self._index[i, 0])]

    def indices(self, task_id: str) -> range:
        """Return the positions of a task's examples.

        Raises:
            ArcAffinityError: the store has no such task.
        """
        if task_id not in self._number:
            raise unknown("task", task_id, self.tasks)
        number = self._number[task_id]
        return range(self._starts[number], self._starts[number + 1])

    def files(self) -> dict[str, bytes]:
        """Return the store's three files by name; the same bytes for a folder and a ``.npz``."""
        return _encode(self._cells, self._index, self.manifest)


def write_store(
    path: Path,
    examples: Mapping[str, Sequence[Pair]] | Iterable[tuple[str, Sequence[Pair]]],
    extras: Mapping[str, Any] | None = None,
) -> ExampleStore:
    """Write a store folder in one step and open it; the same examples give the same bytes.

    Args:
        path: folder to make; it must not hold anything yet.
        examples: pairs by task id, in any order of tasks; the order within a task is kept.
        extras: further entries of the manifest (seed, versions …), JSON values.

    Raises:
        ArcAffinityError: ``path`` is taken or cannot be written; a grid is not a grid; a task comes twice.
    """
    _write_folder(path, _flatten(examples, extras or {}))
    return ExampleStore.open(path, verify=False)


def write_npz(
    path: Path,
    examples: Mapping[str, Sequence[Pair]] | Iterable[tuple[str, Sequence[Pair]]],
    extras: Mapping[str, Any] | None = None,
) -> None:
    """Write examples as one compressed file; arguments and errors as in `write_store`."""
    _write_zip(path, _flatten(examples, extras or {}))


def save_npz(store: ExampleStore, path: Path) -> None:
    """Write a store as one compressed ``.npz``, for shipping; the same store gives the same bytes."""
    _write_zip(path, store.files())


def write_json_tasks(store: ExampleStore, folder: Path) -> None:
    """Write one ARC task file a task: the last pair under ``test``, the others under ``train``.

    Raises:
        ArcAffinityError: a task has fewer than two pairs, or the folder cannot be written.
    """
    for task in store.tasks:
        positions = store.indices(task)
        if len(positions) < 2:
            raise ArcAffinityError(f"task {task} has {len(positions)} pair; a task file needs at least 2")
        pairs = [_as_json(store.pair(i)) for i in positions]
        content = {"train": pairs[:-1], "test": pairs[-1:]}
        write_text(folder / f"{task}.json", json.dumps(content, separators=(",", ":")) + "\n")


def _as_json(pair: Pair) -> dict[str, list[list[int]]]:
    """A pair as ARC writes it."""
    assert pair.output is not None
    return {"input": pair.input.tolist(), "output": pair.output.tolist()}


def _flatten(
    examples: Mapping[str, Sequence[Pair]] | Iterable[tuple[str, Sequence[Pair]]], extras: Mapping[str, Any]
) -> dict[str, bytes]:
    """The three files of a store with these examples."""
    groups = sorted(
        examples.items() if isinstance(examples, Mapping) else examples, key=lambda group: group[0]
    )
    tasks = [task for task, _ in groups]
    if len(set(tasks)) < len(tasks):
        raise ArcAffinityError(f"task {next(t for t in tasks if tasks.count(t) > 1)} comes twice")
    rows: list[tuple[int, ...]] = []
    chunks: list[np.ndarray] = [np.zeros(0, np.uint8)]
    offset = 0
    for number, (task, pairs) in enumerate(groups):
        for position, pair in enumerate(pairs):
            where = f"task {task}, pair {position}"
            grids = (_checked(pair.input, where + ", input"), _checked(pair.output, where + ", output"))
            rows.append((number, *grids[0].shape, *grids[1].shape, offset))
            chunks.extend(grid.reshape(-1) for grid in grids)
            offset += grids[0].size + grids[1].size
    own: Manifest = {"format": FORMAT, "tasks": tasks, "counts": [len(pairs) for _, pairs in groups]}
    clash = own.keys() & extras.keys()
    if clash:
        raise ArcAffinityError(f"manifest entry {min(clash)!r} belongs to the store")
    index = np.array(rows, np.int64).reshape(-1, 6)
    return _encode(np.concatenate(chunks), index, {**extras, **own})


def _checked(grid: Grid | None, where: str) -> Grid:
    """The grid, or an error that says where it is not one."""
    if grid is None:
        raise ArcAffinityError(f"{where} is withheld; a store holds whole pairs")
    if grid.dtype != np.uint8 or grid.ndim != 2 or not all(1 <= side <= MAX_SIDE for side in grid.shape):
        raise ArcAffinityError(
            f"{where} is no uint8 grid of 1-{MAX_SIDE} on a side: {grid.dtype} {grid.shape}"
        )
    if grid.max() >= COLOURS:
        raise ArcAffinityError(f"{where} has a value of {grid.max()}; colours are 0-{COLOURS - 1}")
    return grid


def _encode(cells: np.ndarray, index: np.ndarray, manifest: Manifest) -> dict[str, bytes]:
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


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
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


def _write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as a compressed zip without times, so that equal content gives equal bytes."""
    with replacing(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _read_folder(path: Path, verify: bool) -> tuple[Manifest, np.ndarray, np.ndarray]:
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


def _read_npz(path: Path, verify: bool) -> tuple[Manifest, np.ndarray, np.ndarray]:
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


def _check_arrays(path: Path, manifest: Manifest, cells: np.ndarray, index: np.ndarray) -> None:
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
