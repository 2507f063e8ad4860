"""Flat, memory-mapped store of examples: thousands of pairs that open in milliseconds.

A store is a folder of three files (or the same three as members of one ``.npz``):

- ``cells.npy``: uint8, all grids one after the other, row by row; of a pair the input, then the output;
- ``index.npy``: int64 ``(examples, 6)``: task number, input rows and columns, output rows and columns, offset
  of the pair's first cell; sorted by task id, then by the example's number within its task;
- ``manifest.json``: format, task ids in order, counts, SHA-256 of both array files, and what the maker adds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from arc_affinity.data.store.files import (
    ARRAYS,
    FORMAT,
    Cells,
    Index,
    Manifest,
    check_arrays,
    encode,
    read_folder,
    read_npz,
    write_folder,
    write_zip,
)
from arc_affinity.documents import name_of
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.files import write_text
from arc_affinity.types import COLOURS, MAX_SIDE, Grid, Pair

Sizes = Int64[np.ndarray, "examples 4"]

GENERATED = "re-arc"
"""``source`` in the manifest of a store of examples that re-arc's generators made."""

OWN = ("format", "tasks", "counts", "sha256")
"""Entries of the manifest that the store makes itself."""


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

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        cells: Cells,
        index: Index,
        chosen: Int64[np.ndarray, " examples"] | None = None,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.tasks = tuple(manifest["tasks"])
        self.sizes = index[:, 1:5]
        self._cells = cells
        self._index = index
        self._chosen = chosen  # rows of the files that are in this subset; None is all of them
        self._starts = np.concatenate([[0], np.cumsum(manifest["counts"], dtype=np.int64)]).tolist()
        self._number = {task: number for number, task in enumerate(self.tasks)}

    @classmethod
    def open(cls, path: Path, verify: bool = True) -> ExampleStore:
        """Open a store folder (memory-mapped) or a ``.npz`` of one (read into memory).

        Args:
            path: folder or file written by this module.
            verify: also compare the SHA-256 of both arrays and look at every cell; without it only sizes and offsets
                are checked.

        Raises:
            ArcAffinityError: missing, truncated, altered or foreign files.
        """
        manifest, cells, index = read_npz(path, verify) if path.is_file() else read_folder(path, verify)
        check_arrays(path, manifest, cells, index, colours=verify)
        return cls(path, manifest, cells, index)

    @property
    def edition(self) -> str:
        """16 hex digits that say what examples the store holds, by its arrays, which have no ids; a subset's is the
        whole's."""
        hashes = "".join(self.manifest["sha256"][name] for name in ARRAYS)
        return hashlib.sha256(hashes.encode()).hexdigest()[:16]

    @property
    def of_rearc(self) -> bool:
        """Whether it says that re-arc's generators made its examples."""
        return bool(self.manifest.get("source") == GENERATED)

    def __len__(self) -> int:
        return len(self._index)

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process maps the files again; pickling would copy every cell to it.
        return _open_again, (self.path, self._chosen)

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

    def subset(self, keep: Bool[np.ndarray, " examples"]) -> ExampleStore:
        """Return the examples where ``keep`` is true, over the same cells; tasks without any are left out."""
        return self._at(np.flatnonzero(keep))

    def _at(self, rows: Int64[np.ndarray, " chosen"]) -> ExampleStore:
        kept = self._index[rows]
        numbers, counts = np.unique(kept[:, 0], return_counts=True)
        tasks = [self.tasks[number] for number in numbers]
        renumbered = np.column_stack([np.repeat(np.arange(len(numbers)), counts), kept[:, 1:]])
        manifest = {**self.manifest, "tasks": tasks, "counts": counts.tolist()}
        chosen = rows if self._chosen is None else self._chosen[rows]
        return ExampleStore(self.path, manifest, self._cells, renumbered, chosen)


def _open_again(path: Path, chosen: Int64[np.ndarray, " examples"] | None) -> ExampleStore:
    """The store or subset that was pickled."""
    store = ExampleStore.open(path, verify=False)
    return store if chosen is None else store._at(chosen)


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
    write_folder(path, _flatten(examples, extras or {}))
    return ExampleStore.open(path, verify=False)


def write_npz(
    path: Path,
    examples: Mapping[str, Sequence[Pair]] | Iterable[tuple[str, Sequence[Pair]]],
    extras: Mapping[str, Any] | None = None,
) -> None:
    """Write examples as one compressed file; arguments and errors as in `write_store`."""
    write_zip(path, _flatten(examples, extras or {}))


def write_json_tasks(store: ExampleStore, folder: Path) -> None:
    """Write one ARC task file a task: the last pair under ``test``, the others under ``train``.

    Raises:
        ArcAffinityError: a task has fewer than two pairs, or the folder cannot be written.
    """
    for task in store.tasks:
        positions = store.indices(task)
        if len(positions) < 2:
            raise ArcAffinityError(f"task {task} has {len(positions)} pair; a task file needs at least 2")
        pairs = [pair_json(store.pair(i)) for i in positions]
        content = {"train": pairs[:-1], "test": pairs[-1:]}
        write_text(folder / f"{task}.json", json.dumps(content, separators=(",", ":")) + "\n")


def pair_json(pair: Pair) -> dict[str, list[list[int]]]:
    """Return a pair, whose output must be known, as ARC's task files have it."""
    assert pair.output is not None
    return {"input": pair.input.tolist(), "output": pair.output.tolist()}


def _flatten(
    examples: Mapping[str, Sequence[Pair]] | Iterable[tuple[str, Sequence[Pair]]], extras: Mapping[str, Any]
) -> dict[str, bytes]:
    groups = sorted(examples.items() if isinstance(examples, Mapping) else examples, key=lambda group: group[0])
    tasks = [name_of(task, "task id", "store") for task, _ in groups]
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
    clash = extras.keys() & {*OWN}
    if clash:
        raise ArcAffinityError(f"manifest entry {min(clash)!r} belongs to the store")
    own = {"format": FORMAT, "tasks": tasks, "counts": [len(pairs) for _, pairs in groups]}
    index = np.array(rows, np.int64).reshape(-1, 6)
    return encode(np.concatenate(chunks), index, {**extras, **own})


def _checked(grid: Grid | None, where: str) -> Grid:
    if grid is None:
        raise ArcAffinityError(f"{where} is withheld; a store holds whole pairs")
    if grid.dtype != np.uint8 or grid.ndim != 2 or not all(1 <= side <= MAX_SIDE for side in grid.shape):
        raise ArcAffinityError(f"{where} is no uint8 grid of 1-{MAX_SIDE} on a side: {grid.dtype} {grid.shape}")
    if grid.max() >= COLOURS:
        raise ArcAffinityError(f"{where} has a value of {grid.max()}; colours are 0-{COLOURS - 1}")
    return grid
