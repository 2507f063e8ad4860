"""The network of the visual classifier: features of a task and images of its pairs to nine logits (ours)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from arc_affinity.taxonomy.by_grids.images import CHANNELS
from arc_affinity.taxonomy.categories import CODES

CLIP = 3.0
"""Standardised features beyond this many deviations are cut off there."""

SEEN = 24
"""Numbers that the images of a task come down to, twice: their mean and their maximum over pairs."""


class ClassifierNetwork(nn.Module):
    """One network; the classifier is several of them.

    A task is described by ``features`` numbers. Of the ``hidden`` units of the one hidden layer a share ``dropout`` is
    left out while training, and half as much of the features.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, hidden: int = 128, dropout: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.look = nn.Sequential(
            nn.Conv2d(CHANNELS, 16, 3, padding=1),
            nn.GELU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(16, SEEN, 3, padding=1),
            nn.GELU(),
            nn.MaxPool2d(2),
            nn.Conv2d(SEEN, SEEN, 3, padding=1),
            nn.GELU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.think = nn.Sequential(nn.Linear(features + 2 * SEEN, hidden), nn.GELU(), nn.Dropout(dropout))
        self.decide = nn.Linear(hidden, len(CODES))
        self.drop = nn.Dropout(dropout / 2)

    def forward(
        self, features: Float[Tensor, "tasks features"], images: Float[Tensor, "tasks pairs 10 15 15"]
    ) -> Float[Tensor, "tasks 9"]:
        """Return logits; the order of a task's pairs does not matter."""
        return self.decide(self.thought(features, self.seen(images)))

    def seen(self, images: Float[Tensor, "tasks pairs 10 15 15"]) -> Float[Tensor, "tasks pairs 24"]:
        """Return what each image comes down to."""
        return self.look(images.flatten(0, 1)).unflatten(0, images.shape[:2])

    def thought(
        self, features: Float[Tensor, "tasks features"], seen: Float[Tensor, "tasks pairs 24"]
    ) -> Float[Tensor, "tasks hidden"]:
        """Return the hidden units, from which `decide` makes logits."""
        usual = ((features - self.mean) / self.deviation).clamp(-CLIP, CLIP)
        return self.think(self.drop(torch.cat([usual, seen.mean(dim=1), seen.amax(dim=1)], dim=1)))
