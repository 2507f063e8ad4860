"""How a whole output relates to a whole input: turned, repeated, scaled, cut out, put together (ours)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from arc_affinity.taxonomy.by_grids.changes import explained
from arc_affinity.taxonomy.by_grids.regions import Scene
from arc_affinity.types import COLOURS, Grid


def turns(grid: Grid) -> list[Grid]:
    """Return the 8 mirrored and rotated views of a grid, itself first."""
    return [np.rot90(each, k) for each in (grid, grid.T) for k in range(4)]


def relation_features(before: Scene, after: Scene) -> dict[str, Any]:
    """Features of the two grids as wholes; shares of 0 to 1."""
    old, new = before.grid, after.grid
    likeness = [same(view, new) for view in turns(old)]
    tiles = _tiles(old, new)
    views = {view.tobytes() for view in turns(old) if view.shape == old.shape}
    parts = list(_parts(old, new.shape))
    sizes = {thing.cells.shape for thing in (*before.things, *before.groups)}
    return {
        "output is input turned": 1.0 in likeness[1:],
        "output like input turned": max(likeness[1:]) - likeness[0],
        "output like input mirrored": max(likeness[4:]),
        "output is cut out": _contains(old, new),
        "output is cut out, turned": any(_contains(old, view) for view in turns(new)),
        "output shape is cut out": _contains(before.drawn, after.drawn),
        "input is part of output": old.shape != new.shape and _contains(new, old),
        "output is tiles of input": np.mean([np.array_equal(tile, old) for tile in tiles] or [False]),
        "output tiles, turned": np.mean([tile.tobytes() in views for tile in tiles] or [False]),
        "output is input scaled": _scaled(old, new),
        "input is output scaled": _scaled(new, old),
        "output halves mirrored": max(same(half, other[:, ::-1]) for half, other in _halves(new, new.T)),
        "output halves repeated": max(same(half, other) for half, other in _halves(new, new.T)),
        "input halves combined": max((_combined(each, new) for each in parts), default=0.0),
        "input halves exist": bool(parts),
        "output is one half of input": any(np.array_equal(part, new) for each in parts for part in each),
        # The size of an object's bounding box, or of what the box encloses.
        "output is a frame's inside": new.shape in sizes or (new.shape[0] + 2, new.shape[1] + 2) in sizes,
        "output like shifted input": _shifted(old, new),
    }


def same(one: Grid, other: Grid) -> float:
    """Return the share of equal cells; 0 for other sizes."""
    return float((one == other).mean()) if one.shape == other.shape else 0.0


def _contains(whole: np.ndarray, part: np.ndarray) -> bool:
    """Whether ``part`` lies in ``whole``, which must be larger."""
    if whole.shape == part.shape or part.shape[0] > whole.shape[0] or part.shape[1] > whole.shape[1]:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(whole, part.shape)
    # One corner first, which rules out nearly all places.
    spots = np.argwhere((windows[:, :, 0, 0] == part[0, 0]) & (windows[:, :, -1, -1] == part[-1, -1]))
    found = windows[spots[:, 0], spots[:, 1]] == part
    return bool(found.all(axis=(1, 2)).any())


def _tiles(old: Grid, new: Grid) -> list[Grid]:
    """The output cut into parts of the input's size; none if it is not a larger multiple."""
    (rows, cols), (out_rows, out_cols) = old.shape, new.shape
    if out_rows % rows or out_cols % cols or old.shape == new.shape:
        return []
    spots = ((i, j) for i in range(0, out_rows, rows) for j in range(0, out_cols, cols))
    return [new[i : i + rows, j : j + cols] for i, j in spots]


def _scaled(small: Grid, large: Grid) -> float:
    """Share of the large grid's cells that enlarging the small one gets right; 0 where the sizes do not allow it."""
    (rows, cols), (out_rows, out_cols) = small.shape, large.shape
    if out_rows % rows or out_cols % cols or small.shape == large.shape:
        return 0.0
    return same(small.repeat(out_rows // rows, axis=0).repeat(out_cols // cols, axis=1), large)


def _halves(*grids: Grid) -> Iterator[tuple[Grid, Grid]]:
    """Left and right half of each, without the middle column of odd ones; a lone column is its own half."""
    for grid in grids:
        half = max(1, grid.shape[1] // 2)
        yield grid[:, :half], grid[:, -half:]


def _parts(old: Grid, shape: tuple[int, ...]) -> Iterator[tuple[Grid, ...]]:
    """Ways to cut the input into 2-4 parts of the output's size in a row or column, with or without lines between."""
    for grid, size, turned in ((old, shape, False), (old.T, shape[::-1], True)):
        if grid.shape[0] != size[0]:
            continue
        for number in (2, 3, 4):
            gap = grid.shape[1] - number * size[1]
            if gap not in (0, number - 1):
                continue
            step = size[1] + (gap > 0)
            cut = tuple(grid[:, i * step : i * step + size[1]] for i in range(number))
            yield tuple(part.T for part in cut) if turned else cut


def _combined(parts: Sequence[Grid], new: Grid) -> float:
    """Share of the output's cells that a table over the parts' cells at the same place gets right."""
    keys = sum((part.astype(np.int64) * COLOURS**i for i, part in enumerate(parts)), np.zeros(new.shape, np.int64))
    return explained(keys, new)


def _shifted(old: Grid, new: Grid) -> float:
    """The largest share of equal cells after moving the input by a cell or two; 0 for other sizes."""
    if old.shape != new.shape:
        return 0.0
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (0, 2), (2, 0)]
    return max(same(np.roll(old, step, axis=(0, 1)), new) for step in steps)
