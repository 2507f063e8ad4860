"""Moving all cells of a grid, where nothing is lost by it, with its inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arc_affinity.data.symmetry.augment import Augmentation, Changed
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Grid, Pair


@dataclass(frozen=True)
class Translation(Augmentation):
    """All cells moved by whole rows and columns; the border that they leave becomes background.

    It is legal for a grid if every cell that would move out is background, so that the opposite translation undoes it;
    and for a pair if input and output have one size and both are legal. No view of a task is drawn by it, as few rules
    have room for one; it is for augmentations of one's own.

    Attributes:
        rows: how far down; negative is up.
        cols: how far right; negative is left.
        background: the colour that may be lost and that fills.
    """

    rows: int
    cols: int
    background: int = 0

    def is_legal(self, grid: Grid) -> bool:
        """Return whether nothing but background would move out of ``grid``."""
        out_rows = grid[-self.rows :] if self.rows > 0 else grid[: -self.rows]
        out_cols = grid[:, -self.cols :] if self.cols > 0 else grid[:, : -self.cols]
        return bool((out_rows == self.background).all() and (out_cols == self.background).all())

    def apply(self, grid: Grid) -> Changed:
        """Return the moved ``grid``.

        Raises:
            ArcAffinityError: the translation is not legal for it.
        """
        if not self.is_legal(grid):
            raise ArcAffinityError(
                f"moving a grid by {self.rows} rows and {self.cols} columns would lose cells that are not "
                f"{self.background}"
            )
        # What moves out is background, so it may as well come in again on the other side.
        return np.roll(grid, (self.rows, self.cols), axis=(0, 1))

    def apply_pair(self, pair: Pair) -> Pair:
        """Return the pair with input and output moved alike.

        Raises:
            ArcAffinityError: the translation is not legal for it.
        """
        if pair.output is not None and pair.output.shape != pair.input.shape:
            raise ArcAffinityError("cannot move a pair whose input and output differ in size")
        return super().apply_pair(pair)

    @property
    def inverse(self) -> Translation:
        """The way back, which is legal for every grid that was moved."""
        return Translation(-self.rows, -self.cols, self.background)
