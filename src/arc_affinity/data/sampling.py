"""Which examples go into which batch: like sizes together, an endless stream cut into resumable slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from torch.utils.data import Sampler

from arc_affinity.data.store import ExampleStore, Sizes
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import MAX_SIDE

Key = tuple[int, int]
"""(pass over the data, example): all that a demonstration's draw depends on besides the seed."""

COARSENESS = 0.06
"""Sizes are compared after rounding to about 6 %: enough to mix tasks of like size, too little to cost padding."""


@dataclass(frozen=True)
class BatchRules:
    """What a batch may hold: ``cells`` tokens (query and output, padding included) and ``examples`` examples."""

    cells: int
    examples: int
    seed: int


def token_counts(sizes: Sizes) -> Int[np.ndarray, "examples 2"]:
    """Return the tokens of each example's query and output (see `data.sequence`)."""
    rows, cols = sizes[:, 0::2], sizes[:, 1::2]
    return rows * cols + (rows < MAX_SIDE) + (cols < MAX_SIDE)


def smaller(store: ExampleStore, cells: int) -> ExampleStore:
    """Return the part of ``store`` whose query and output have at most ``cells`` tokens together.

    Tasks with a single such example are left out: nothing could be shown beside the query.

    Raises:
        ArcAffinityError: nothing is left.
    """
    keep = token_counts(store.sizes).sum(axis=1) <= cells
    for task in store.tasks:
        family = slice(store.indices(task).start, store.indices(task).stop)
        if keep[family].sum() == 1:
            keep[family] = False
    if not keep.any():
        raise ArcAffinityError(f"no task has two examples of at most {cells} tokens")
    return store.subset(keep)


def plan_batches(counts: Int[np.ndarray, "examples 2"], rules: BatchRules, turn: int) -> list[list[int]]:
    """Cut one pass over the examples into batches of like size, in random order; ``turn`` numbers the pass."""
    generator = np.random.default_rng([rules.seed, turn])
    jitter = generator.random(len(counts))
    coarse = np.floor(np.log(counts) / COARSENESS)
    order = np.lexsort((jitter, coarse[:, 1], coarse[:, 0]))
    batches = list(_cut(counts, order, rules))
    generator.shuffle(batches)
    return batches


def _cut(
    counts: Int[np.ndarray, "examples 2"], order: Int[np.ndarray, "examples"], rules: BatchRules
) -> Iterator[list[int]]:
    batch: list[int] = []
    longest = np.zeros(2, dtype=np.int64)
    for example in order.tolist():
        grown = np.maximum(longest, counts[example])
        if batch and (len(batch) == rules.examples or grown.sum() * (len(batch) + 1) > rules.cells):
            yield batch
            batch, grown = [], counts[example]
        batch.append(example)
        longest = grown
    if batch:
        yield batch


def padding_share(counts: Int[np.ndarray, "examples 2"], batches: Sequence[Sequence[int]]) -> float:
    """Return the share of padding among the query and output tokens of ``batches``."""
    real = sum(int(counts[batch].sum()) for batch in map(list, batches))
    padded = sum(int(counts[batch].max(axis=0).sum()) * len(batch) for batch in map(list, batches))
    return 1 - real / padded


class BatchStream(Sampler[list[Key]]):
    """Slices of ``steps`` batches of an endless stream of passes; slice n is the same whoever asks, and when.

    With several processes (``ranks``), those of one step hold batches of like cost, so that none waits long.
    """

    def __init__(
        self, sizes: Sizes, rules: BatchRules, steps: int, *, begun: int = 0, rank: int = 0, ranks: int = 1
    ) -> None:
        self.counts, self.rules, self.steps = token_counts(sizes), rules, steps
        self.rank, self.ranks = rank, ranks
        self.begun = self.slice = begun

    def set_epoch(self, epoch: int) -> None:
        """Choose the slice, counted from ``begun``."""
        self.slice = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[Key]]:
        skip = (self.slice - self.begun) * self.steps
        left = self.steps
        for turn, plan in self._passes():
            if skip >= len(plan):
                skip -= len(plan)
                continue
            for group in plan[skip : skip + left]:
                yield [(turn, example) for example in group[self.rank]]
            left -= len(plan[skip : skip + left])
            skip = 0
            if not left:
                return

    def _passes(self) -> Iterator[tuple[int, list[list[list[int]]]]]:
        """Yield each pass as steps, a step being one batch for every rank."""
        turn = 0
        while True:
            batches = plan_batches(self.counts, self.rules, turn)
            if len(batches) < self.ranks:
                raise ArcAffinityError(
                    f"{len(self.counts)} examples make {len(batches)} batches, too few for {self.ranks} processes"
                )
            if self.ranks > 1:
                batches.sort(key=self._cost)
            whole = len(batches) - len(batches) % self.ranks
            steps = [batches[i : i + self.ranks] for i in range(0, whole, self.ranks)]
            np.random.default_rng([self.rules.seed, turn, self.ranks]).shuffle(steps)
            yield turn, steps
            turn += 1

    def _cost(self, batch: list[int]) -> int:
        return int(self.counts[batch].max(axis=0).sum()) * len(batch)
