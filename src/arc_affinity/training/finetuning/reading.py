"""Reading a dataset or a store of examples once a process, however many of its tasks are fine-tuned to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.data.datasets.registry import files_of, load_tasks
from arc_affinity.data.generation.rearc import input_key
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.store.files import is_store
from arc_affinity.types import Pair, Task

Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Path, device, inode, bytes and time of the last change of each file."""


@dataclass(frozen=True)
class ReadDataset:
    """A dataset as it was read: its tasks by id, or the store that it is."""

    edition: str
    tasks: Mapping[str, Task]
    store: ExampleStore | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its tasks."""
        return tuple(self.tasks) if self.store is None else self.store.tasks

    def pairs(self, task_id: str) -> tuple[Pair, ...]:
        """Return all pairs of a task, demonstrations first; none where it has no such task."""
        if self.store is not None:
            return tuple(map(self.store.pair, self.store.indices(task_id))) if task_id in self.store.tasks else ()
        task = self.tasks.get(task_id)
        return () if task is None else (*task.train, *task.test)

    def input_keys(self, task_id: str) -> frozenset[bytes]:
        """Return the `input_key` of each input of a task."""
        return frozenset(input_key(pair.input) for pair in self.pairs(task_id))


def read_dataset(name: str, data_dir: Path | None = None) -> ReadDataset:
    """Return what `load_tasks` would read; not read again as long as none of its files changes.

    Raises:
        ArcAffinityError: there is no such dataset, or it is damaged.
    """
    return _read(name, data_dir, _stamp(name, data_dir))


def _stamp(name: str, data_dir: Path | None) -> Stamp:
    """What changes with the files of a dataset; nothing of one that is installed."""
    found = [(path, path.stat()) for path in files_of(name, data_dir) if path.exists()]
    return tuple((str(path), at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns) for path, at in found)


@lru_cache(maxsize=4)
def _read(name: str, data_dir: Path | None, _files: Stamp) -> ReadDataset:
    if is_store(Path(name)):
        store = ExampleStore.open(Path(name))
        return ReadDataset(store.edition, {}, store)
    tasks = load_tasks(name, data_dir)
    return ReadDataset(edition_of(tasks), {task.id: task for task in tasks})
