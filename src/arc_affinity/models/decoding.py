"""From logits to grids: which tokens may stand where, and greedy decoding with a key-value cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from arc_affinity.data.batching.batch import IGNORE, Batch
from arc_affinity.data.batching.tokens import decode_grid, pad_is_legal
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import CANVAS, MAX_SIDE, PAD, VOCABULARY, Example, Grid

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

    An example is solved by greedy decoding if and only if all its steps are right here: both choose among
    the same lawful tokens, and as long as the steps are right both see the same ones before.
    """
    assert batch.target is not None and batch.target_positions is not None
    chosen = lawful(logits, batch.target_positions).argmax(dim=-1)
    return (chosen == batch.target) | (batch.target == IGNORE)


Prefix = Int[np.ndarray, "_steps"]


@dataclass(frozen=True, eq=False)
class Decoded:
    """What decoding wrote for one example.

    Attributes:
        tokens: PADs included.
        scores: Log-probability of every token at every step, given the tokens before it, in nats. A step that the
            protocol settles (the ends of an output whose size is given) has PAD at 0 and all else at -inf.
        begun: So many tokens were given to begin with, not chosen.
        cost: What the tokens given cost against those that would have been chosen, summed over branches, in nats.
    """

    tokens: Int[np.ndarray, "steps"]
    scores: Float[np.ndarray, "steps vocabulary"]
    begun: int = 0
    cost: float = 0.0

    @property
    def grid(self) -> Grid | None:
        """The grid written; None where the tokens spell none."""
        return decode_grid(self.tokens)

    @property
    def log_probabilities(self) -> Float[np.ndarray, "steps"]:
        """Log-probability of each token written, chosen or given, in nats."""
        return self.scores[np.arange(len(self.tokens)), self.tokens]

    @property
    def log_likelihood(self) -> float:
        """Log-probability of the whole output, in nats: teacher forcing gives the same."""
        return float(self.log_probabilities.sum(dtype=np.float64))

    def branches(self) -> Iterator[tuple[float, Prefix]]:
        """Yield the turns away from this output, the cheapest first: cost (nats) and the tokens to begin with.

        None is before the tokens given, so that no output begins as two branches do.
        """
        gaps = self.log_probabilities[:, None] - self.scores
        gaps[: self.begun] = np.inf
        gaps[np.arange(len(self.tokens)), self.tokens] = np.inf
        for place in gaps.argsort(axis=None, kind="stable"):
            step, token = divmod(int(place), VOCABULARY)
            if np.isinf(gaps[step, token]):
                return
            yield self.cost + float(gaps[step, token]), np.append(self.tokens[:step], token)


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
        scores = _score(logits, positions[alive], cursors.ends[alive], sized=cursors.sized)
        wanted = given[:, trace.steps] if trace.steps < given.shape[1] else np.full(count, FREE)
        token = trace.add(alive, scores, np.where(cursors.ends, PAD, wanted), cursors.done)
        cursors.advance(token)
        alive, kept = _thin(alive, cursors.done)
        if kept is not None:
            rows = torch.from_numpy(kept).to(model.device)
            reading = reading.select(rows)
            for past in pasts:
                past.select(rows)
        written = torch.from_numpy(token[alive]).to(model.device)
    return trace.results(prefixes)


FREE = -1
"""Marks a step whose token is not given."""


def _fill_prefixes(prefixes: Sequence[Prefix] | None, count: int) -> Int[np.ndarray, "batch steps"]:
    longest = max((len(prefix) for prefix in prefixes or ()), default=0)
    given = np.full((count, longest), FREE)
    for row, prefix in zip(given, prefixes or (), strict=False):
        row[: len(prefix)] = prefix
    return given


def _score(
    logits: Float[Tensor, "batch vocabulary"],
    positions: Int[np.ndarray, "batch"],
    ends: Bool[np.ndarray, "batch"],
    *,
    sized: bool,
) -> Float[np.ndarray, "batch vocabulary"]:
    """Return the log-probabilities of the tokens; where the size is given, PAD is certain at ``ends``, else none."""
    allowed = lawful(logits.float(), torch.from_numpy(positions).to(logits.device))
    if sized:
        allowed[:, PAD] = float("-inf")
    scores: Float[np.ndarray, "batch vocabulary"] = allowed.log_softmax(dim=-1).cpu().numpy()
    scores[ends] = np.where(np.arange(VOCABULARY) == PAD, 0, -np.inf)
    return scores


class _Trace:
    """What has been written so far, for every example of a batch."""

    def __init__(self, count: int) -> None:
        self.tokens = np.full((count, CANVAS), PAD)
        self.scores = np.zeros((count, CANVAS, VOCABULARY), dtype=np.float32)
        self.lengths = np.zeros(count, dtype=np.int64)
        self.steps = 0

    def add(
        self,
        alive: Int[np.ndarray, "alive"],
        scores: Float[np.ndarray, "alive vocabulary"],
        wanted: Int[np.ndarray, "batch"],
        done: Bool[np.ndarray, "batch"],
    ) -> Int[np.ndarray, "batch"]:
        """Note one step and return the token of every example (PAD where it is finished)."""
        token = np.full(len(wanted), PAD)
        # Ties go to the smaller token, as argmax has it under teacher forcing.
        token[alive] = np.where(wanted[alive] == FREE, scores.argmax(axis=1), wanted[alive])
        writing = ~done[alive]
        rows = alive[writing]
        self.tokens[rows, self.steps] = token[rows]
        self.scores[rows, self.steps] = scores[writing]
        self.lengths[rows] += 1
        self.steps += 1
        return token

    def results(self, prefixes: Sequence[Prefix] | None) -> list[Decoded]:
        """Return what was written, example by example."""
        begun = [len(prefix) for prefix in prefixes] if prefixes else [0] * len(self.lengths)
        # Copies, so that a short output does not hold the room of a whole canvas.
        return [
            Decoded(self.tokens[i, :length].copy(), self.scores[i, :length].copy(), begun[i])
            for i, length in enumerate(self.lengths)
        ]


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
def next_best(
    model: EncoderDecoder,
    batch: Batch,
    written: Sequence[Sequence[Decoded]],
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
) -> list[Decoded]:
    """Write one more output for each example, different from all those ``written``: the closest branch off them.

    A branch leaves an output at one step, takes another token there and goes on greedily. Taken is the one whose turn,
    with the turns that led to its stem, costs least in log-probability. One more pass of decoding buys it, and it
    needs no view under which the model might never have been trained (ours, after Murty 1968, Operations Research 16,
    whose parts of the space of answers these branches are).

    Args:
        model: in evaluation mode.
        batch: examples.
        written: of each example, its greedy output and then what this function has returned so far.
        sizes: as `greedy`.

    Raises:
        ArcAffinityError: an example has no other output (at a given size there may be few).
    """
    turns = [_cheapest_turn(example, outputs) for example, outputs in zip(batch.examples, written, strict=True)]
    decoded = greedy(model, batch, sizes=sizes, prefixes=[prefix for _, prefix in turns])
    return [replace(each, cost=cost) for each, (cost, _) in zip(decoded, turns, strict=True)]


def _cheapest_turn(example: Example, outputs: Sequence[Decoded]) -> tuple[float, Prefix]:
    """Return the cheapest branch off ``outputs`` that was not taken yet."""
    taken = {output.tokens[: output.begun].tobytes() for output in outputs[1:]}
    best = [next((turn for turn in output.branches() if turn[1].tobytes() not in taken), None) for output in outputs]
    left = [turn for turn in best if turn is not None]
    if not left:
        where = f"task {example.task_id} output {example.index}"
        raise ArcAffinityError(f"{where} has no more than {len(outputs)} different answers")
    return min(left, key=lambda turn: turn[0])
