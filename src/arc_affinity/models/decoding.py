"""From logits to grids: which tokens may stand where, and greedy decoding with a key-value cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from arc_affinity.data.batch import IGNORE, Batch
from arc_affinity.data.sequence import decode_grid, pad_is_legal
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import CANVAS, MAX_SIDE, PAD, Grid

PAD_LEGAL: Bool[Tensor, "canvas"] = torch.from_numpy(pad_is_legal(np.arange(CANVAS)))


def lawful(
    logits: Float[Tensor, "*shape vocabulary"], positions: Int[Tensor, "*shape"]
) -> Float[Tensor, "*shape vocabulary"]:
    """Return ``logits`` with PAD at -inf wherever no row and no grid can end (see `data.sequence`)."""
    forbidden = torch.zeros_like(logits, dtype=torch.bool)
    forbidden[..., PAD] = ~PAD_LEGAL.to(logits.device)[positions]
    return logits.masked_fill(forbidden, float("-inf"))


def teacher_forced_right(logits: Float[Tensor, "batch steps vocabulary"], batch: Batch) -> Bool[Tensor, "batch steps"]:
    """Return which steps are right given the true steps before them; steps beyond an example's end are right.

    An example is solved by greedy decoding if and only if all its steps are right here (decision 8): both choose among
    the same lawful tokens, and as long as the steps are right both see the same ones before.
    """
    assert batch.target is not None and batch.target_positions is not None
    chosen = lawful(logits, batch.target_positions).argmax(dim=-1)
    return (chosen == batch.target) | (batch.target == IGNORE)


@dataclass(frozen=True)
class Decoded:
    """What greedy decoding wrote for one example.

    ``tokens`` include the PADs. ``log_probabilities`` and ``margins`` (over the runner-up) are in nats, one a step; a
    step that was given instead of chosen has log-probability 0 and an infinite margin.
    """

    tokens: Int[np.ndarray, "steps"]
    runners_up: Int[np.ndarray, "steps"]
    log_probabilities: Float[np.ndarray, "steps"]
    margins: Float[np.ndarray, "steps"]

    @property
    def grid(self) -> Grid | None:
        """The grid written; None where the tokens spell none."""
        return decode_grid(self.tokens)

    @property
    def log_likelihood(self) -> float:
        """Log-probability of the whole output, in nats."""
        return float(self.log_probabilities.sum())


Prefix = Int[np.ndarray, "_steps"]


class _Cursors:
    """Where each example of a batch writes next, and which tokens are given there instead of chosen."""

    def __init__(self, sizes: Int[np.ndarray, "batch 2"] | None, count: int) -> None:
        self.sized = sizes is not None
        limits = np.full((count, 2), MAX_SIDE) if sizes is None else sizes
        self.rows, self.cols = limits[:, 0].copy(), limits[:, 1].copy()
        self.row, self.col = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self.cells = np.zeros(count, dtype=np.int64)
        self.done = np.zeros(count, dtype=bool)

    @property
    def positions(self) -> Int[np.ndarray, "batch"]:
        """Canvas positions; finished examples idle at 0."""
        return np.where(self.done, 0, self.row * MAX_SIDE + self.col)

    @property
    def flat_positions(self) -> Int[np.ndarray, "batch"]:
        """Cells written so far: where the published package believed the next one to be."""
        return np.where(self.done, 0, self.cells)

    @property
    def ends(self) -> Bool[np.ndarray, "batch"]:
        """True where the size was given and says that the first row or the grid ends here."""
        row_ends = (self.row == 0) & (self.col == self.cols)
        return self.sized & (row_ends | (self.row == self.rows))

    def advance(self, token: Int[np.ndarray, "batch"]) -> None:
        """Move on after ``token``: PAD ends the first row or the grid, a cell moves right or to the next row."""
        pad, first = token == PAD, self.row == 0
        self.done |= pad & ~first
        self.cols = np.where(pad & first, self.col, self.cols)
        self.col, self.cells = self.col + ~pad, self.cells + ~pad
        # A first row narrower than the canvas still waits for its PAD.
        full = np.where(first, pad | (self.col == MAX_SIDE), self.col == self.cols)
        self.row, self.col = self.row + full, np.where(full, 0, self.col)
        self.done |= self.row == MAX_SIDE


@torch.no_grad()
def greedy(
    model: EncoderDecoder,
    batch: Batch,
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
    prefixes: Sequence[Prefix] | None = None,
) -> list[Decoded]:
    """Write the most likely token, one at a time, until every example's grid is complete.

    Args:
        model: in evaluation mode.
        batch: examples, with or without targets (which are not looked at).
        sizes: rows and columns of each output, where the protocol gives them; else the model decides.
        prefixes: tokens to begin each output with, before choosing sets in.
    """
    count = len(batch)
    cursors = _Cursors(None if sizes is None else np.array(sizes), count)
    given = _fill_prefixes(prefixes, count)
    reading, pasts = model.read(batch), model.new_pasts()
    trace = _Trace(count)
    written: Tensor | None = None
    alive = np.arange(count)
    while not cursors.done.all():
        positions = cursors.positions
        places = cursors.flat_positions if model.config.flat_positions else positions
        logits = model.step(written, torch.from_numpy(places[alive]).to(model.device), reading, pasts)
        choice = _choose(logits, positions[alive], sized=cursors.sized)
        forced = np.where(cursors.ends, PAD, given[:, trace.steps] if trace.steps < given.shape[1] else FREE)
        token = trace.add(alive, choice, forced, cursors.done)
        cursors.advance(token)
        alive, kept = _thin(alive, cursors.done)
        if kept is not None:
            rows = torch.from_numpy(kept).to(model.device)
            reading = reading.select(rows)
            for past in pasts:
                past.select(rows)
        written = torch.from_numpy(token[alive]).to(model.device)
    return trace.results()


FREE = -1
"""Marks a step whose token is not given."""


def _fill_prefixes(prefixes: Sequence[Prefix] | None, count: int) -> Int[np.ndarray, "batch steps"]:
    longest = max((len(prefix) for prefix in prefixes or ()), default=0)
    given = np.full((count, longest), FREE)
    for row, prefix in zip(given, prefixes or (), strict=False):
        row[: len(prefix)] = prefix
    return given


@dataclass(frozen=True)
class _Choice:
    """The two likeliest lawful tokens of each example, and the log-probabilities of all."""

    best: Int[np.ndarray, "batch 2"]
    log_probabilities: Float[np.ndarray, "batch vocabulary"]


def _choose(logits: Float[Tensor, "batch vocabulary"], positions: Int[np.ndarray, "batch"], *, sized: bool) -> _Choice:
    allowed = lawful(logits.float(), torch.from_numpy(positions).to(logits.device))
    if sized:
        allowed[:, PAD] = float("-inf")
    probabilities = allowed.log_softmax(dim=-1)
    # Ties go to the smaller token, as argmax has it under teacher forcing.
    best = probabilities.sort(dim=-1, descending=True, stable=True).indices[:, :2]
    return _Choice(best.cpu().numpy(), probabilities.cpu().numpy())


class _Trace:
    """What has been written so far, for every example of a batch."""

    def __init__(self, count: int) -> None:
        self.tokens = np.full((count, CANVAS), PAD)
        self.runners_up = np.full((count, CANVAS), PAD)
        self.log_probabilities = np.zeros((count, CANVAS))
        self.margins = np.full((count, CANVAS), np.inf)
        self.lengths = np.zeros(count, dtype=np.int64)
        self.steps = 0

    def add(
        self,
        alive: Int[np.ndarray, "alive"],
        choice: _Choice,
        forced: Int[np.ndarray, "batch"],
        done: Bool[np.ndarray, "batch"],
    ) -> Int[np.ndarray, "batch"]:
        """Note one step and return the token of every example (PAD where it is finished)."""
        step, token = self.steps, np.full(len(forced), PAD)
        token[alive] = np.where(forced[alive] == FREE, choice.best[:, 0], forced[alive])
        writing = ~done[alive]
        rows = alive[writing]
        self.tokens[rows, step] = token[rows]
        self.lengths[rows] += 1
        free = writing & (forced[alive] == FREE)
        rows, best, scores = alive[free], choice.best[free], choice.log_probabilities[free]
        top, second = np.take_along_axis(scores, best, axis=1).T
        self.runners_up[rows, step] = best[:, 1]
        self.log_probabilities[rows, step] = top
        self.margins[rows, step] = top - second
        self.steps += 1
        return token

    def results(self) -> list[Decoded]:
        """Return what was written, example by example."""
        parts = (self.tokens, self.runners_up, self.log_probabilities, self.margins)
        return [Decoded(*(part[i, :length] for part in parts)) for i, length in enumerate(self.lengths)]


def _thin(
    alive: Int[np.ndarray, "alive"], done: Bool[np.ndarray, "batch"]
) -> tuple[Int[np.ndarray, "left"], Int[np.ndarray, "left"] | None]:
    """Drop finished examples once they are a quarter of the batch; the second value tells which rows stay."""
    finished = done[alive]
    if finished.all() or finished.mean() < 0.25:
        return alive, None
    kept = np.flatnonzero(~finished)
    return alive[kept], kept


@torch.no_grad()
def runner_up(
    model: EncoderDecoder,
    batch: Batch,
    first: Sequence[Decoded],
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
) -> list[Decoded]:
    """Write a second, different output for each example: the likeliest branch away from ``first``.

    The branch leaves at the step where the choice was closest, takes the runner-up there and goes on greedily. One more
    pass of decoding buys it, and it needs no view under which the model might never have been trained (ours).
    """
    prefixes = []
    for decoded in first:
        turn = int(decoded.margins.argmin())
        prefixes.append(np.append(decoded.tokens[:turn], decoded.runners_up[turn]))
    return greedy(model, batch, sizes=sizes, prefixes=prefixes)
