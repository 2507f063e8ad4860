"""What a cell shows: one shared matrix of colours, for reading tokens and for writing them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.types import PAD, VOCABULARY


class ColourEmbedding(nn.Module):
    """The matrix G (11 x width). The published name "permutation-invariant" promises more than a table can do.

    With ``learned_pad`` false, PAD's row is zero and gets no gradient, as published; then PAD's logit is a constant 0.
    """

    def __init__(self, width: int, *, learned_pad: bool) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.learned_pad = learned_pad
        self.G = nn.Parameter(torch.randn(VOCABULARY, width) / self.scale)
        if not learned_pad:
            with torch.no_grad():
                self.G[PAD] = 0

    def table(self) -> Float[Tensor, "vocabulary width"]:
        """Return G, with PAD's row cut off from learning where it is fixed."""
        if self.learned_pad:
            return self.G
        return torch.cat([self.G[:PAD], self.G[PAD:].detach()])

    def forward(self, tokens: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape width"]:
        """Return the vector of each token times sqrt(width)."""
        return F.embedding(tokens, self.table()) * self.scale

    def logits(self, hidden: Float[Tensor, "*shape width"]) -> Float[Tensor, "*shape vocabulary"]:
        """Return the score of each token: the output projection tied to G (`output_fc` in the published names)."""
        return F.linear(hidden, self.table())
