"""The baseline without a gradient: show a task's most helpful demonstrations."""

from __future__ import annotations

import torch

from arc_affinity.data import context
from arc_affinity.data.batch import IGNORE, collate
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.training.module import output_loss
from arc_affinity.training.tuning import Parts
from arc_affinity.types import Example, Pair

DRAWS = 16
"""Draws of demonstrations that are compared."""

ASKED = 32
"""Queries that they are compared on: of the validation part, or else of the training part."""


def best_demonstrations(model: EncoderDecoder, parts: Parts, pairs: int, seed: int) -> tuple[Pair, ...]:
    """Return those of `DRAWS` draws of training pairs under which the model's loss is lowest (ours).

    The test part is not looked at.
    """
    asked = (parts.validation or parts.train)[:ASKED]
    draws = [context.draw(len(parts.train), pairs, seed, draw, 0) for draw in range(DRAWS)]
    shown = [tuple(parts.train[int(k)] for k in drawn) for drawn in draws]
    return min(shown, key=lambda pairs: _loss(model, _ask(parts.task_id, asked, pairs)))


def _ask(task_id: str, asked: tuple[Pair, ...], shown: tuple[Pair, ...]) -> list[Example]:
    """The queries under these demonstrations, but for those that are among them."""
    questions = [Example(task_id, i, pair, shown) for i, pair in enumerate(asked)]
    return [q for q in questions if all(q.query is not pair for pair in shown)] or questions


@torch.no_grad()
def _loss(model: EncoderDecoder, examples: list[Example]) -> float:
    """Mean loss, nats a token; the longest examples together."""
    examples = sorted(examples, key=lambda e: e.query.input.size)
    total, tokens = 0.0, 0
    for first in range(0, len(examples), 8):
        batch = collate(examples[first : first + 8]).to(model.device)
        assert batch.target is not None
        steps = int((batch.target != IGNORE).sum())
        total, tokens = total + float(output_loss(model(batch), batch)) * steps, tokens + steps
    return total / tokens
