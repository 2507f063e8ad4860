"""The bridge: how the context vector reaches the decoder (arXiv 2512.07109, section 6.1)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

Stream = Float[Tensor, "batch cells width"]


class Bridge(nn.Module):
    """Concatenate token and context, Linear, ReLU, LayerNorm: `context_integration` in the published names.

    Whether its result replaces the token or is added to it is not published. Ours adds (``residual``): a ReLU alone
    would throw half of each token away.
    """

    def __init__(self, width: int, context: int, *, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        # Numbered as in the published names, where these three stand in a Sequential.
        self.add_module("0", nn.Linear(width + context, width))
        self.add_module("1", nn.ReLU())
        self.add_module("2", nn.LayerNorm(width))

    def forward(self, stream: Stream, context: Float[Tensor, "batch context"]) -> Stream:
        """Return ``stream`` informed by ``context``."""
        spread = context[:, None].expand(-1, stream.shape[1], -1)
        mixed = torch.cat([stream, spread.to(stream.dtype)], dim=-1)
        for part in self.children():
            mixed = part(mixed)
        return stream + mixed if self.residual else mixed
