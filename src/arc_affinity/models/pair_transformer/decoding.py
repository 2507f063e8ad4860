"""Writing outputs, many at once, and how likely a given output is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from arc_affinity.models.pair_transformer.layout import (
    FRAME,
    GRID_END,
    IGNORE,
    OUTPUT,
    ROW_END,
    TOKENS,
    Sequences,
    Written,
    lay_out,
)
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.parts.blocks import KVCache
from arc_affinity.types import CANVAS, COLOURS, MAX_SIDE, Grid

MOST_TOKENS = CANVAS + FRAME


@dataclass(frozen=True)
class Answer:
    """What the network wrote, and its log-likelihood in nats, ends included."""

    grid: Grid
    log_likelihood: float


class _State:
    """Where each sequence of a batch is in its output, while it is written greedily.

    ``rows`` and ``cols`` are the next place; ``width`` is 0 until the first row is closed.
    """

    def __init__(self, batch: int, device: torch.device) -> None:
        self.rows = torch.zeros(batch, dtype=torch.long, device=device)
        self.cols, self.width = self.rows.clone(), self.rows.clone()
        self.likelihood = torch.zeros(batch, dtype=torch.float64, device=device)
        self.cells = torch.zeros(batch, MOST_TOKENS, dtype=torch.uint8, device=device)
        self.written = self.rows.clone()

    @property
    def places(self) -> Int[Tensor, "batch 2"]:
        """Row and column of the next token."""
        return torch.stack([self.rows, self.cols], dim=1)

    def allowed(self) -> Bool[Tensor, "batch tokens"]:
        """Which tokens may come next: a rectangle of 1-30 rows and columns must come out."""
        allowed = torch.zeros(len(self.rows), TOKENS, dtype=torch.bool, device=self.rows.device)
        first = self.rows == 0
        full = torch.where(first, self.cols == MAX_SIDE, self.rows == MAX_SIDE)
        allowed[:, :COLOURS] = ~full[:, None]
        allowed[:, ROW_END] = first & (self.cols > 0)
        allowed[:, GRID_END] = ~first & (self.cols == 0)
        return allowed

    def write(self, tokens: Int[Tensor, "batch"], likelihoods: Float[Tensor, "batch"]) -> Bool[Tensor, "batch"]:
        """Take what was chosen and return which sequences go on."""
        self.likelihood += likelihoods.double()
        # All sequences move in the same few tensor operations, so that a GPU is not asked once a sequence.
        closes = tokens == ROW_END
        self.width = torch.where(closes, self.cols, self.width)
        colour = tokens < COLOURS
        at = self.written[:, None]
        self.cells.scatter_(1, at, torch.where(colour, tokens, 0).to(torch.uint8)[:, None])
        self.written += colour
        self.cols += 1
        wraps = closes | ((self.rows > 0) & (self.cols == self.width))
        self.rows = torch.where(wraps, self.rows + 1, self.rows)
        self.cols = torch.where(wraps, 0, self.cols)
        return tokens != GRID_END

    def select(self, rows: Int[Tensor, "rows"]) -> None:
        """Keep some sequences."""
        for name, value in vars(self).items():
            setattr(self, name, value[rows])

    def answer(self, which: int) -> Answer:
        """Return what sequence number ``which`` has written."""
        written, width = int(self.written[which]), int(self.width[which])
        cells = self.cells[which, :written].cpu().numpy()
        # Only where it was cut off is the first row open, or the last one in part.
        whole = cells[: written - written % width] if width and written >= width else cells
        return Answer(whole.reshape(-1, width or written), float(self.likelihood[which]))


@torch.no_grad()
def write(model: PairTransformer, questions: Sequence[Written], most: int = MOST_TOKENS) -> list[Answer]:
    """Write the outputs of all ``questions`` as one batch, each the likeliest token at every place.

    Keys and values of what is written are kept, so a step costs one token a sequence; a sequence that has ended takes
    no part in further steps. Log-likelihoods are those of `likelihoods`, but for float error.

    Args:
        model: in evaluation mode.
        questions: inputs; their outputs, if any, are not looked at.
        most: tokens after which an output is cut off, its last row left out if it is not whole.
    """
    batch = lay_out([Written(each.input, None, each.task, each.view) for each in questions]).to(model.device)
    caches = [KVCache() for _ in model.stack]
    # The inputs in one pass: every token sees the whole input, and no padding.
    length = batch.tokens.shape[1]
    of_input = torch.arange(length, device=model.device) < batch.inputs[:, None]
    stream = model.stream(batch, of_input[:, None, None, :].expand(-1, -1, length, -1), caches)
    rows = torch.arange(len(questions), device=model.device)
    # The input's last token predicts the output's first.
    stream = stream[rows, batch.inputs - 1]
    # Which keys in the caches are tokens: those of shorter inputs have padding between input and output.
    known = of_input
    state = _State(len(questions), model.device)
    answers: dict[int, Answer] = {}
    tasks, views = batch.tasks, batch.views
    for number in range(1, most + 1):
        # In float32 whatever the model computed in, and over all tokens, as under teacher forcing, which knows of no
        # token that may not stand here: the likelihoods of both are to be the same.
        log_probabilities = model.head(model.norm(stream)).float().log_softmax(-1)
        tokens = log_probabilities.masked_fill(~state.allowed(), float("-inf")).argmax(-1)
        places = state.places
        going = state.write(tokens, log_probabilities.gather(1, tokens[:, None])[:, 0])
        if number == most:
            going = torch.zeros_like(going)
        if not bool(going.all()):
            for at in torch.nonzero(~going)[:, 0].tolist():
                answers[int(rows[at])] = state.answer(at)
            left = torch.nonzero(going)[:, 0]
            if not len(left):
                break
            # What has ended leaves the batch and the caches, or the longest output would cost all as much as itself.
            state.select(left)
            for cache in caches:
                cache.select(left)
            rows, tokens, places, known = rows[left], tokens[left], places[left], known[left]
            tasks, views = tasks[left], views[left]
        known = F.pad(known, (0, 1), value=True)
        step = _one_token(tokens, places, state.places, tasks, views)
        stream = model.stream(step, known[:, None, None, :], caches)[:, 0]
    return [answers[which] for which in range(len(questions))]


def _one_token(
    tokens: Int[Tensor, "batch"],
    places: Int[Tensor, "batch 2"],
    targets: Int[Tensor, "batch 2"],
    tasks: Int[Tensor, "batch"],
    views: Int[Tensor, "batch"],
) -> Sequences:
    one = tokens[:, None]
    return Sequences(
        tokens=one,
        places=places[:, None],
        targets=targets[:, None],
        edges=torch.full_like(places[:, None], MAX_SIDE),
        segments=torch.full_like(one, OUTPUT),
        labels=torch.full_like(one, IGNORE),
        inputs=torch.ones_like(tokens),
        tasks=tasks,
        views=views,
    )


@torch.no_grad()
def cell_log_probabilities(model: PairTransformer, pairs: Sequence[Written]) -> list[Float[np.ndarray, "steps tokens"]]:
    """Return, for each of the ``pairs``, the log-probabilities of every token at each place of its output.

    Places come in order: the first row, its end, the other rows, the grid's end. Each is given all that stands before
    it in the pair's own output (teacher forcing).
    """
    batch = lay_out(pairs).to(model.device)
    log_probabilities = model(batch).float().log_softmax(-1).cpu().numpy()
    ends = np.cumsum((batch.labels != IGNORE).sum(dim=1).cpu().numpy())[:-1]
    return list(np.split(log_probabilities, ends))


@torch.no_grad()
def likelihoods(model: PairTransformer, pairs: Sequence[Written]) -> Float[np.ndarray, "pairs"]:
    """Return the log-likelihood, in nats, of each pair's output, ends included, given its input."""
    batch = lay_out(pairs).to(model.device)
    labelled = batch.labels != IGNORE
    # Summed in float64: candidates differ by less than the rounding of some hundred float32 terms.
    losses = F.cross_entropy(model(batch).float(), batch.labels[labelled], reduction="none").double()
    owner = torch.nonzero(labelled)[:, 0]
    sums = torch.zeros(len(pairs), dtype=torch.float64, device=losses.device).index_add_(0, owner, losses)
    return -sums.cpu().numpy()
