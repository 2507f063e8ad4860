"""The loss barrier between models: how far the loss rises on the straight way from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import IGNORE, Batch, collate
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.models.adapters.merging import between
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.training.pretraining.module import output_loss

THRESHOLD = 0.5
"""Above it two models count as separated (arXiv 2512.07109, whose largest barrier is 0.0605)."""

STEPS = 5
"""Points on a way, its ends included."""


@dataclass(frozen=True)
class Barrier:
    """A way between two models: the losses (nats a token) at equal steps, ends included."""

    start: str
    end: str
    losses: tuple[float, ...]

    @property
    def height(self) -> float:
        """Greatest rise above the straight line between the ends' losses (Frankle et al. 2020, arXiv 1912.05671)."""
        last = len(self.losses) - 1
        line = [self.losses[0] + (self.losses[-1] - self.losses[0]) * k / last for k in range(last + 1)]
        return max(loss - straight for loss, straight in zip(self.losses, line, strict=True))


def fixed_sample(store: ExampleStore, pairs: int, most: int = 72) -> list[Batch]:
    """Return up to ``most`` examples of a store, spread evenly, in batches; always the same."""
    chosen = [i * len(store) // most for i in range(most)] if len(store) > most else list(range(len(store)))
    examples = [context.from_store(store, i, pairs=pairs, seed=0, epoch=0) for i in chosen]
    plan = plan_batches(token_counts(store.sizes[chosen]), BatchRules(12_288, 32, 0), 0)
    return [collate([examples[i] for i in batch]) for batch in plan]


@torch.no_grad()
def sample_loss(model: EncoderDecoder, sample: Sequence[Batch]) -> float:
    """Mean loss (nats a token) over a sample."""
    total, tokens = 0.0, 0
    for each in sample:
        batch = each.to(model.device)
        assert batch.target is not None
        steps = int((batch.target != IGNORE).sum())
        total, tokens = total + float(output_loss(model(batch), batch)) * steps, tokens + steps
    return total / tokens


def barrier(
    start: tuple[str, EncoderDecoder], end: tuple[str, EncoderDecoder], sample: Sequence[Batch], steps: int = STEPS
) -> Barrier:
    """Measure the way between two models of the same parts."""
    ways = [between(start[1], end[1], k / (steps - 1)) for k in range(steps)]
    return Barrier(start[0], end[0], tuple(sample_loss(model, sample) for model in ways))
