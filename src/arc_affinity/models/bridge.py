"""The bridge: how the context vector reaches the decoder (arXiv 2512.07109, section 6.1)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

Stream = Float[Tensor, "batch cells width"]


class Bridge(nn.Sequential):
    """Concatenate token and context, Linear, ReLU, LayerNorm: `context_integration` in the published names.

    Whether its result replaces the token or is added to it is not published. Ours adds (``residual``): a ReLU alone
    would throw half of each token away.
    """

    def __init__(self, width: int, context: int, *, residual: bool) -> None:
        super().__init__(nn.Linear(width + context, width), nn.ReLU(), nn.LayerNorm(width))
        self.residual = residual

    def forward(self, stream: Stream, context: Float[Tensor, "batch context"]) -> Stream:
        """Return ``stream`` informed by ``context``."""
        spread = context[:, None].expand(-1, stream.shape[1], -1)
        mixed: Stream = super().forward(torch.cat([stream, spread.to(stream.dtype)], dim=-1))
        return stream + mixed if self.residual else mixed
