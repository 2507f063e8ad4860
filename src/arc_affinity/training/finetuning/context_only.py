"""The baseline without a gradient: show a task's most helpful demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import IGNORE, collate
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import example_losses
from arc_affinity.training.finetuning.split import TaskSplit
from arc_affinity.types import Example, Pair

DRAWS = 16
"""Draws of demonstrations that are compared."""

QUERIES = 32
"""Queries that they are compared on: of the validation part, or else of the training part."""


def best_demonstrations(model: EncoderDecoder, split: TaskSplit, pairs: int, seed: int) -> tuple[int, ...]:
    """Return the places of that of `DRAWS` draws of training pairs under which the model's loss is lowest (ours).

    The test part is not looked at. Where the queries are training pairs, a draw that shows one cannot be asked for it;
    so each query's losses are compared with their mean over the draws that can, lest a draw win by hiding what is hard.
    """
    queries = (split.validation or split.train)[:QUERIES]
    draws = [tuple(map(int, context.draw(len(split.train), pairs, seed, draw, 0))) for draw in range(DRAWS)]
    shown = [tuple(split.train[k] for k in places) for places in draws]
    losses = np.array([_losses(model, split.task_id, queries, each) for each in shown])
    known = np.isfinite(losses)
    usual = np.where(known, losses, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    over = np.where(known, losses - usual, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    # A draw that shows every query is as good as the mean.
    return draws[int(over.argmin())]


@torch.no_grad()
def _losses(
    model: EncoderDecoder, task_id: str, queries: Sequence[Pair], shown: tuple[Pair, ...]
) -> Float[np.ndarray, "queries"]:
    """Loss of each query under these demonstrations, nats a token; NaN where it is among them."""
    losses = np.full(len(queries), np.nan)
    places = [i for i, pair in enumerate(queries) if all(pair is not other for other in shown)]
    places.sort(key=lambda i: queries[i].input.size)  # like sizes share a batch
    for first in range(0, len(places), 8):
        some = places[first : first + 8]
        batch = collate([Example(task_id, i, queries[i], shown) for i in some]).to(model.device)
        assert batch.target is not None
        tokens = (batch.target != IGNORE).sum(dim=1)
        losses[some] = (example_losses(model(batch), batch) / tokens).cpu().numpy()
    return losses
