"""Pre-norm layers with normalised queries and keys, rotary places in row and column, and a gated feed-forward part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.layout import PLACES
from arc_affinity.models.parts.blocks import KeyValues, KVCache, attend
from arc_affinity.models.parts.positions import ROTARY_BASE, ROTARY_FASTEST

Stream = Float[Tensor, "batch cells width"]
Heads = Float[Tensor, "batch heads cells head"]
Keys = Float[Tensor, "batch heads keys head"]
Angles = Float[Tensor, "batch 1 cells head"]


@dataclass(frozen=True)
class Rotation:
    """Cosines and signed sines by which queries or keys are rotated."""

    cosines: Angles
    sines: Angles

    def __call__(self, heads: Heads) -> Heads:
        """Rotate ``heads``: component i with component i + head/2."""
        first, second = heads.chunk(2, dim=-1)
        turned = heads * self.cosines + torch.cat([second, first], dim=-1) * self.sines
        # In mixed precision the angles stay exact and the products that follow are of the values' kind.
        return turned.to(heads.dtype)


class RotaryPlaces(nn.Module):
    """Half of a head's pairs rotate with the row, half with the column (arXiv 2104.09864 and 2403.13298).

    Queries rotate by the place that is to be predicted and keys by their own, so that "the cell of the input that lies
    where I am to write" is offset 0, and "the cell above" of the output one row up, whatever the width.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self, head: int) -> None:
        super().__init__()
        pairs = head // 4
        rates = ROTARY_FASTEST * ROTARY_BASE ** (-torch.arange(pairs) / pairs)
        angles = torch.arange(PLACES)[:, None] * rates
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", angles.sin(), persistent=False)

    def forward(self, places: Int[Tensor, "batch cells 2"]) -> Rotation:
        """Return the rotation of tokens at ``places``."""
        cosines, sines = self.cosines[places].flatten(-2), self.sines[places].flatten(-2)
        return Rotation(torch.cat([cosines, cosines], dim=-1)[:, None], torch.cat([-sines, sines], dim=-1)[:, None])


class Attention(nn.Module):
    """Multi-head attention; queries and keys are normalised (arXiv 2010.04245) with a learned gain each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)
        self.q_norm, self.k_norm = nn.RMSNorm(width // heads), nn.RMSNorm(width // heads)
        nn.init.zeros_(self.out_proj.weight)

    def forward(
        self,
        stream: Stream,
        query_rotation: Rotation,
        key_rotation: Rotation,
        visible: Bool[Tensor, "batch 1 cells keys"] | None,
        cache: KVCache | None,
    ) -> Stream:
        """Let every token look at those ``visible`` to it, and at those in the ``cache``."""
        queries = query_rotation(_normalised(self._split(self.q_proj(stream)), self.q_norm))
        keys = key_rotation(_normalised(self._split(self.k_proj(stream)), self.k_norm))
        values = self._split(self.v_proj(stream))
        if cache is not None:
            known = cache.append(KeyValues(keys, values))
            keys, values = known.keys, known.values
        found = attend(queries.to(values.dtype), keys.to(values.dtype), values, visible)
        return self.out_proj(found.transpose(1, 2).flatten(-2))

    def _split(self, stream: Stream) -> Heads:
        return stream.view(*stream.shape[:2], self.heads, -1).transpose(1, 2)


def _normalised(heads: Heads, norm: nn.RMSNorm) -> Heads:
    """Return ``heads`` normalised, in their own kind: with a gain of another, torch's kernel for it is not used."""
    return F.rms_norm(heads, norm.normalized_shape, norm.weight.to(heads.dtype), norm.eps)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020, arXiv 2002.05202): ``down(silu(gate(x)) * up(x))``."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.down_proj.weight)

    def forward(self, stream: Stream) -> Stream:
        """Return the branch's output."""
        return self.down_proj(F.silu(self.gate_proj(stream)) * self.up_proj(stream))


class Layer(nn.Module):
    """Attention, then the feed-forward part; both branches begin as nothing (zero output weights)."""

    def __init__(self, config: PairConfig) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = nn.RMSNorm(config.width), nn.RMSNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.feed_forward = FeedForward(config.width, config.hidden)

    def forward(
        self,
        stream: Stream,
        query_rotation: Rotation,
        key_rotation: Rotation,
        visible: Bool[Tensor, "batch 1 cells keys"] | None,
        cache: KVCache | None = None,
    ) -> Stream:
        """Return the stream after the layer."""
        stream = stream + self.attention(self.attention_norm(stream), query_rotation, key_rotation, visible, cache)
        return stream + self.feed_forward(self.feed_forward_norm(stream))
