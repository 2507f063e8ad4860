"""Choosing the demonstrations that an example may look at: never the query itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Int

from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Example, Task

ContextPolicy = Literal["drawn", "first"]
"""``drawn``: other pairs of the task, drawn per example. ``first``: the task's first pairs for every example, the
example's own answer among them where it is one of the first: the published package's leak (its fault 3)."""


AskedContext = Literal["drawn", "first", "others"]
"""What a model that is asked may be shown: as above, or ``others``: demonstrations of another task, so that its answers
say what it does without knowing the task."""


def strangers(tasks: Sequence[str], seed: int) -> dict[str, str]:
    """Return another task for each of ``tasks``, each of them once.

    Raises:
        ArcAffinityError: there is no other.
    """
    if len(tasks) < 2:
        raise ArcAffinityError("--context others shows demonstrations of another task, and the dataset has one alone")
    order = np.random.default_rng(seed).permutation(len(tasks)).tolist()
    return {tasks[one]: tasks[other] for one, other in zip(order, [*order[1:], order[0]], strict=True)}


def draw(others: int, pairs: int, seed: int, epoch: int, example: int) -> Int[np.ndarray, "pairs"]:
    """Draw ``pairs`` different numbers below ``others``, the same for the same (seed, epoch, example).

    Raises:
        ArcAffinityError: there is nothing to draw from.
    """
    if others < 1:
        raise ArcAffinityError("a task with one pair has no demonstration to show beside its query")
    generator = np.random.default_rng([seed, epoch, example])
    if others < pairs:
        return np.resize(generator.permutation(others), pairs)
    return generator.choice(others, size=pairs, replace=False, shuffle=True)


def from_store(
    store: ExampleStore,
    index: int,
    *,
    pairs: int,
    seed: int,
    epoch: int,
    policy: ContextPolicy = "drawn",
) -> Example:
    """Return example ``index`` of ``store`` with ``pairs`` demonstrations from its task's other pairs."""
    task = store.task_of(index)
    family = store.indices(task)
    if policy == "first":
        # As many for every task: those of a small one come again, as where they are drawn.
        chosen = [family.start + int(k) for k in np.resize(np.arange(min(pairs, len(family))), pairs)]
    else:
        drawn = draw(len(family) - 1, pairs, seed, epoch, index)
        chosen = [family.start + int(k) + (family.start + int(k) >= index) for k in drawn]
    return Example(task, index, store.pair(index), tuple(store.pair(k) for k in chosen))


def from_task(task: Task, index: int, *, pairs: int, seed: int, round: int = 0) -> Example:
    """Return test pair ``index`` of ``task`` with ``pairs`` of its demonstrations.

    ``round`` numbers repeated draws for the same query: each draws demonstrations, and their order, anew.
    """
    drawn = draw(len(task.train), pairs, seed, round, index)
    return Example(task.id, index, task.test[index], tuple(task.train[int(k)] for k in drawn))


def leave_one_out(task: Task, index: int, *, pairs: int, seed: int, epoch: int) -> Example:
    """Return demonstration ``index`` of ``task`` as the query, with ``pairs`` of its other demonstrations."""
    drawn = draw(len(task.train) - 1, pairs, seed, epoch, index)
    chosen = tuple(task.train[int(k) + (int(k) >= index)] for k in drawn)
    return Example(task.id, index, task.train[index], chosen)
