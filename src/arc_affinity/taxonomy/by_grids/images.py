"""Pairs as small images without colours: what lies where, and where it changed (ours)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from arc_affinity.taxonomy.by_grids.regions import Scene
from arc_affinity.types import MAX_SIDE, Grid, Pair

SIDE = 15
"""Rows and columns of an image; a pixel is the mean over 2 x 2 cells."""

CHANNELS = 10

Image = Float[np.ndarray, "10 15 15"]


def pair_image(pair: Pair) -> Image:
    """Return a pair as `CHANNELS` planes of shares, 0 beyond the grids.

    Of input and output each: on the grid, drawn (not background), unlike the right neighbour, unlike the one
    below. Then, over the cells that both have: changed, and changed from background.
    """
    assert pair.output is not None
    before, after = Scene(pair.input), Scene(pair.output)
    rows, cols = np.minimum(pair.input.shape, pair.output.shape)
    common = (slice(rows), slice(cols))
    changed = pair.input[common] != pair.output[common]
    planes = np.zeros((CHANNELS, MAX_SIDE, MAX_SIDE), np.float32)
    _describe(planes[:4], before)
    _describe(planes[4:8], after)
    planes[8, :rows, :cols] = changed
    planes[9, :rows, :cols] = changed & ~before.drawn[common]
    return planes.reshape(CHANNELS, SIDE, 2, SIDE, 2).mean(axis=(2, 4))


def _describe(planes: Float[np.ndarray, "4 30 30"], scene: Scene) -> None:
    grid: Grid = scene.grid
    rows, cols = grid.shape
    planes[0, :rows, :cols] = 1
    planes[1, :rows, :cols] = scene.drawn
    planes[2, :rows, : cols - 1] = grid[:, 1:] != grid[:, :-1]
    planes[3, : rows - 1, :cols] = grid[1:] != grid[:-1]
