"""What a cell shows: one shared matrix of colours, for reading tokens and for writing them; or one for each."""

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
    With ``shared`` false, tokens are written by a matrix of their own, learned apart from G: a plain embedding.
    """

    def __init__(self, width: int, *, learned_pad: bool, shared: bool = True) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.learned_pad = learned_pad
        self.G = self._new_table(width)
        self.written = None if shared else self._new_table(width)

    def _new_table(self, width: int) -> nn.Parameter:
        table = torch.randn(VOCABULARY, width) / self.scale
        if not self.learned_pad:
            table[PAD] = 0
        return nn.Parameter(table)

    def _learning(self, table: Float[Tensor, "vocabulary width"]) -> Float[Tensor, "vocabulary width"]:
        """Return the table, with PAD's row cut off from learning where it is fixed."""
        if self.learned_pad:
            return table
        return torch.cat([table[:PAD], table[PAD:].detach()])

    def forward(self, tokens: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape width"]:
        """Return the vector of each token times sqrt(width)."""
        return F.embedding(tokens, self._learning(self.G)) * self.scale

    def logits(self, hidden: Float[Tensor, "*shape width"]) -> Float[Tensor, "*shape vocabulary"]:
        """Return the score of each token; shared, the output projection is tied to G (`output_fc` as published)."""
        return F.linear(hidden, self._learning(self.G if self.written is None else self.written))
