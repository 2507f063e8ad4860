"""The loss barrier between models: how far the loss rises on the straight line from one to another."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import Batch, collate
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import teacher_forced

THRESHOLD = 0.5
"""Above it two models count as separated (arXiv 2512.07109, whose largest barrier is 0.0605)."""

STEPS = 5
"""Points on a line, its ends included."""


@dataclass(frozen=True)
class Barrier:
    """A straight line between two models: the losses (nats a token) at equal steps, ends included."""

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
def between(start: EncoderDecoder, end: EncoderDecoder, share: float) -> EncoderDecoder:
    """Return the model ``share`` (0-1) of the straight line from ``start`` to ``end``."""
    middle = copy.deepcopy(start)
    goal = end.state_dict()
    for name, value in middle.state_dict().items():
        value.lerp_(goal[name], share)
    return middle


def barrier(
    start: tuple[str, EncoderDecoder], end: tuple[str, EncoderDecoder], sample: Sequence[Batch], steps: int = STEPS
) -> Barrier:
    """Measure the line between two named models of the same parts."""
    line = [between(start[1], end[1], k / (steps - 1)) for k in range(steps)]
    return Barrier(start[0], end[0], tuple(teacher_forced(model, sample, model.device).loss for model in line))
