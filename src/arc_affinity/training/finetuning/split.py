"""A task's examples in three disjoint parts: to train on, to decide when to stop, and to score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.generation import rearc
from arc_affinity.data.symmetry.canonical import digest_of_pairs
from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.finetuning.config import FineTuneConfig
from arc_affinity.training.finetuning.reading import read_dataset
from arc_affinity.types import Example, Pair, Task

FEWEST_TO_VALIDATE = 10
"""With fewer pairs none is spared for validation, and training takes all its steps."""


@dataclass(frozen=True)
class TaskSplit:
    """A task's pairs in three disjoint parts; the test part is never used for stopping.

    ``edition`` is that of the dataset, where it has one, for the records; ``places`` are those of the test part's pairs
    in their store, counted from 0 where there is none.
    """

    task_id: str
    dataset: str
    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]
    edition: str | None = None
    places: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.train) < 2:
            raise ArcAffinityError(
                f"task {self.task_id} has {len(self.train)} pair to train on; it needs 2, a query and a demonstration"
            )

    @property
    def digest(self) -> str:
        """What tells these examples from others, wherever they come from and in whichever part they are."""
        return digest_of_pairs((*self.train, *self.validation, *self.test))

    def task(self, queries: Sequence[Pair]) -> Task:
        """Return the task whose tests are ``queries`` and whose demonstrations are the training pairs."""
        return Task(self.task_id, self.train, tuple(queries), self.dataset)

    def test_examples(self, pairs: int, seed: int) -> list[Example]:
        """Return the test part as examples with ``pairs`` training pairs beside each query."""
        task = self.task(self.test)
        places = self.places or range(len(self.test))
        return [
            replace(context.from_task(task, i, pairs=pairs, seed=seed), index=place) for i, place in enumerate(places)
        ]


def split_rearc(task_id: str, config: FineTuneConfig) -> TaskSplit:
    """Generate a task's examples; no input of the validation or test part is among those trained on.

    Those that the model was validated by decided which of its weights were kept, so none of them is in the test part.

    Raises:
        ArcAffinityError: no such task, or its generator gives too few examples.
    """
    known = rearc.generate_task(task_id, config.per_task, config.data_seed).pairs
    keys = _keys_of(known) | _trained_on(task_id, config)
    seed = config.data_seed + 1_000_003
    also = [pair for count, of in config.unlike_also for pair in rearc.generate_task(task_id, count, of, keys).pairs]
    validation = rearc.generate_task(task_id, config.validation, seed, keys).pairs if also else ()
    # What is validated by here may be among them, so that parts without a clash stay as they are.
    apart = {rearc.input_key(pair.input) for pair in also} - {rearc.input_key(pair.input) for pair in validation}
    others = rearc.generate_task(task_id, config.validation + config.test, seed, keys | apart).pairs
    return TaskSplit(task_id, "re-arc", known, others[: config.validation], others[config.validation :])


def split_pairs(task_id: str, pairs: Sequence[Pair], config: FineTuneConfig, dataset: str, first: int = 0) -> TaskSplit:
    """Divide a task's pairs: a tenth to validate (if there are 10), a fifth to test, the rest to train.

    The pairs stand one after the other in their store, from place ``first`` on. Those that the model has seen, by the
    settings, are in the training part alone.

    Raises:
        ArcAffinityError: there are too few, or the model has seen all of them.
    """
    order = [int(i) for i in np.random.default_rng(config.seed).permutation(len(pairs))]
    seen = _trained_on(task_id, config) | _chosen_by(task_id, config)
    fresh = [i for i in order if rearc.input_key(pairs[i].input) not in seen] if seen else order
    test = fresh[: min(config.test, max(1, len(pairs) // 5))]
    if not test and pairs:
        raise ArcAffinityError(
            f"task {task_id}: the model was trained on all {len(pairs)} examples of {dataset}, so that none is left to "
            "test it on; --unlike 0 takes them all the same"
        )
    validation = fresh[len(test) :][: min(config.validation, len(pairs) // 10)]
    held_out = {*test, *validation}
    train = [i for i in order if i not in held_out][: config.per_task]
    parts = [tuple(pairs[i] for i in part) for part in (train, validation, test)]
    return TaskSplit(task_id, dataset, parts[0], parts[1], parts[2], places=tuple(first + i for i in test))


def _keys_of(pairs: Iterable[Pair]) -> frozenset[bytes]:
    return frozenset(rearc.input_key(pair.input) for pair in pairs)


@lru_cache(maxsize=8)
def _generated(task_id: str, count: int, seed: int) -> frozenset[bytes]:
    """The keys of re-arc's first examples of a task, none of a task that it lacks."""
    if not count or task_id not in rearc.task_ids():
        return frozenset()
    return _keys_of(rearc.generate_task(task_id, count, seed).pairs)


def _trained_on(task_id: str, config: FineTuneConfig) -> frozenset[bytes]:
    """The keys of what the model has seen of a task, by the settings `unlike`, `unlike_seed` and `unlike_in`.

    Raises:
        ArcAffinityError: a source cannot be read, or holds other examples by now.
    """
    keys = frozenset[bytes]()
    for name, edition in config.unlike_in:
        read = read_dataset(name)
        if read.edition != edition:
            raise ArcAffinityError(f"{name}, on which the model was trained, has changed since this fine-tuning began")
        keys |= read.input_keys(task_id)
    return keys | _generated(task_id, config.unlike, config.unlike_seed)


def _chosen_by(task_id: str, config: FineTuneConfig) -> frozenset[bytes]:
    """The keys of re-arc's examples of a task by which the model was validated, by the setting `unlike_also`."""
    if not config.unlike_also or task_id not in rearc.task_ids():
        return frozenset()
    # As they were made: none of what was trained on is among them.
    trained = _generated(task_id, config.unlike, config.unlike_seed)
    made = [rearc.generate_task(task_id, count, seed, trained).pairs for count, seed in config.unlike_also]
    return _keys_of(pair for pairs in made for pair in pairs)


def split_task(task: Task, config: FineTuneConfig, dataset: str) -> TaskSplit:
    """Return a task's demonstrations to train on (a few of them to validate, where there are many) and its tests.

    Raises:
        ArcAffinityError: it has fewer than two demonstrations.
    """
    train = task.train[: config.per_task + config.validation]
    spared = 0 if len(train) < FEWEST_TO_VALIDATE else min(config.validation, len(train) // 5)
    last = len(train) - spared
    return TaskSplit(task.id, dataset, train[:last][: config.per_task], train[last:], task.test)
