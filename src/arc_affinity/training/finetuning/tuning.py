"""What a fine-tuning depends on: its settings, and a task's examples in three parts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.generation import rearc
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.augment import Augmentation, Compose
from arc_affinity.data.symmetry.canonical import digest_of_pairs
from arc_affinity.data.symmetry.invariance import kept_views
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.models.adapters.lora import FEED_FORWARD, LoraSpec
from arc_affinity.training.recipes.recipe import OptimiserName
from arc_affinity.types import Example, Pair, Task

Method = Literal["lora", "full", "context-only"]
Augment = Literal["none", "kept", "all"]

FEWEST_TO_VALIDATE = 10
"""With fewer pairs none is spared for validation, and training runs its full course."""

EPOCHS, SHORTEST_EPOCH = 20, 10
"""A course has at most so many epochs (stretches between validations), none shorter than a pass or so many steps."""

WHOLE_PASS = 16
"""A pass over fewer examples repeats them, so that a batch is not smaller for a task with three demonstrations."""


@dataclass(frozen=True)
class Tuning:
    """How one model is adapted to one task.

    Attributes:
        method: lora (low-rank changes), full (all weights but the context encoder's), or context-only (no gradient: the
            demonstrations that do best on the validation part).
        rank: Of the changes.
        alpha: Their factor is alpha / rank.
        pattern: Regular expression for the names of the layers to change.
        per_task: Most training examples.
        validation: Most validation examples, which decide when to stop.
        test: Most test examples, which are only scored.
        unlike: Test and validation inputs are none of re-arc's first so many. `finetune` takes as many as the model's
            own recipe made, where it knows it, unless given.
        unlike_seed: Of those examples.
        augment: none; kept (views that the examples show to keep the rule); all (every view, of query and
            demonstrations alike).
        votes: Views of a test query that are answered and vote, where augment is not none.
        optimiser: With its usual settings but for those below.
        learning_rate: At its peak.
        weight_decay: Of matrices.
        warmup_steps: Steps up to the peak; then flat to half of the course, then down to 0.
        steps: Most optimiser steps.
        tokens: Most tokens of queries and outputs trained on, in millions.
        small_first: Share of the tokens that are spent on the smaller half of the examples, before all come.
        patience: Validations without progress before stopping.
        batch_cells: Most tokens of a batch, padding included.
        batch_examples: Most examples of a batch.
        seed: Of parts, batches, demonstrations, views and weights.
        data_seed: Of re-arc's training examples; validation and test take the next ones.
    """

    method: Method = "lora"
    rank: int = 16
    alpha: float = 32.0
    pattern: str = FEED_FORWARD
    per_task: int = 400
    validation: int = 24
    test: int = 40
    unlike: int = 0
    unlike_seed: int = 0
    augment: Augment = "none"
    votes: int = 1
    optimiser: OptimiserName = "adamw"
    learning_rate: float = 1e-2
    weight_decay: float = 0.01
    warmup_steps: int = 10
    steps: int = 1200
    tokens: float = 0.7
    small_first: float = 0.5
    patience: int = 6
    batch_cells: int = 2_560
    batch_examples: int = 6
    seed: int = 0
    data_seed: int = 0

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ArcAffinityError(f"{name} must be {least:g} to {most:g}, not {value!r}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise unknown(name, str(getattr(self, name)), choices)

    @property
    def lora(self) -> LoraSpec:
        """The layers that are changed, and by how much."""
        return LoraSpec(self.rank, self.alpha, self.pattern)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)


RANGES: Mapping[str, tuple[float, float]] = {
    "rank": (1, 4096),
    # An adapter of a greater alpha is not read again.
    "alpha": (1e-6, 1e6),
    "per_task": (2, 1e6),
    "validation": (0, 1e6),
    "test": (1, 1e6),
    "unlike": (0, 1e6),
    "unlike_seed": (0, 2**32),
    "votes": (1, 64),
    "learning_rate": (0, 1),
    "weight_decay": (0, 1e6),
    "warmup_steps": (0, 1e6),
    "steps": (1, 1e6),
    "tokens": (0, 1e6),
    "small_first": (0, 1),
    "patience": (1, 1e6),
    "batch_cells": (1, 1e7),
    "batch_examples": (1, 4096),
    "seed": (0, 2**31),
    "data_seed": (0, 2**32),
}

CHOICES: Mapping[str, tuple[str, ...]] = {
    "method": get_args(Method),
    "augment": get_args(Augment),
    "optimiser": get_args(OptimiserName),
}

_DEFAULT = Tuning()

TUNINGS: Mapping[Method, Tuning] = {
    "lora": _DEFAULT,
    "full": replace(_DEFAULT, method="full", optimiser="muon", learning_rate=2e-3),
    "context-only": replace(_DEFAULT, method="context-only"),
}
"""The settings of each method; where they come from is in docs/log.md."""

BY_DEMONSTRATIONS = replace(TUNINGS["full"], optimiser="adamw", learning_rate=4e-3, augment="all", steps=60, votes=4)
"""For a task of which there are demonstrations alone: in so few steps AdamW learns more than Muon (docs/log.md, 14)."""


def tuning_for(method: Method | None, *, by_demonstrations: bool) -> Tuning:
    """Return the settings of a method; where none is named, `BY_DEMONSTRATIONS` or else lora's."""
    if method is None:
        return BY_DEMONSTRATIONS if by_demonstrations else TUNINGS["lora"]
    return TUNINGS[method]


@dataclass(frozen=True)
class Parts:
    """A task's pairs in three disjoint parts; the test part is never used for stopping."""

    task_id: str
    dataset: str
    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]

    def __post_init__(self) -> None:
        if len(self.train) < 2:
            raise ArcAffinityError(
                f"task {self.task_id} has {len(self.train)} pair to train on; it needs 2, one to ask and one to show"
            )

    @property
    def digest(self) -> str:
        """What tells these examples from others, whatever the file is called that they come from."""
        return digest_of_pairs((*self.train, *self.validation, *self.test))

    def asked(self, pairs: Sequence[Pair]) -> Task:
        """Return the task that asks ``pairs`` and shows training pairs."""
        return Task(self.task_id, self.train, tuple(pairs), self.dataset)

    def questions(self, pairs: int, seed: int) -> list[Example]:
        """Return the test part as examples with ``pairs`` training pairs beside each query."""
        asked = self.asked(self.test)
        return [context.from_task(asked, i, pairs=pairs, seed=seed) for i in range(len(self.test))]


def parts_of_rearc(task_id: str, tuning: Tuning) -> Parts:
    """Generate a task's examples; no input of the validation or test part is among those trained on.

    Raises:
        ArcAffinityError: no such task, or its generator gives too few examples.
    """
    known = rearc.generate_task(task_id, tuning.per_task, tuning.data_seed).pairs
    seen = rearc.generate_task(task_id, tuning.unlike, tuning.unlike_seed).pairs if tuning.unlike else ()
    keys = frozenset(rearc.input_key(pair.input) for pair in (*known, *seen))
    held_out = tuning.validation + tuning.test
    others = rearc.generate_task(task_id, held_out, tuning.data_seed + 1_000_003, keys).pairs
    return Parts(task_id, "re-arc", known, others[: tuning.validation], others[tuning.validation :])


def divide(task_id: str, pairs: Sequence[Pair], tuning: Tuning, dataset: str) -> Parts:
    """Divide a task's pairs: a tenth to validate (if there are 10), a fifth to test, the rest to train.

    Raises:
        ArcAffinityError: there are too few.
    """
    order = np.random.default_rng(tuning.seed).permutation(len(pairs))
    mixed = [pairs[i] for i in order]
    test = min(tuning.test, max(1, len(pairs) // 5))
    validation = min(tuning.validation, len(pairs) // 10)
    train = mixed[test + validation :][: tuning.per_task]
    return Parts(task_id, dataset, tuple(train), tuple(mixed[test : test + validation]), tuple(mixed[:test]))


def parts_of_store(store: ExampleStore, task_id: str, tuning: Tuning, dataset: str) -> Parts:
    """Divide a task's examples in a store.

    Raises:
        ArcAffinityError: no such task, or too few pairs.
    """
    return divide(task_id, [store.pair(i) for i in store.indices(task_id)], tuning, dataset)


def parts_of_task(task: Task, tuning: Tuning, dataset: str) -> Parts:
    """Return a task's demonstrations to train on (a few of them to validate, where there are many) and its tests.

    Raises:
        ArcAffinityError: it has fewer than two demonstrations.
    """
    train = task.train[: tuning.per_task + tuning.validation]
    spared = 0 if len(train) < FEWEST_TO_VALIDATE else min(tuning.validation, len(train) // 5)
    cut = len(train) - spared
    return Parts(task.id, dataset, train[:cut], train[cut:], task.test)


@dataclass(frozen=True)
class _Stage:
    """So many steps on the examples where ``rows`` is true."""

    steps: int
    rows: Bool[np.ndarray, "examples"]


class Feed:
    """The batches of one task: leave-one-out queries under drawn views, the same whatever other tasks do."""

    def __init__(self, parts: Parts, tuning: Tuning, pairs: int) -> None:
        self.parts, self.tuning, self.pairs = parts, tuning, pairs
        self.views = views_of(parts, tuning)
        self.repeats = max(1, math.ceil(WHOLE_PASS / len(parts.train)))
        self.counts = np.tile(counts_of(parts.train), (self.repeats, 1))
        lengths = self.counts.sum(axis=1)
        stages = [(tuning.small_first, lengths <= np.median(lengths)), (1 - tuning.small_first, lengths > 0)]
        self.stages = [_Stage(self._length(rows, share), rows) for share, rows in stages if share]
        self.steps = sum(stage.steps for stage in self.stages)
        epochs = max(1, min(EPOCHS, self.steps // max(len(self._plan(self.stages[-1], 0)), SHORTEST_EPOCH)))
        self.validate_at = frozenset(round(self.steps * (k + 1) / epochs) for k in range(epochs))

    def _length(self, rows: Bool[np.ndarray, "examples"], share: float) -> int:
        """Steps of a stage on some examples that has a share of the tokens, and no more of the steps."""
        batches = len(self._plan(_Stage(0, rows), 0))
        passes = share * self.tuning.tokens * 1e6 / self.counts[rows].sum()
        return max(1, min(round(share * self.tuning.steps), round(passes * batches)))

    def _plan(self, stage: _Stage, turn: int) -> list[list[int]]:
        tuning, places = self.tuning, np.flatnonzero(stage.rows)
        rules = BatchRules(tuning.batch_cells, tuning.batch_examples, tuning.seed)
        return [[int(places[i]) for i in batch] for batch in plan_batches(self.counts[places], rules, turn)]

    def __iter__(self) -> Iterator[list[Example]]:
        turn = 0
        for stage in self.stages:
            left = stage.steps
            while left:
                for batch in self._plan(stage, turn)[:left]:
                    yield [self._example(turn, index) for index in batch]
                    left -= 1
                turn += 1

    def _example(self, turn: int, index: int) -> Example:
        seed, (copy, which) = self.tuning.seed, divmod(index, len(self.parts.train))
        asked = self.parts.asked(())
        example = context.leave_one_out(asked, which, pairs=self.pairs, seed=seed, epoch=turn * self.repeats + copy)
        view = np.random.default_rng([seed, turn, index, 1]).integers(len(self.views))
        return self.views[view].apply_example(example)

    def validation(self) -> list[list[Example]]:
        """Return the validation part in batches, the same every time."""
        if not self.parts.validation:
            return []
        asked, seed = self.parts.asked(self.parts.validation), self.tuning.seed
        examples = [context.from_task(asked, i, pairs=self.pairs, seed=seed) for i in range(len(asked.test))]
        plan = plan_batches(counts_of([e.query for e in examples]), BatchRules(self.tuning.batch_cells, 64, seed), 0)
        return [[examples[i] for i in batch] for batch in plan]


def views_of(parts: Parts, tuning: Tuning, most: int = 256) -> list[Augmentation]:
    """Return the views to train on; the identity first, and alone where none is known to keep the rule."""
    if tuning.augment == "none":
        return [Compose()]
    return list(kept_views(parts.train, most, tuning.seed, believe=tuning.augment == "all"))


def counts_of(pairs: Sequence[Pair]) -> Int[np.ndarray, "pairs 2"]:
    """Return the tokens of each pair's input and output.

    Raises:
        ArcAffinityError: an output is withheld.
    """
    return token_counts(np.array([pair.input.shape + _output_shape(pair) for pair in pairs]))


def _output_shape(pair: Pair) -> tuple[int, ...]:
    if pair.output is None:
        raise ArcAffinityError("a pair without its output cannot be trained on")
    return pair.output.shape
