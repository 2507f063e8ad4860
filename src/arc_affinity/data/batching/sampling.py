"""Which examples go into which batch: like sizes together, an endless stream cut into resumable slices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch.utils.data import Sampler

from arc_affinity.data.store.examples import ExampleStore, Sizes
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import MAX_SIDE

Key = tuple[int, int]
"""(pass over the data, example): all that a demonstration's draw depends on besides the seed."""

COARSENESS = (0.06, 0.12, 0.24, 0.48)
"""Lengths of queries are compared after rounding to so much of themselves; the one that pads least is taken. Where
outputs are as long as their queries that is the finest, where they have nothing to do with them a coarser one."""


@dataclass(frozen=True)
class BatchRules:
    """What a batch may hold: ``cells`` tokens (query and output, padding included) and ``examples`` examples."""

    cells: int
    examples: int
    seed: int


def token_counts(sizes: Sizes) -> Int[np.ndarray, "examples 2"]:
    """Return the tokens of each example's query and output (see `data.batching.tokens`)."""
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


def plan_batches(counts: Int[np.ndarray, "examples 2"], rules: BatchRules, pass_number: int) -> list[list[int]]:
    """Cut one pass over the examples into batches of like size, in random order; ``pass_number`` is counted from 0."""
    generator = np.random.default_rng([rules.seed, pass_number])
    jitter = generator.random(len(counts))
    plans = [_cut(counts, _by_size(counts, jitter, coarseness), rules) for coarseness in COARSENESS]
    batches = min(plans, key=lambda plan: _padded(counts, plan))
    generator.shuffle(batches)
    return batches


def fewest_batches(sizes: Sizes, rules: BatchRules) -> int:
    """Return a bound from below on the batches of a pass, whichever pass it is: the draw decides how many more."""
    # No batch has more tokens than the rules allow, but for one of a single example.
    tokens = np.minimum(token_counts(sizes).sum(axis=1), rules.cells)
    return max(math.ceil(len(sizes) / rules.examples), math.ceil(int(tokens.sum()) / rules.cells))


def _by_size(
    counts: Int[np.ndarray, "examples 2"], jitter: Float[np.ndarray, "examples"], coarseness: float
) -> list[int]:
    """Return the examples by their query's rounded length, then by their output's; tasks of like size mix."""
    queries = np.floor(np.log(counts[:, 0]) / coarseness)
    outputs = np.floor(np.log(counts[:, 1]) / COARSENESS[0])
    order: list[int] = np.lexsort((jitter, outputs, queries)).tolist()
    return order


def _cut(counts: Int[np.ndarray, "examples 2"], order: list[int], rules: BatchRules) -> list[list[int]]:
    """Fill one batch after the other in the order given."""
    lengths: list[tuple[int, int]] = list(map(tuple, counts.tolist()))
    batches: list[list[int]] = []
    query = output = 0
    for example in order:
        query, output = max(query, lengths[example][0]), max(output, lengths[example][1])
        size = len(batches[-1]) if batches else rules.examples
        if size == rules.examples or (query + output) * (size + 1) > rules.cells:
            batches.append([])
            query, output = lengths[example]
        batches[-1].append(example)
    return batches


def _padded(counts: Int[np.ndarray, "examples 2"], batches: Sequence[Sequence[int]]) -> int:
    """Tokens of ``batches``, padding included."""
    return sum(int(counts[batch].max(axis=0).sum()) * len(batch) for batch in map(list, batches))


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
        self._next = (begun, 0, 0)
        self._planned: tuple[int, list[list[list[int]]]] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Choose the slice, counted from ``begun``."""
        self.slice = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[Key]]:
        pass_number, skip = self._place()
        batches: list[list[Key]] = []
        while left := self.steps - len(batches):
            part = self._pass(pass_number)[skip : skip + left]
            batches += [[(pass_number, example) for example in group[self.rank]] for group in part]
            skip += len(part)
            if skip == len(self._pass(pass_number)):
                pass_number, skip = pass_number + 1, 0
        self._next = (self.slice + 1, pass_number, skip)
        yield from batches

    def _place(self) -> tuple[int, int]:
        """Return where the slice begins: the pass, and its steps before.

        The slice after the last one asked for begins where that ended; all others are looked for, pass by pass.
        """
        known, pass_number, skip = self._next
        if self.slice < known:
            known, pass_number, skip = self.begun, 0, 0
        skip += (self.slice - known) * self.steps
        while skip >= (length := len(self._pass(pass_number))):
            pass_number, skip = pass_number + 1, skip - length
        return pass_number, skip

    def _pass(self, pass_number: int) -> list[list[list[int]]]:
        """Return a pass as steps, a step being one batch for every rank; the last pass asked for is kept."""
        if self._planned is None or self._planned[0] != pass_number:
            self._planned = (pass_number, self._plan(pass_number))
        return self._planned[1]

    def _plan(self, pass_number: int) -> list[list[list[int]]]:
        batches = plan_batches(self.counts, self.rules, pass_number)
        if len(batches) < self.ranks:
            raise ArcAffinityError(
                f"{len(self.counts)} examples make {len(batches)} batches, too few for {self.ranks} processes; "
                "ask for fewer (--processes)"
            )
        # What no whole step is left for goes while the order is random still: by cost it would be the same every time.
        batches = batches[: len(batches) - len(batches) % self.ranks]
        if self.ranks > 1:
            batches.sort(key=lambda batch: _padded(self.counts, [batch]))
        steps = [batches[i : i + self.ranks] for i in range(0, len(batches), self.ranks)]
        np.random.default_rng([self.rules.seed, pass_number, self.ranks]).shuffle(steps)
        return steps
