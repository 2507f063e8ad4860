"""What teacher forcing measures: the loss of an output, and which of its steps are right.

The model is shown the true tokens before each step. Losses are cross-entropies in nats over the tokens that may stand
at a step, the same that decoding chooses among.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.data.batching.batch import IGNORE, Batch
from arc_affinity.data.batching.tokens import pad_is_legal
from arc_affinity.types import CANVAS, PAD, VOCABULARY

PAD_LEGAL: Bool[Tensor, "canvas"] = torch.from_numpy(pad_is_legal(np.arange(CANVAS)))


def mask_illegal(
    logits: Float[Tensor, "*shape vocabulary"], positions: Int[Tensor, "*shape"]
) -> Float[Tensor, "*shape vocabulary"]:
    """Return ``logits`` with PAD at -inf wherever no row and no grid can end (see `data.batching.tokens`)."""
    illegal = torch.zeros_like(logits, dtype=torch.bool)
    illegal[..., PAD] = ~PAD_LEGAL.to(logits.device)[positions]
    return logits.masked_fill(illegal, float("-inf"))


def steps_right(logits: Float[Tensor, "batch steps vocabulary"], batch: Batch) -> Bool[Tensor, "batch steps"]:
    """Return which steps are right given the true steps before them; steps beyond an example's end are right.

    An example is solved by greedy decoding if and only if all its steps are right here: both choose among the same
    legal tokens, and as long as the steps are right both see the same ones before.
    """
    assert batch.target is not None and batch.target_positions is not None
    chosen = mask_illegal(logits, batch.target_positions).argmax(dim=-1)
    return (chosen == batch.target) | (batch.target == IGNORE)


def mean_loss(
    logits: Float[Tensor, "batch steps vocabulary"], batch: Batch, pad_weight: float = 1.0
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy (nats) over the steps of all outputs.

    The two PADs of an output, which decide its size, count ``pad_weight`` times as much as a cell; the mean is over
    weights then, as in `torch.nn.functional.cross_entropy`.
    """
    assert batch.target is not None and batch.target_positions is not None
    # In float32 whatever the model computed in: exp and log of 8 bits of mantissa would lose what training is after.
    scores = mask_illegal(logits.float(), batch.target_positions)
    weights = scores.new_ones(VOCABULARY)
    weights[PAD] = pad_weight
    return F.cross_entropy(scores.flatten(0, 1), batch.target.flatten(), weights, ignore_index=IGNORE)


def example_losses(logits: Float[Tensor, "batch steps vocabulary"], batch: Batch) -> Float[Tensor, "batch"]:
    """Return the cross-entropy (nats) of each example, summed over the steps of its output."""
    assert batch.target is not None and batch.target_positions is not None
    scores = mask_illegal(logits.float(), batch.target_positions)
    losses = F.cross_entropy(scores.flatten(0, 1), batch.target.flatten(), ignore_index=IGNORE, reduction="none")
    return losses.view_as(batch.target).sum(dim=1)


@dataclass(frozen=True)
class TeacherForced:
    """Means over examples: the loss in nats a token, and the share of outputs that are right at every step."""

    loss: float
    exact: float


@torch.no_grad()
def teacher_forced(model: nn.Module, batches: Iterable[Batch], device: torch.device) -> TeacherForced:
    """Return how ``model`` (in evaluation mode, on ``device``) does on batches whose outputs are known."""
    loss, tokens, right, examples = 0.0, 0, 0, 0
    for each in batches:
        batch = each.to(device)
        logits = model(batch)
        assert batch.target is not None
        # Every token counts alike: a mean of the batches' means would favour the tokens of small batches.
        loss += float(example_losses(logits, batch).sum())
        tokens += int((batch.target != IGNORE).sum())
        right += int(steps_right(logits.float(), batch).all(dim=1).sum())
        examples += len(batch)
    return TeacherForced(loss / tokens, right / examples)
