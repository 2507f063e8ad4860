"""Which layers a low-rank change is for, and its size; nothing here needs torch, so that settings are quick to read."""

from __future__ import annotations

from dataclasses import dataclass

FEED_FORWARD = r"(encoder|decoder)\.layers\.\d+\.linear[12]"
"""Both feed-forward layers of every encoder and decoder layer: 102,400 parameters at rank 16 on the champion."""


@dataclass(frozen=True)
class LoraSpec:
    """Which `Linear`s get a change (a regular expression for their whole name), its rank, and alpha.

    Defaults are the published ones (arXiv 2512.07109: rank 16, alpha 32, linear1 and linear2).
    """

    rank: int = 16
    alpha: float = 32.0
    pattern: str = FEED_FORWARD

    @property
    def scale(self) -> float:
        """Factor on the product: alpha / rank (Hu et al. 2021, arXiv 2106.09685, section 4.1)."""
        return self.alpha / self.rank
