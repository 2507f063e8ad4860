"""Attention and transformer layers with explicit projections, so that an adapter on any `Linear` takes effect.

Names follow torch's own layers (`self_attn`, `multihead_attn`, `linear1`, `norm1`), as the published names do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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


class Past:
    """Keys and values of the steps so far, in a buffer that doubles when full: a step copies nothing old."""

    def __init__(self) -> None:
        self._room: KeyValues | None = None
        self._steps = 0

    def append(self, step: KeyValues) -> KeyValues:
        """Add one step (or, at first, several) and return all."""
        end = self._steps + step.keys.shape[2]
        if self._room is None or end > self._room.keys.shape[2]:
            self._room = KeyValues(self._grown(0, step.keys, 2 * end), self._grown(1, step.values, 2 * end))
        self._room.keys[:, :, self._steps : end] = step.keys
        self._room.values[:, :, self._steps : end] = step.values
        self._steps = end
        return KeyValues(self._room.keys[:, :, :end], self._room.values[:, :, :end])

    def select(self, rows: Int[Tensor, "rows"]) -> None:
        """Keep some examples of the batch."""
        self._room = None if self._room is None else self._room.select(rows)

    def _grown(self, which: int, like: Heads, capacity: int) -> Float[Tensor, "batch heads room head"]:
        room = like.new_empty(*like.shape[:2], max(capacity, 32), like.shape[3])
        if self._room is not None:
            room[:, :, : self._steps] = (self._room.keys, self._room.values)[which][:, :, : self._steps]
        return room


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


class FeedForward(nn.Module):
    """What every layer does after attention; layers inherit it, as the published names have no module for it."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def feed_forward(self, stream: Stream) -> Stream:
        """``linear2(GELU(linear1(x)))`` with dropout between."""
        return self.linear2(self.dropout(F.gelu(self.linear1(stream))))


class EncoderLayer(FeedForward):
    """Self-attention and feed-forward, normalised before each branch or, with ``pre_norm`` false, after."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__(width, hidden, dropout)
        self.self_attn = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.pre_norm = pre_norm

    def forward(self, stream: Stream, mask: Bool[Tensor, "batch cells"] | None, turn: Turn | None = None) -> Stream:
        """Return the stream after the layer; cells where ``mask`` is false are looked at by none."""
        if self.pre_norm:
            stream = stream + self.dropout(self._look(self.norm1(stream), mask, turn))
            return stream + self.dropout(self.feed_forward(self.norm2(stream)))
        stream = self.norm1(stream + self.dropout(self._look(stream, mask, turn)))
        return self.norm2(stream + self.dropout(self.feed_forward(stream)))

    def _look(self, stream: Stream, mask: Bool[Tensor, "batch cells"] | None, turn: Turn | None) -> Stream:
        return self.self_attn.read(stream, self.self_attn.key_values(stream, turn), turn, mask)


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


class DecoderLayer(FeedForward):
    """Causal self-attention, cross-attention to the encoder's memory, feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__(width, hidden, dropout)
        self.self_attn = Attention(width, heads)
        self.multihead_attn = Attention(width, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.pre_norm = pre_norm

    def forward(
        self,
        stream: Stream,
        memory: KeyValues,
        mask: Bool[Tensor, "batch keys"] | None,
        turn: Turn | None = None,
        past: Past | None = None,
    ) -> Stream:
        """Return the stream after the layer: a whole sequence, or with ``past`` the one step that follows it."""
        if self.pre_norm:
            stream = stream + self.dropout(self._recall(self.norm1(stream), past, turn))
            stream = stream + self.dropout(self.multihead_attn.read(self.norm2(stream), memory, turn, mask))
            return stream + self.dropout(self.feed_forward(self.norm3(stream)))
        stream = self.norm1(stream + self.dropout(self._recall(stream, past, turn)))
        stream = self.norm2(stream + self.dropout(self.multihead_attn.read(stream, memory, turn, mask)))
        return self.norm3(stream + self.dropout(self.feed_forward(stream)))

    def _recall(self, stream: Stream, past: Past | None, turn: Turn | None) -> Stream:
        now = self.self_attn.key_values(stream, turn)
        if past is not None:
            return self.self_attn.read(stream, past.append(now), turn)
        return self.self_attn.read(stream, now, turn, causal=True)


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
