"""Losses and what is right under teacher forcing, against sums written out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from arc_affinity.data.batching.batch import IGNORE, collate
from arc_affinity.data.batching.tokens import encode_grid, pad_is_legal
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import example_losses, mask_illegal, mean_loss, steps_right, teacher_forced
from arc_affinity.types import PAD, VOCABULARY, Example

Make = Callable[..., list[Example]]


@pytest.mark.parametrize("pad_weight", [1.0, 4.0])
def test_loss_is_the_mean_over_legal_tokens(examples: Make, pad_weight: float) -> None:
    batch = collate(examples([((3, 5), (2, 3)), ((3, 5), (5, 1))]))
    logits = torch.randn(2, batch.target.shape[1], VOCABULARY, generator=torch.manual_seed(3))
    total = weight = 0.0
    for row, each in zip(logits.double(), batch.examples, strict=True):
        for scores, token, place in zip(row, *encode_grid(each.query.output), strict=False):
            legal = [k for k in range(VOCABULARY) if k != PAD or pad_is_legal(np.array([place]))[0]]
            counts = pad_weight if token == PAD else 1.0
            total += counts * (math.log(sum(math.exp(scores[k]) for k in legal)) - float(scores[token]))
            weight += counts
    assert float(mean_loss(logits, batch, pad_weight)) == pytest.approx(total / weight, rel=1e-5)


def test_the_losses_of_examples_make_up_the_loss(examples: Make) -> None:
    batch = collate(examples([((3, 5), (2, 3)), ((3, 5), (5, 1))]))
    logits = torch.randn(2, batch.target.shape[1], VOCABULARY, generator=torch.manual_seed(3))
    tokens = (batch.target != IGNORE).sum(dim=1)
    losses = example_losses(logits, batch)
    assert float(losses.sum() / tokens.sum()) == pytest.approx(float(mean_loss(logits, batch)), rel=1e-5)
    for row, each in enumerate(batch.examples):
        alone = collate([each])
        steps = alone.target.shape[1]
        assert float(losses[row] / tokens[row]) == pytest.approx(
            float(mean_loss(logits[row : row + 1, :steps], alone)), rel=1e-5
        )


def test_means_over_batches_are_over_their_tokens_and_examples(
    build: Callable[..., EncoderDecoder], examples: Make
) -> None:
    """Batches of different sizes must not weigh alike."""
    model, made = build(), examples()
    batches = [collate(made[:1]), collate(made[1:])]
    found = teacher_forced(model, batches, torch.device("cpu"))
    whole = collate(made)
    with torch.no_grad():
        logits = model(whole)
    assert found.loss == pytest.approx(float(mean_loss(logits, whole)), rel=1e-4)
    right = steps_right(logits, whole).all(dim=1)
    assert found.exact == pytest.approx(float(right.float().mean()))


def test_one_wrong_step_makes_an_output_wrong(examples: Make) -> None:
    whole = collate(examples())
    assert whole.target is not None
    logits = torch.nn.functional.one_hot(whole.target.clamp(min=0), VOCABULARY).float()
    assert steps_right(logits, whole).all()
    logits[2, 1] = logits[2, 1].roll(1)
    assert steps_right(logits, whole).all(dim=1).tolist() == [True, True, False, True, True]


def test_where_pad_may_stand() -> None:
    """By hand on the first places of the canvas's first two rows."""
    places = torch.tensor([0, 1, 29, 30, 31, 59, 60, 870, 871])
    allowed = mask_illegal(torch.zeros(9, VOCABULARY), places)[:, PAD].isfinite()
    assert allowed.tolist() == [False, True, True, True, False, False, True, True, False]
    assert mask_illegal(torch.zeros(9, VOCABULARY), places)[:, :PAD].isfinite().all()
