"""Where a cell is: fixed sinusoids added to a token, and rotations of queries and keys, both truly 2D."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from arc_affinity.types import CANVAS, MAX_SIDE

ROTARY_BASE, ROTARY_FASTEST = 100.0, 1.5
"""Ours: frequencies 1.5 x 100^(-i/n) turn by less than half a circle a cell and tell 30 cells apart."""


def _sinusoids(places: Int[Tensor, "places"], width: int) -> Float[Tensor, "places width"]:
    """Vaswani et al. 2017 (arXiv 1706.03762), section 3.5: sines in even columns, cosines in odd ones."""
    rates = torch.pow(10000.0, -torch.arange(0, width, 2) / width)
    angles = places[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def grid_sinusoids(width: int) -> Float[Tensor, "canvas width"]:
    """Grid2D: the first half of the width encodes the row, the second half the column (arXiv 2512.07109, 6.1)."""
    places = torch.arange(CANVAS)
    rows = _sinusoids(places // MAX_SIDE, width // 2)
    return torch.cat([rows, _sinusoids(places % MAX_SIDE, width // 2)], dim=1)


def line_sinusoids(width: int) -> Float[Tensor, "canvas width"]:
    """One dimension, as for text: the whole width encodes a cell's number in raster order."""
    return _sinusoids(torch.arange(CANVAS), width)


class SinusoidPositions(nn.Module):
    """A fixed table of sinusoids, looked up by canvas position (or, ``line``, a cell's number); the published `pe`."""

    pe: Tensor

    def __init__(self, width: int, *, line: bool = False) -> None:
        super().__init__()
        self.register_buffer("pe", (line_sinusoids if line else grid_sinusoids)(width)[None])

    def forward(self, positions: Int[Tensor, "batch cells"]) -> Float[Tensor, "batch cells width"]:
        """Return the vector of each position."""
        return self.pe[0][positions]


class Rotation(nn.Module):
    """2D rotary positions: half of a head's pairs turn with the row, half with the column.

    Rotations after Su et al. 2021 (arXiv 2104.09864), equation 34; the split over two axes as in Heo et al. 2024
    (arXiv 2403.13298), section 3.1; base and fastest rate are ours. With it q.k depends on the *offset* of two cells.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        if head_width % 4:
            raise ValueError(f"2D rotation needs a head width divisible by 4, not {head_width}")
        pairs = head_width // 4
        rates = ROTARY_FASTEST * ROTARY_BASE ** (-torch.arange(pairs) / pairs)
        places = torch.arange(CANVAS)
        angles = torch.cat([(places // MAX_SIDE)[:, None] * rates, (places % MAX_SIDE)[:, None] * rates], dim=1)
        self.register_buffer("cosines", angles.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sines", torch.cat([-angles.sin(), angles.sin()], dim=1), persistent=False)

    def forward(self, positions: Int[Tensor, "batch cells"]) -> Turn:
        """Return the turn to apply to queries or keys at ``positions``."""
        return Turn(self.cosines[positions][:, None], self.sines[positions][:, None])


class Turn:
    """The rotation of every token of a batch, ready to apply to any number of heads."""

    def __init__(self, cosines: Float[Tensor, "batch 1 cells width"], sines: Float[Tensor, "batch 1 cells width"]):
        self.cosines, self.sines = cosines, sines

    def __call__(self, heads: Float[Tensor, "batch heads cells width"]) -> Float[Tensor, "batch heads cells width"]:
        """Turn ``heads``; component i pairs with component i + width/2. The dtype stays."""
        first, second = heads.chunk(2, dim=-1)
        swapped = torch.cat([second, first], dim=-1)
        return heads * self.cosines.to(heads.dtype) + swapped * self.sines.to(heads.dtype)
