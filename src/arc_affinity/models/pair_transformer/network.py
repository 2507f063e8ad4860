"""The network: what a token is, the layers, and what follows a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.layers import Layer, RotaryPlaces
from arc_affinity.models.pair_transformer.layout import IGNORE, PLACES, TOKENS, Sequences
from arc_affinity.models.parts.blocks import KVCache
from arc_affinity.types import MAX_SIDE

VIEWS = 8
"""Dihedral views, each with a learned vector: the network is told how the pair was turned."""

TABLE_SCALE = 0.02
"""Standard deviation of every learned table's first values, as in GPT-2."""


class PairTransformer(nn.Module):
    """A decoder-only transformer whose input part is seen from everywhere (a prefix language model, arXiv 1910.10683).

    A token is the sum of learned vectors: its id, its segment, the place that it works for (row and column, see
    `Sequences.targets`), the rows below and columns right of it, the task and the view.
    """

    def __init__(self, config: PairConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(TOKENS, config.width)
        self.segments = nn.Embedding(2, config.width)
        self.rows, self.cols = nn.Embedding(PLACES, config.width), nn.Embedding(PLACES, config.width)
        self.below, self.right = nn.Embedding(MAX_SIDE + 1, config.width), nn.Embedding(MAX_SIDE + 1, config.width)
        self.tasks = nn.Embedding(config.tasks, config.width)
        self.views = nn.Embedding(VIEWS, config.width)
        self.rotary = RotaryPlaces(config.width // config.heads)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width)
        self.head = nn.Linear(config.width, TOKENS, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=TABLE_SCALE)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    @property
    def stack(self) -> Iterator[Layer]:
        """The layers in the order in which they are applied: all of them, as often as there are loops."""
        return (cast("Layer", layer) for _ in range(self.config.loops) for layer in self.layers)

    def parameter_count(self) -> int:
        """Number of trained parameters, the task vectors among them."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, batch: Sequences) -> Float[Tensor, "labelled tokens"]:
        """Return the logits of what follows each token that has a label, sequence by sequence."""
        stream = self.stream(batch, batch.visible()[:, None])
        return self.head(self.norm(stream[batch.labels != IGNORE]))

    def stream(
        self,
        batch: Sequences,
        visible: Bool[Tensor, "batch 1 cells keys"] | None,
        caches: Sequence[KVCache] | None = None,
    ) -> Float[Tensor, "batch cells width"]:
        """Return the stream after the layers, before the last norm; one cache for each layer of `stack`, if any."""
        stream = self.embed(batch)
        query_rotation, key_rotation = self.rotary(batch.targets), self.rotary(batch.places)
        for number, layer in enumerate(self.stack):
            stream = layer(stream, query_rotation, key_rotation, visible, None if caches is None else caches[number])
        return stream

    def embed(self, batch: Sequences) -> Float[Tensor, "batch cells width"]:
        """Return the sum of the vectors of each token."""
        whole = self.tasks(batch.tasks) + self.views(batch.views)
        place = self.rows(batch.targets[..., 0]) + self.cols(batch.targets[..., 1])
        edge = self.below(batch.edges[..., 0]) + self.right(batch.edges[..., 1])
        return self.tokens(batch.tokens) + self.segments(batch.segments) + place + edge + whole[:, None]
