"""The batches of one task, and when to validate between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Int

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import Batch, collate
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.symmetry.augment import Augmentation, Compose
from arc_affinity.data.symmetry.invariance import kept_views
from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.finetuning.config import FineTuneConfig
from arc_affinity.training.finetuning.split import TaskSplit
from arc_affinity.types import Example, Pair

EPOCHS, SHORTEST_EPOCH = 20, 10
"""Most epochs (stretches between validations) of a training; none is shorter than a pass or so many steps."""

WHOLE_PASS = 16
"""A pass over fewer examples repeats them, so that a batch is not smaller for a task with three demonstrations."""


class TaskLoader:
    """The batches of one task: leave-one-out queries under drawn views, the same for the same settings.

    Training has one or two stages: a share of the tokens on the smaller half of the examples, then all examples.

    Attributes:
        views: of queries and demonstrations, one of which is drawn for each example.
        steps: of the whole training.
        validate_at: steps after which to validate, the last one among them.
    """

    def __init__(self, split: TaskSplit, config: FineTuneConfig, pairs: int) -> None:
        self.split, self.config, self.pairs = split, config, pairs
        self.views = views_of(split, config)
        self.repeats = max(1, math.ceil(WHOLE_PASS / len(split.train)))
        self.counts = np.tile(counts_of(split.train), (self.repeats, 1))
        lengths = self.counts.sum(axis=1)
        first = round(config.small_first * config.steps)
        stages = [
            (config.small_first, first, lengths <= np.median(lengths)),
            (1 - config.small_first, config.steps - first, lengths > 0),
        ]
        self.stages: list[tuple[int, Bool[np.ndarray, "examples"]]] = []
        for share, most, rows in stages:
            if most:
                # A stage gets its share of the tokens, but no more than the same share of the steps.
                passes = share * config.tokens * 1e6 / self.counts[rows].sum()
                in_tokens = round(passes * len(self._plan(rows, 0)))
                self.stages.append((max(1, min(most, in_tokens)), rows))
        self.steps = sum(steps for steps, _ in self.stages)
        a_pass = len(self._plan(self.stages[-1][1], 0))
        epochs = max(1, min(EPOCHS, self.steps // max(a_pass, SHORTEST_EPOCH)))
        self.validate_at = frozenset(round(self.steps * (k + 1) / epochs) for k in range(epochs))

    def _plan(self, rows: Bool[np.ndarray, "examples"], pass_number: int) -> list[list[int]]:
        """The examples where ``rows`` is true in batches, in the order of pass ``pass_number``."""
        places = np.flatnonzero(rows)
        rules = BatchRules(self.config.batch_cells, self.config.batch_examples, self.config.seed)
        return [[int(places[i]) for i in batch] for batch in plan_batches(self.counts[places], rules, pass_number)]

    def __iter__(self) -> Iterator[list[Example]]:
        pass_number = 0
        for steps, rows in self.stages:
            left = steps
            while left:
                for batch in self._plan(rows, pass_number)[:left]:
                    yield [self._example(pass_number, index) for index in batch]
                    left -= 1
                pass_number += 1

    def _example(self, pass_number: int, index: int) -> Example:
        seed, (copy, which) = self.config.seed, divmod(index, len(self.split.train))
        task, epoch = self.split.task(()), pass_number * self.repeats + copy
        example = context.leave_one_out(task, which, pairs=self.pairs, seed=seed, epoch=epoch)
        view = np.random.default_rng([seed, pass_number, index, 1]).integers(len(self.views))
        return self.views[view].apply_example(example)

    def validation(self) -> list[Batch]:
        """Return the validation part in batches, the same every time."""
        if not self.split.validation:
            return []
        task, seed = self.split.task(self.split.validation), self.config.seed
        examples = [context.from_task(task, i, pairs=self.pairs, seed=seed) for i in range(len(task.test))]
        plan = plan_batches(counts_of([e.query for e in examples]), BatchRules(self.config.batch_cells, 64, seed), 0)
        return [collate([examples[i] for i in batch]) for batch in plan]


def views_of(split: TaskSplit, config: FineTuneConfig, most: int = 256) -> list[Augmentation]:
    """Return the views to train on; the identity first, and alone where none is known to keep the rule."""
    if config.augment == "none":
        return [Compose()]
    return list(kept_views(split.train, most, config.seed, believe=config.augment == "all"))


def counts_of(pairs: Sequence[Pair]) -> Int[np.ndarray, "pairs 2"]:
    """Return the tokens of each pair's input and output.

    Raises:
        ArcAffinityError: an output is withheld.
    """
    outputs = [pair.output for pair in pairs if pair.output is not None]
    if len(outputs) < len(pairs):
        raise ArcAffinityError("a pair without its output cannot be trained on")
    return token_counts(np.array([[*p.input.shape, *output.shape] for p, output in zip(pairs, outputs, strict=True)]))
