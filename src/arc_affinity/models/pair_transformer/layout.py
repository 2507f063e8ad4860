"""A pair as one sequence: the input cell by cell, its end, then the output cell by cell, its end.

Only the first row of a grid is closed by a token: a grid is a rectangle, so the others end where it did. A token knows
its own place; a token of the output also knows the place of the token that is to be predicted after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from arc_affinity.types import COLOURS, MAX_SIDE, Grid

ROW_END = COLOURS
"""Closes the first row: the grid is as wide as the row is by then."""

GRID_END = COLOURS + 1
"""Stands where the next row would begin: the grid is as high as that."""

TOKENS = COLOURS + 2

FRAME = 2
"""Tokens of a grid besides its cells: `ROW_END` and `GRID_END`."""

INPUT, OUTPUT = 0, 1
"""Segments."""

PLACES = MAX_SIDE + 1
"""Rows or columns where a token may stand; the last is that of an end."""

IGNORE = -100
"""Label of a token after which nothing is predicted; torch's default."""

Places = Int[Tensor, "batch cells 2"]


@dataclass(frozen=True)
class Sequences:
    """Several sequences, padded on the right to one length.

    Attributes:
        tokens: ids below `TOKENS`; 0 in the padding.
        places: row and column where each token stands.
        targets: row and column that each token works for: its own in the input, that of the token to be predicted after
            it in the output.
        edges: how many rows below and columns right of it the grid goes on; `MAX_SIDE` in the output, where that is
            not known yet.
        segments: `INPUT` or `OUTPUT`; the input's end is of the output, as it predicts the output's first cell.
        labels: the token that follows, `IGNORE` where it is not of the output.
        inputs: tokens of each input, its end included; all of them see each other.
        tasks, views: numbers of the task and of the dihedral view.
    """

    tokens: Int[Tensor, "batch cells"]
    places: Places
    targets: Places
    edges: Places
    segments: Int[Tensor, "batch cells"]
    labels: Int[Tensor, "batch cells"]
    inputs: Int[Tensor, "batch"]
    tasks: Int[Tensor, "batch"]
    views: Int[Tensor, "batch"]

    def to(self, device: torch.device) -> Sequences:
        """Return the same on ``device``."""
        return Sequences(**{name: value.to(device) for name, value in vars(self).items()})

    def visible(self) -> Bool[Tensor, "batch cells cells"]:
        """Which token (last axis) each token sees: the whole input, and the output up to itself."""
        length = self.tokens.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool, device=self.tokens.device).tril()
        of_input = torch.arange(length, device=self.tokens.device) < self.inputs[:, None]
        return of_input[:, None, :] | earlier


@dataclass(frozen=True)
class Written:
    """A pair to lay out: its input, its output (None: only the input is laid), and the numbers of task and view."""

    input: Grid
    output: Grid | None
    task: int
    view: int

    @property
    def length(self) -> int:
        """Tokens of the sequence: nothing follows the output's end, so it is left out."""
        return self.input.size + FRAME + (0 if self.output is None else self.output.size + FRAME - 1)


def grid_tokens(grid: Grid) -> Int[np.ndarray, "cells_and_frame"]:
    """Return a grid's tokens, its two ends among them."""
    first, rest = grid[0].astype(np.int64), grid[1:].ravel().astype(np.int64)
    return np.concatenate([first, [ROW_END], rest, [GRID_END]])


def grid_places(rows: int, cols: int) -> Int[np.ndarray, "cells_and_frame 2"]:
    """Return the row and column of each of `grid_tokens`."""
    row, col = np.divmod(np.arange(rows * cols), cols)
    cells = np.stack([row, col], axis=1)
    return np.concatenate([cells[:cols], [[0, cols]], cells[cols:], [[rows, 0]]])


def lay_out(pairs: Sequence[Written]) -> Sequences:
    """Return ``pairs`` as one batch, padded to the longest."""
    length = max(pair.length for pair in pairs)
    batch = len(pairs)
    tokens, segments = np.zeros((batch, length), np.int64), np.zeros((batch, length), np.int64)
    labels = np.full((batch, length), IGNORE)
    places, targets = np.zeros((batch, length, 2), np.int64), np.zeros((batch, length, 2), np.int64)
    edges = np.full((batch, length, 2), MAX_SIDE)
    for at, pair in enumerate(pairs):
        rows, cols = pair.input.shape
        end = pair.input.size + FRAME
        tokens[at, :end] = grid_tokens(pair.input)
        places[at, :end] = targets[at, :end] = grid_places(rows, cols)
        edges[at, :end] = np.maximum(np.array([rows, cols]) - 1 - places[at, :end], 0)
        targets[at, end - 1], segments[at, end - 1 :] = 0, OUTPUT
        if pair.output is not None:
            written, where = grid_tokens(pair.output), grid_places(*pair.output.shape)
            stop = end + len(written) - 1
            tokens[at, end:stop], places[at, end:stop] = written[:-1], where[:-1]
            labels[at, end - 1 : stop], targets[at, end - 1 : stop] = written, where
    return Sequences(
        tokens=torch.from_numpy(tokens),
        places=torch.from_numpy(places),
        targets=torch.from_numpy(targets),
        edges=torch.from_numpy(edges),
        segments=torch.from_numpy(segments),
        labels=torch.from_numpy(labels),
        inputs=torch.tensor([pair.input.size + FRAME for pair in pairs]),
        tasks=torch.tensor([pair.task for pair in pairs]),
        views=torch.tensor([pair.view for pair in pairs]),
    )
