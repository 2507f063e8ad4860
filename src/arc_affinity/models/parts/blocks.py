"""Attention and transformer layers with explicit projections, so that an adapter on any `Linear` takes effect.

Names follow torch's own layers (`self_attn`, `multihead_attn`, `linear1`, `norm1`), as the published names do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.models.parts.positions import Turn

Heads = Float[Tensor, "batch heads cells head"]
Keys = Float[Tensor, "batch heads keys head"]
Stream = Float[Tensor, "batch cells width"]


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of one attention."""

    keys: Float[Tensor, "batch heads cells head"]
    values: Float[Tensor, "batch heads cells head"]

    def select(self, rows: Int[Tensor, "rows"]) -> KeyValues:
        """Return those of some examples of the batch."""
        return KeyValues(self.keys[rows], self.values[rows])


class KVCache:
    """Keys and values of the steps so far, so that a step computes those of its own token alone.

    They lie in a buffer that doubles when full, so a step copies nothing old: n steps cost n copies in all, where
    concatenation would cost n squared.
    """

    def __init__(self) -> None:
        self._buffer: KeyValues | None = None
        self._steps = 0

    def append(self, step: KeyValues) -> KeyValues:
        """Add one step (or, at first, several) and return all."""
        begin, end = self._steps, self._steps + step.keys.shape[2]
        if self._buffer is None or end > self._buffer.keys.shape[2]:
            batch, heads, _, head = step.keys.shape
            grown = [new.new_empty(batch, heads, max(2 * end, 32), head) for new in (step.keys, step.values)]
            if self._buffer is not None:
                for new, old in zip(grown, (self._buffer.keys, self._buffer.values), strict=True):
                    new[:, :, :begin] = old[:, :, :begin]
            self._buffer = KeyValues(*grown)
        self._buffer.keys[:, :, begin:end] = step.keys
        self._buffer.values[:, :, begin:end] = step.values
        self._steps = end
        return KeyValues(self._buffer.keys[:, :, :end], self._buffer.values[:, :, :end])

    def select(self, rows: Int[Tensor, "rows"]) -> None:
        """Keep some examples of the batch."""
        self._buffer = None if self._buffer is None else self._buffer.select(rows)


Visible = Bool[Tensor, "batch 1 _cells keys"]


def attend(q: Heads, k: Keys, v: Keys, visible: Visible | None, *, causal: bool = False) -> Heads:
    """Scaled dot-product attention (arXiv 1706.03762, equation 1); ``visible`` is true on keys to look at."""
    if q.device.type == "cpu" and q.dtype == torch.bfloat16 and torch.is_grad_enabled():
        return _attend_by_matmul(q, k, v, visible, causal=causal)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible, is_causal=causal)


def _attend_by_matmul(q: Heads, k: Keys, v: Keys, visible: Visible | None, *, causal: bool) -> Heads:
    """The same by plain products: in bfloat16 on a CPU the fused kernel's backward pass is 2-5 times slower."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if causal:
        scores += scores.new_full(scores.shape[-2:], float("-inf")).triu(1)
    if visible is not None:
        scores += scores.new_zeros(visible.shape).masked_fill(~visible, float("-inf"))
    return scores.softmax(-1) @ v


class Attention(nn.Module):
    """Multi-head attention with four `Linear`s; queries and keys may be turned by 2D rotary positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} does not divide into {heads} heads")
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        for projection in (self.q_proj, self.k_proj, self.v_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)
        nn.init.zeros_(self.out_proj.bias)

    @torch.no_grad()
    def align(self, heads: int, sharpness: float) -> None:
        """Make the first ``heads`` heads look at the cell of their own place until training says otherwise (ours).

        With equal biases u on queries and keys, 2D rotation gives a pair of cells the score
        sum_i |u_i|^2 cos(rate_i x offset), largest at offset 0. ``sharpness`` is that score per rotation pair, in nats.
        """
        head = self.q_proj.out_features // self.heads
        # Scores are divided by sqrt(head), so |u_i| squared must be sharpness x sqrt(head). Rotation pairs component i
        # with i + head/2: with the first half alone set, the vector of every pair has that length.
        amplitude = math.sqrt(sharpness * math.sqrt(head))
        for bias in (self.q_proj.bias, self.k_proj.bias):
            bias.view(self.heads, head)[:heads, : head // 2] = amplitude

    def split(self, stream: Stream) -> Heads:
        """Cut the width into heads."""
        return stream.view(*stream.shape[:2], self.heads, -1).transpose(1, 2)

    def key_values(self, stream: Stream, turn: Turn | None = None) -> KeyValues:
        """Return the keys and values of ``stream``."""
        keys = self.split(self.k_proj(stream))
        return KeyValues(turn(keys) if turn else keys, self.split(self.v_proj(stream)))

    def read(
        self,
        stream: Stream,
        memory: KeyValues,
        turn: Turn | None = None,
        mask: Bool[Tensor, "batch keys"] | None = None,
        *,
        causal: bool = False,
    ) -> Stream:
        """Let every cell of ``stream`` look at ``memory`` (where ``mask`` is true)."""
        queries = self.split(self.q_proj(stream))
        visible = None if mask is None else mask[:, None, None, :]
        found = attend(turn(queries) if turn else queries, memory.keys, memory.values, visible, causal=causal)
        return self.out_proj(found.transpose(1, 2).flatten(-2))


class Layer(nn.Module):
    """What encoder and decoder layers share: the feed-forward part, which has no module of its own in the published
    names, and how a branch joins the stream."""

    def __init__(self, width: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)
        self.pre_norm = pre_norm

    def feed_forward(self, stream: Stream) -> Stream:
        """``linear2(GELU(linear1(x)))`` with dropout between."""
        return self.linear2(self.dropout(F.gelu(self.linear1(stream))))

    def add(self, stream: Stream, branch: Callable[[Stream], Stream], norm: nn.Module) -> Stream:
        """Return ``stream`` plus ``branch`` of it, normalised before the branch or, with ``pre_norm`` false, after."""
        if self.pre_norm:
            return stream + self.dropout(branch(norm(stream)))
        return norm(stream + self.dropout(branch(stream)))


class EncoderLayer(Layer):
    """Self-attention and feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__(width, hidden, dropout, pre_norm=pre_norm)
        self.self_attn = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, stream: Stream, mask: Bool[Tensor, "batch cells"] | None, turn: Turn | None = None) -> Stream:
        """Return the stream after the layer; cells where ``mask`` is false are looked at by none."""
        attention = self.self_attn
        stream = self.add(stream, lambda x: attention.read(x, attention.key_values(x, turn), turn, mask), self.norm1)
        return self.add(stream, self.feed_forward, self.norm2)


class Encoder(nn.Module):
    """Encoder layers one after the other."""

    def __init__(self, layers: int, width: int, heads: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(width, heads, hidden, dropout, pre_norm=pre_norm) for _ in range(layers)
        )

    def forward(self, stream: Stream, mask: Bool[Tensor, "batch cells"] | None, turn: Turn | None = None) -> Stream:
        """Return the stream after all layers."""
        for layer in self.stack:
            stream = layer(stream, mask, turn)
        return stream

    @property
    def stack(self) -> Iterator[EncoderLayer]:
        """The layers, by their type."""
        return cast("Iterator[EncoderLayer]", iter(self.layers))


class DecoderLayer(Layer):
    """Causal self-attention, cross-attention to the encoder's memory, feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__(width, hidden, dropout, pre_norm=pre_norm)
        self.self_attn = Attention(width, heads)
        self.multihead_attn = Attention(width, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(
        self,
        stream: Stream,
        memory: KeyValues,
        mask: Bool[Tensor, "batch keys"] | None,
        turn: Turn | None = None,
        cache: KVCache | None = None,
    ) -> Stream:
        """Return the stream after the layer: a whole sequence, or with ``cache`` the one step that follows it."""
        stream = self.add(stream, lambda x: self._look_back(x, turn, cache), self.norm1)
        stream = self.add(stream, lambda x: self.multihead_attn.read(x, memory, turn, mask), self.norm2)
        return self.add(stream, self.feed_forward, self.norm3)

    def _look_back(self, stream: Stream, turn: Turn | None, cache: KVCache | None) -> Stream:
        """Self-attention to this step and those before."""
        now = self.self_attn.key_values(stream, turn)
        if cache is None:
            return self.self_attn.read(stream, now, turn, causal=True)
        # All that is in the cache comes before this step, so there is nothing to mask.
        return self.self_attn.read(stream, cache.append(now), turn)


class Decoder(nn.Module):
    """Decoder layers; a module of its own because the published names have it (`decoder.layers`)."""

    def __init__(self, layers: int, width: int, heads: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(width, heads, hidden, dropout, pre_norm=pre_norm) for _ in range(layers)
        )

    @property
    def stack(self) -> Iterator[DecoderLayer]:
        """The layers, by their type."""
        return cast("Iterator[DecoderLayer]", iter(self.layers))
