"""From logits to grids: greedy decoding with a key-value cache, and further outputs by branching off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from arc_affinity.data.batching.batch import Batch
from arc_affinity.data.batching.tokens import decode_grid
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import mask_illegal
from arc_affinity.types import CANVAS, MAX_SIDE, PAD, VOCABULARY, Grid

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
        """Log-probability of the whole output, in nats: teacher forcing gives the same.

        Of tokens that were given too: outputs are compared by it, and one with a forced beginning is no likelier for
        being forced.
        """
        return float(self.log_probabilities.sum(dtype=np.float64))

    def branches(self) -> Iterator[tuple[float, Prefix]]:
        """Yield the branches off this output, the cheapest first: cost (nats) and the tokens to begin with.

        None is before the tokens given, so that no output begins as two branches do.
        """
        # What another token would cost at each step. Infinite where it may not stand, as its score is -inf, where it
        # is the token written, and within the beginning that this output shares with the one it branched off.
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
        """Cells written so far: the number of the next one in raster order."""
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


FREE = -1
"""Marks a step whose token is not given."""


@torch.no_grad()
def greedy(
    model: EncoderDecoder,
    batch: Batch,
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
    prefixes: Sequence[Prefix] | None = None,
) -> list[Decoded]:
    """Write the most likely token, one at a time, until every example's grid is complete.

    ``model`` is in evaluation mode; targets of ``batch`` are not looked at. Where the protocol gives them, ``sizes``
    are the rows and columns of each output; ``prefixes`` are tokens to begin each output with, before choosing sets in.
    """
    count = len(batch)
    cursors = _Cursors(None if sizes is None else np.array(sizes), count)
    # The tokens to begin with, row by row; FREE where the model chooses.
    given = np.full((count, max((len(prefix) for prefix in prefixes or ()), default=0)), FREE)
    for row, prefix in zip(given, prefixes or (), strict=False):
        row[: len(prefix)] = prefix
    encoded, caches = model.encode(batch), model.new_caches()
    tokens = np.full((count, CANVAS), PAD)
    scores = np.zeros((count, CANVAS, VOCABULARY), dtype=np.float32)
    lengths = np.zeros(count, dtype=np.int64)
    written: Tensor | None = None
    # The rows of the batch that are still computed, among them finished ones that were not dropped yet.
    alive = np.arange(count)
    step = 0
    while not cursors.done.all():
        positions, ends = cursors.positions, cursors.ends
        places = cursors.flat_positions if model.config.numbers_cells else positions
        logits = model.step(written, torch.from_numpy(places[alive]).to(model.device), encoded, caches)
        found = _score(logits, positions[alive], ends[alive], sized=cursors.sized)
        wanted = given[:, step] if step < given.shape[1] else np.full(count, FREE)
        wanted = np.where(ends, PAD, wanted)[alive]
        token = np.full(count, PAD)
        # Ties go to the smaller token, as argmax has it under teacher forcing.
        token[alive] = np.where(wanted == FREE, found.argmax(axis=1), wanted)
        writing = ~cursors.done[alive]
        rows = alive[writing]
        tokens[rows, step], scores[rows, step] = token[rows], found[writing]
        step += 1
        lengths[rows] = step
        cursors.advance(token)
        finished = cursors.done[alive]
        # Dropping rows copies the caches, so finished examples idle along until they are a quarter of the batch.
        if 0.25 <= finished.mean() < 1:
            kept = np.flatnonzero(~finished)
            alive, left = alive[kept], torch.from_numpy(kept).to(model.device)
            encoded = encoded.select(left)
            for cache in caches:
                cache.select(left)
        written = torch.from_numpy(token[alive]).to(model.device)
    begun = [len(prefix) for prefix in prefixes] if prefixes else [0] * count
    # Copies, so that a short output does not hold the room of a whole canvas.
    return [Decoded(tokens[i, :n].copy(), scores[i, :n].copy(), begun[i]) for i, n in enumerate(lengths)]


def _score(
    logits: Float[Tensor, "batch vocabulary"],
    positions: Int[np.ndarray, "batch"],
    ends: Bool[np.ndarray, "batch"],
    *,
    sized: bool,
) -> Float[np.ndarray, "batch vocabulary"]:
    """Return the log-probabilities of the tokens; where the size is given, PAD is certain at ``ends``, else none."""
    # float32 whatever the model computed in: up to 902 log-probabilities are summed, and outputs compared by the sum.
    allowed = mask_illegal(logits.float(), torch.from_numpy(positions).to(logits.device))
    if sized:
        allowed[:, PAD] = float("-inf")
    scores: Float[np.ndarray, "batch vocabulary"] = allowed.log_softmax(dim=-1).cpu().numpy()
    scores[ends] = np.where(np.arange(VOCABULARY) == PAD, 0, -np.inf)
    return scores


@torch.no_grad()
def next_best(
    model: EncoderDecoder,
    batch: Batch,
    written: Sequence[Sequence[Decoded]],
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
) -> list[Decoded]:
    """Write one more output for each example, different from all those ``written``: the closest branch off them.

    A branch leaves an output at one step, takes another token there and goes on greedily. Taken is the one that,
    with the branches that led to its stem, costs least in log-probability. One more pass of decoding buys it, and it
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
    branches = []
    for example, outputs in zip(batch.examples, written, strict=True):
        # The first output is greedy; each of the others is known by the beginning that it was given.
        taken = {output.tokens[: output.begun].tobytes() for output in outputs[1:]}
        cheapest = [next((b for b in output.branches() if b[1].tobytes() not in taken), None) for output in outputs]
        left = [branch for branch in cheapest if branch is not None]
        if not left:
            where = f"task {example.task_id} output {example.index}"
            raise ArcAffinityError(f"{where} has no more than {len(outputs)} different answers")
        branches.append(min(left, key=lambda branch: branch[0]))
    decoded = greedy(model, batch, sizes=sizes, prefixes=[prefix for _, prefix in branches])
    return [replace(each, cost=cost) for each, (cost, _) in zip(decoded, branches, strict=True)]
