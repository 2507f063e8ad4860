"""The sizes of a pair transformer: one frozen value, saved beside its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from arc_affinity.documents import check_fields
from arc_affinity.errors import ArcAffinityError

# Bounds are told before anything is built.
Size = Annotated[int, Meta(ge=1, le=10_000)]


@dataclass(frozen=True)
class PairConfig:
    """Sizes of the network and the number of tasks that it has vectors for.

    Attributes:
        width: of the stream.
        heads: of every attention; a head's width is divisible by 4.
        layers: one after the other, each with weights of its own.
        loops: how often the whole row of layers is gone through, with the same weights (arXiv 1807.03819).
        hidden: of the feed-forward part.
        tasks: learned task vectors.

    Raises:
        ArcAffinityError: a size is out of range, or the width does not divide into the heads.
    """

    width: Size = 128
    heads: Size = 4
    layers: Size = 6
    hidden: Size = 384
    tasks: Annotated[int, Meta(ge=1, le=100_000)] = 1
    loops: Size = 1

    def __post_init__(self) -> None:
        check_fields(self)
        if self.width % (4 * self.heads):
            raise ArcAffinityError(
                f"width {self.width} does not divide into {self.heads} heads of a width divisible by 4"
            )

    @property
    def least_weights(self) -> int:
        """Numbers that a network of these sizes has at least: those of its matrices and task vectors."""
        layer = 4 * self.width**2 + 3 * self.width * self.hidden
        return self.layers * layer + self.tasks * self.width
