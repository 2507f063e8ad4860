"""Examples as padded tensors, and batches of examples of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from arc_affinity.data.batching.tokens import encode_grid
from arc_affinity.types import PAD, Example, Grid

IGNORE = -100
"""Fills the target of shorter examples; no loss is taken there."""

GROUP_TOLERANCE, GROUP_SLACK = 0.85, 9
"""Demonstrations share a stack while the smallest has this share of the largest's cells, or lacks so few more."""


@dataclass(frozen=True)
class GridStack:
    """Grids of like size as sequences (see `data.batching.tokens`), filled up to the longest.

    ``tokens`` are colours and the two PADs that end the first row and the grid, so that a model reads a grid's size in
    the form in which it has to write one; PAD fills the rest too. ``positions`` are canvas positions. ``mask`` is true
    where the grid has a token of its own.
    """

    tokens: Int[Tensor, "grids steps"]
    positions: Int[Tensor, "grids steps"]
    mask: Bool[Tensor, "grids steps"]

    def flattened(self) -> GridStack:
        """Return the stack with cells numbered 0, 1, 2 … whatever a grid's width (the published package's fault 2)."""
        cells = (self.tokens != PAD).cumsum(1)
        return GridStack(self.tokens, (cells - 1).clamp(min=0), self.mask)

    def cells_only(self) -> GridStack:
        """Return the stack with the PADs that end rows and grids hidden, as the published package had it."""
        return GridStack(self.tokens, self.positions, self.tokens != PAD)

    def rows(self, chosen: Sequence[int]) -> GridStack:
        """Return the stack of some of the grids, filled up as far as before."""
        which = list(chosen)
        return GridStack(self.tokens[which], self.positions[which], self.mask[which])

    def to(self, device: torch.device | str) -> GridStack:
        """Return the same stack on ``device``."""
        return GridStack(self.tokens.to(device), self.positions.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Shelf:
    """The grids of one kind (inputs or outputs of demonstrations) in stacks of like size.

    ``place[b, p]`` is the row, counted over all stacks, of example b's pair p.
    """

    stacks: tuple[GridStack, ...]
    place: Int[Tensor, "batch pairs"]

    def map(self, change: Callable[[GridStack], GridStack]) -> Shelf:
        """Return the shelf with every stack changed."""
        return Shelf(tuple(change(stack) for stack in self.stacks), self.place)

    def to(self, device: torch.device | str) -> Shelf:
        """Return the same shelf on ``device``."""
        return Shelf(tuple(stack.to(device) for stack in self.stacks), self.place.to(device))


@dataclass(frozen=True)
class Batch:
    """Examples side by side. ``target`` is None where the answers are withheld.

    ``target_positions[b, t]`` is the canvas position that step t writes to.
    """

    examples: tuple[Example, ...]
    query: GridStack
    target: Int[Tensor, "batch steps"] | None
    target_positions: Int[Tensor, "batch steps"] | None
    demonstration_inputs: Shelf
    demonstration_outputs: Shelf

    def __len__(self) -> int:
        return len(self.examples)

    def to(self, device: torch.device | str) -> Batch:
        """Return the same batch on ``device``."""
        return Batch(
            self.examples,
            self.query.to(device),
            None if self.target is None else self.target.to(device),
            None if self.target_positions is None else self.target_positions.to(device),
            self.demonstration_inputs.to(device),
            self.demonstration_outputs.to(device),
        )


def _fill(rows: Sequence[Int[np.ndarray, "_steps"]], blank: int) -> Int[Tensor, "rows longest"]:
    """Stack rows of different lengths, ``blank`` behind the shorter ones."""
    filled = np.full((len(rows), max(len(row) for row in rows)), blank, dtype=np.int64)
    for line, row in zip(filled, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(filled)


def stack_grids(grids: Sequence[Grid]) -> GridStack:
    """Return ``grids`` as sequences, filled up to the longest."""
    encoded = [encode_grid(grid) for grid in grids]
    tokens = _fill([tokens for tokens, _ in encoded], IGNORE)
    mask = tokens != IGNORE
    return GridStack(tokens.where(mask, PAD), _fill([places for _, places in encoded], 0), mask)


def shelve(grids: Sequence[Grid], pairs: int) -> Shelf:
    """Sort ``grids`` (example by example, ``pairs`` each) by size into stacks that hardly need padding."""
    order = sorted(range(len(grids)), key=lambda k: grids[k].size)
    groups: list[list[int]] = []
    for k in reversed(order):
        if groups and grids[k].size >= GROUP_TOLERANCE * grids[groups[-1][0]].size - GROUP_SLACK:
            groups[-1].append(k)
        else:
            groups.append([k])
    place = np.empty(len(grids), dtype=np.int64)
    place[[k for group in groups for k in group]] = np.arange(len(grids))
    stacks = tuple(stack_grids([grids[k] for k in group]) for group in groups)
    return Shelf(stacks, torch.from_numpy(place.reshape(-1, pairs)))


def collate(examples: Sequence[Example]) -> Batch:
    """Make a batch of ``examples``, all with the same number of demonstrations."""
    pairs = len(examples[0].demonstrations)
    shown = [pair for example in examples for pair in example.demonstrations]
    outputs = [example.query.output for example in examples]
    target = target_positions = None
    if all(output is not None for output in outputs):
        encoded = [encode_grid(output) for output in outputs if output is not None]
        target = _fill([tokens for tokens, _ in encoded], IGNORE)
        target_positions = _fill([places for _, places in encoded], 0)
    return Batch(
        tuple(examples),
        stack_grids([example.query.input for example in examples]),
        target,
        target_positions,
        shelve([pair.input for pair in shown], pairs),
        shelve([pair.output for pair in shown if pair.output is not None], pairs),
    )
