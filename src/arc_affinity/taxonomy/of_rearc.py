"""Which tasks are tasks of re-arc: one that only happens to be called by the id of such a task is none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from arc_affinity.data.datasets.registry import RE_ARC, find_task, store_at
from arc_affinity.data.generation.rearc import input_key, task_ids
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair, Task

ORIGINALS = "arc-agi-1/training"
"""The dataset whose rules re-arc's generators follow, under the same ids."""


def of_rearc(tasks: Iterable[Task]) -> frozenset[str]:
    """Return the ids of those of ``tasks`` that re-arc has.

    Such a task has the id of one, and is of examples that re-arc generated (the dataset, or a store of them) or shares
    a pair with the original of ARC-AGI-1. Editions of an original, ARC-AGI-2's too, differ in some pairs, never in all.

    Raises:
        ArcAffinityError: ARC-AGI-1 cannot be read.
    """
    known = frozenset(task_ids())
    named = [task for task in tasks if task.id in known]
    generated = {dataset for dataset in {task.dataset for task in named} if _is_generated(dataset)}
    return frozenset(task.id for task in named if task.dataset in generated or _is_original(task))


def _is_generated(dataset: str) -> bool:
    """Whether a dataset is re-arc, or a store that says to be of its examples."""
    if dataset in ("", RE_ARC):
        return dataset == RE_ARC
    # A task made by hand may call its dataset anything: what is no store, or none any more, is no fault here.
    with contextlib.suppress(ArcAffinityError, OSError):
        store = store_at(dataset)
        return store is not None and store.of_rearc
    return False


def _is_original(task: Task) -> bool:
    original = find_task(task.id, ORIGINALS)
    known = {_key(pair) for pair in (*original.train, *original.test)}
    return any(_key(pair) in known for pair in task.train)


def _key(pair: Pair) -> tuple[bytes, bytes | None]:
    return input_key(pair.input), None if pair.output is None else input_key(pair.output)
