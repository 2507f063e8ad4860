"""The sizes of a pair transformer: one frozen value, saved beside its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from arc_affinity.errors import ArcAffinityError

LARGEST = 10_000
"""Bound on every size: a configuration from a file is checked before anything is built."""


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
    """

    width: int = 128
    heads: int = 4
    layers: int = 6
    hidden: int = 384
    tasks: int = 1
    loops: int = 1

    @property
    def least_weights(self) -> int:
        """Numbers that a network of these sizes has at least: those of its matrices and task vectors."""
        layer = 4 * self.width**2 + 3 * self.width * self.hidden
        return self.layers * layer + self.tasks * self.width

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            most = 10 * LARGEST if name == "tasks" else LARGEST
            if type(value) is not int or not 1 <= value <= most:
                raise ArcAffinityError(f"{name} must be a whole number from 1 to {most}, not {value!r:.40}")
        if self.width % (4 * self.heads):
            raise ArcAffinityError(
                f"width {self.width} does not divide into {self.heads} heads of a width divisible by 4"
            )
