"""A forest of decision trees as plain arrays: small, without code in it, and asked without the library that grew it.

Trees are extremely randomised (Geurts, Ernst and Wehenkel 2006, doi 10.1007/s10994-006-6226-1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int16, Int32, UInt8

from arc_affinity.taxonomy.categories import CODES

LEAF = -1
"""What stands for a feature where a tree ends."""


@dataclass(frozen=True)
class Forest:
    """Trees whose nodes follow each other, a node's left child behind it.

    Attributes:
        roots: first node of each tree.
        feature: what a node asks about; `LEAF` at the end.
        limit: go left where the feature is at most this.
        right: node to go to otherwise; of a leaf its row in ``shares``.
        shares: of the categories among the training tasks in a leaf, in 255ths.
    """

    roots: Int32[np.ndarray, "trees"]
    feature: Int16[np.ndarray, "nodes"]
    limit: Float[np.ndarray, "nodes"]
    right: Int32[np.ndarray, "nodes"]
    shares: UInt8[np.ndarray, "leaves 9"]

    def probabilities(self, rows: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows 9"]:
        """Return the mean over trees of the shares in the leaf where each row ends."""
        number = np.arange(len(rows))[:, None]
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots))).astype(np.int64)
        while (inner := self.feature[node] != LEAF).any():
            asked = np.where(inner, self.feature[node], 0)
            left = rows[number, asked] <= self.limit[node]
            node = np.where(inner, np.where(left, node + 1, self.right[node]), node)
        found = self.shares[self.right[node]].astype(np.float32).mean(axis=1)
        return found / found.sum(axis=1, keepdims=True)


def check_sound(forest: Forest, features: int) -> None:
    """Refuse a forest that does not lead every row of ``features`` numbers down to a leaf.

    Raises:
        ValueError: saying what is wrong.
    """
    kinds = (forest.roots, np.int32, 1), (forest.feature, np.int16, 1), (forest.right, np.int32, 1)
    for array, kind, dimensions in (*kinds, (forest.shares, np.uint8, 2)):
        if array.dtype != kind or array.ndim != dimensions:
            raise ValueError(f"an array of the forest is {array.dtype}{list(array.shape)}")
    nodes, leaf = len(forest.feature), forest.feature == LEAF
    if forest.limit.shape != (nodes,) or forest.right.shape != (nodes,) or forest.shares.shape[1] != len(CODES):
        raise ValueError("the arrays of the forest do not fit together")
    inner, last = np.flatnonzero(~leaf), len(forest.shares)
    right = forest.right[inner]
    sound = (
        bool(len(forest.roots))
        and bool(((forest.roots >= 0) & (forest.roots < nodes)).all())
        and bool(((forest.feature[inner] >= 0) & (forest.feature[inner] < features)).all())
        # Children come behind their node, so every way down ends.
        and bool(((right > inner) & (right < nodes) & (inner + 1 < nodes)).all())
        and bool(((forest.right[leaf] >= 0) & (forest.right[leaf] < last)).all())
        and bool((forest.shares.sum(axis=1) > 0).all())
    )
    if not sound:
        raise ValueError("a node of the forest leads nowhere")
