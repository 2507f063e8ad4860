"""Demonstrations as one vector a task (arXiv 2512.07109, sections 6.1 and 7.11), or as all their tokens (ours)."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.data.batching.batch import GridStack, Shelf
from arc_affinity.models.parts.blocks import Attention, Encoder
from arc_affinity.models.parts.colours import ColourEmbedding
from arc_affinity.models.parts.positions import SinusoidPositions

INPUT_GRID, OUTPUT_GRID = 0, 1


class ContextEncoder(nn.Module):
    """Summarise demonstrations in one vector.

    Published are the parts and their shapes, not their wiring. Ours: `pixel_ctx` reads input grids and `pixel_q` output
    grids; a grid is the mean of its cells; each output grid looks at the input grids of all pairs and adds what it
    found; `attn_proj` weighs the pairs. Nothing depends on the order of the pairs. It runs in float32, where heads of 8
    are faster on a CPU than in bfloat16. With ``normalise`` the vector has mean 0 and variance 1: what tells tasks
    apart is small beside what all share, and starts too faint otherwise.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        layers: int,
        *,
        pre_norm: bool,
        mask_padding: bool,
        normalise: bool,
        line: bool,
    ) -> None:
        super().__init__()
        self.mask_padding, self.normalise = mask_padding, normalise
        self.embedding = ColourEmbedding(width, learned_pad=False)
        self.pos_encoder = SinusoidPositions(width, line=line)
        self.grid_type_embedding = nn.Embedding(2, width)
        self.pixel_ctx = Encoder(layers, width, heads, hidden, 0.0, pre_norm=pre_norm)
        self.pixel_q = Encoder(layers, width, heads, hidden, 0.0, pre_norm=pre_norm)
        self.cross_attn = Attention(width, heads)
        self.attn_proj = nn.Linear(width, 1, bias=False)
        self._known: dict[bytes, Float[Tensor, "context"]] | None = None

    @contextlib.contextmanager
    def remembering(self) -> Iterator[None]:
        """Read a grid that comes again only once, where its vector is the same each time: none of the encoder's weights
        is trained, and padding is not looked at. On a GPU, where reading is cheap and looking for grids is not, all
        are read."""
        trained = any(parameter.requires_grad for parameter in self.parameters())
        if not trained and self.mask_padding and self.attn_proj.weight.device.type == "cpu":
            self._known = {}
        try:
            yield
        finally:
            self._known = None

    def forward(self, inputs: Shelf, outputs: Shelf) -> Float[Tensor, "batch context"]:
        """Return the context vector of every example."""
        with torch.autocast(inputs.place.device.type, enabled=False):
            questions = self._grids(inputs, self.pixel_ctx, INPUT_GRID)
            answers = self._grids(outputs, self.pixel_q, OUTPUT_GRID)
            pairs = answers + self.cross_attn.read(answers, self.cross_attn.key_values(questions))
            weights = self.attn_proj(pairs).softmax(dim=1)
            context = (weights * pairs).sum(dim=1)
            return F.layer_norm(context, context.shape[-1:]) if self.normalise else context

    def _grids(self, shelf: Shelf, pixels: Encoder, kind: int) -> Float[Tensor, "batch pairs context"]:
        """Return one vector a grid, put back in the order of the examples."""
        summary = self._summary if self._known is None else self._remembered
        vectors = torch.cat([summary(stack, pixels, kind) for stack in shelf.stacks])
        return vectors[shelf.place]

    def _remembered(self, stack: GridStack, pixels: Encoder, kind: int) -> Float[Tensor, "grids context"]:
        known = self._known
        assert known is not None
        keys = [bytes([kind]) + name for name in _names(stack)]
        new = {key: row for row, key in enumerate(keys) if key not in known}
        if new:
            known.update(zip(new, self._summary(stack.rows([*new.values()]), pixels, kind), strict=True))
        return torch.stack([known[key] for key in keys])

    def _summary(self, stack: GridStack, pixels: Encoder, kind: int) -> Float[Tensor, "grids context"]:
        cells = self.embedding(stack.tokens) + self.pos_encoder(stack.positions)
        cells = cells + self.grid_type_embedding.weight[kind]
        mask = stack.mask
        cells = pixels(cells, mask if self.mask_padding else None)
        share = mask if self.mask_padding else torch.ones_like(mask)
        weights = share / share.sum(dim=1, keepdim=True)
        return (cells * weights[:, :, None]).sum(dim=1)


def _names(stack: GridStack) -> list[bytes]:
    """Return a digest of each grid: its tokens and their places, without what fills the stack up."""
    rows = zip(stack.tokens.numpy(), stack.positions.numpy(), stack.mask.numpy(), strict=True)
    kept = (np.stack([tokens[own], places[own]]).tobytes() for tokens, places, own in rows)
    return [hashlib.blake2b(each, digest_size=16).digest() for each in kept]


@dataclass(frozen=True)
class Memory:
    """Tokens to attend to: what the encoder made of them, their places, and which of them are no padding."""

    stream: Float[Tensor, "batch tokens width"]
    positions: Int[Tensor, "batch tokens"]
    mask: Bool[Tensor, "batch tokens"]


class DemonstrationTokens(nn.Module):
    """The tokens of all demonstrations of an example side by side, in place of a context vector (ours).

    Each grid is read alone, by the encoder that reads queries; then an embedding tells which pair it is of, and whether
    it is an input or an output.
    """

    def __init__(self, width: int, pairs: int) -> None:
        super().__init__()
        self.grid_embedding = nn.Parameter(torch.randn(2, pairs, width))

    def forward(
        self, inputs: Shelf, outputs: Shelf, read: Callable[[GridStack], Float[Tensor, "grids steps width"]]
    ) -> Memory:
        """Return the demonstrations of every example; ``read`` is the encoder."""
        streams, places, masks = [], [], []
        for shelf, grids in zip((inputs, outputs), self.grid_embedding, strict=True):
            stream = _side_by_side(shelf, [read(stack) for stack in shelf.stacks])
            streams.append((stream + grids[:, None]).flatten(1, 2))
            places.append(_side_by_side(shelf, [stack.positions for stack in shelf.stacks]).flatten(1))
            masks.append(_side_by_side(shelf, [stack.mask for stack in shelf.stacks]).flatten(1))
        stream, positions, mask = (torch.cat(parts, dim=1) for parts in (streams, places, masks))
        # An example's own tokens come first, so that all but the longest example's padding can be cut off.
        order = mask.int().argsort(dim=1, descending=True, stable=True)[:, : int(mask.sum(dim=1).max())]
        tokens = stream.gather(1, order[:, :, None].expand(-1, -1, stream.shape[2]))
        return Memory(tokens, positions.gather(1, order), mask.gather(1, order))


def _side_by_side(shelf: Shelf, stacks: Sequence[Tensor]) -> Tensor:
    """Return what belongs to each grid's tokens as (batch, pairs, tokens, ...), zeros behind shorter grids."""
    longest = max(each.shape[1] for each in stacks)
    filled = [F.pad(each, (0, 0) * (each.ndim - 2) + (0, longest - each.shape[1])) for each in stacks]
    return torch.cat(filled)[shelf.place]
