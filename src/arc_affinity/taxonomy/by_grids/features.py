"""Numbers that tell one kind of rule from another, from a pair alone; none depends on which colour is which (ours).

Each group of features has its function; `pair_features` joins them in the order of `names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from arc_affinity.taxonomy.by_grids.changes import change_features
from arc_affinity.taxonomy.by_grids.regions import Scene, Thing
from arc_affinity.taxonomy.by_grids.relations import relation_features, same
from arc_affinity.types import COLOURS, Grid, Pair

Vector = Float[np.ndarray, "features"]
Palette = Bool[np.ndarray, "4 colours"]
Numbers = dict[str, Any]
"""Numbers, or what is true, by what they are called."""

PARTS = ("inputs", "outputs", "changes", "backgrounds")
HABITS = (
    *(f"colours of all {part}" for part in PARTS),
    "colours of all outputs and no input",
    "colours of all changes and all inputs",
    *(f"share of colours of all {part}" for part in PARTS),
)
"""What `task_features` adds about colours that come again in every pair."""


def pair_features(pair: Pair) -> Vector:
    """Return the features of a pair with an output, in the order of `names`; all finite."""
    return np.array(list(_numbers(pair).values()), np.float32)


@cache
def names() -> tuple[str, ...]:
    """Return what the features are called."""
    return tuple(_numbers(Pair(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))))


def pair_palette(pair: Pair) -> Palette:
    """Return which colours a pair has: in the input, in the output, where cells changed, and as background.

    Where sizes differ, colours that are new in the output stand for those of changed cells.
    """
    assert pair.output is not None
    before, after = Scene(pair.input), Scene(pair.output)
    has = np.stack([before.counts > 0, after.counts > 0, (after.counts > 0) & (before.counts == 0), [False] * COLOURS])
    if pair.input.shape == pair.output.shape:
        has[2] = np.bincount(pair.output[pair.input != pair.output], minlength=COLOURS) > 0
    has[3, before.background] = True
    return has


@cache
def task_names() -> tuple[str, ...]:
    """Return what the numbers of `task_features` are called; of a feature, "NAME, mean" and so on."""
    reduced = [f"{name}, {how}" for how in ("mean", "minimum", "maximum") for name in names()]
    return (*reduced, *HABITS)


def task_features(
    pairs: Float[np.ndarray, "*tasks pairs features"], palettes: Bool[np.ndarray, "*tasks pairs 4 10"]
) -> Float[np.ndarray, "*tasks numbers"]:
    """Return what the network sees of tasks: mean, minimum and maximum over pairs, then what colours recur.

    The order of a task's pairs does not matter, nor which colour is which as long as all its pairs agree on it.
    """
    always: Bool[np.ndarray, "*tasks 4 10"] = np.logical_and.reduce(palettes, axis=-3)
    counts = always.sum(axis=-1)
    only_out = always[..., 1, :] & ~palettes[..., 0, :].any(axis=-2)
    changed_to_known = always[..., 2, :] & always[..., 0, :]
    share = counts / np.maximum(1, palettes.sum(axis=-1).mean(axis=-2))
    two = np.stack([only_out.sum(axis=-1), changed_to_known.sum(axis=-1)], axis=-1)
    reduced = [pairs.mean(axis=-2), pairs.min(axis=-2), pairs.max(axis=-2)]
    return np.concatenate([*reduced, counts, two, share], axis=-1).astype(np.float32)


def _numbers(pair: Pair) -> Numbers:
    assert pair.output is not None
    before, after = Scene(pair.input), Scene(pair.output)
    return {
        **size_features(pair.input, pair.output),
        **colour_features(before, after),
        **{f"input {name}": value for name, value in look_features(before).items()},
        **{f"output {name}": value for name, value in look_features(after).items()},
        **object_features(before, after),
        **change_features(before, after),
        **lie_features(before, after),
        **relation_features(before, after),
    }


def size_features(before: Grid, after: Grid) -> Numbers:
    """How the sizes of a pair relate."""
    (rows, cols), (out_rows, out_cols) = before.shape, after.shape
    tall, wide = out_rows / rows, out_cols / cols
    return {
        "same size": before.shape == after.shape,
        "turned size": before.shape == after.shape[::-1],
        "log rows": np.log(rows),
        "log cols": np.log(cols),
        "log out rows": np.log(out_rows),
        "log out cols": np.log(out_cols),
        "log ratio": np.log(tall * wide),
        "log ratio shape": abs(np.log(tall / wide)),
        "multiple": out_rows % rows == 0 and out_cols % cols == 0,
        "divisor": rows % out_rows == 0 and cols % out_cols == 0,
        "half": (tall, wide) in ((0.5, 1.0), (1.0, 0.5)) or (2 * out_rows + 1, out_cols) == (rows, cols)
        or (out_rows, 2 * out_cols + 1) == (rows, cols),
        "twice": (tall, wide) in ((2.0, 1.0), (1.0, 2.0), (2.0, 2.0)),
        "square in": rows == cols,
        "square out": out_rows == out_cols,
        "one cell": out_rows == out_cols == 1,
        "one line": min(out_rows, out_cols) == 1,
        "three by three": after.shape == (3, 3),
    }  # fmt: skip


def colour_features(before: Scene, after: Scene) -> Numbers:
    """Which colours come, go and stay, and how many cells each has."""
    had, has = before.counts > 0, after.counts > 0
    return {
        "colours": had.sum(),
        "out colours": has.sum(),
        "colours kept": (had & has).sum() / had.sum(),
        "colours new": (has & ~had).sum(),
        "colours gone": (had & ~has).sum(),
        "same background": before.background == after.background,
        "background": before.counts.max() / before.grid.size,
        "out background": after.counts.max() / after.grid.size,
        "second": np.sort(before.counts)[-2] / before.grid.size,
        "entropy": _entropy(before),
        "out entropy": _entropy(after),
        "counts kept": np.array_equal(before.counts, after.counts),
        "counts permuted": np.array_equal(np.sort(before.counts), np.sort(after.counts)),
        "drawn ratio": np.log((after.drawn.sum() + 1) / (before.drawn.sum() + 1)),
    }


def look_features(scene: Scene) -> Numbers:
    """What a grid looks like: symmetry, periods, full lines, objects and holes."""
    grid = scene.grid
    sizes = np.array([thing.size for thing in scene.things] or [0])
    filled = [thing.size == thing.cells.size and min(thing.cells.shape) > 1 for thing in scene.things]
    thin = [min(thing.cells.shape) == 1 and thing.size > 1 for thing in scene.things]
    boxes = [np.prod(thing.cells.shape) for thing in scene.things]
    count = int(scene.labels.max()) + 1
    groups = int(scene.group_labels.max()) + 1
    cut = scene.labels[[0, -1]].ravel(), scene.labels[:, [0, -1]].ravel()
    return {
        "mirrored across": same(grid, grid[:, ::-1]),
        "mirrored down": same(grid, grid[::-1]),
        "mirrored diagonally": same(grid, grid.T),
        "turned": same(grid, grid[::-1, ::-1]),
        "row period": _period(grid),
        "column period": _period(grid.T),
        "full rows": (grid == grid[:, :1]).all(axis=1).mean(),
        "full columns": (grid == grid[:1]).all(axis=0).mean(),
        "full drawn lines": _drawn_lines(scene) + _drawn_lines(Scene(grid.T)),
        "objects": np.log1p(count),
        "groups": np.log1p(groups),
        "objects in groups": np.log((count + 1) / (groups + 1)),
        "largest": sizes.max() / grid.size,
        "size": np.log1p(sizes.mean()),
        "spread of sizes": sizes.std() / (sizes.mean() + 1),
        "dots": np.mean(sizes == 1),
        "full boxes": np.mean(filled or [False]),
        "lines": np.mean(thin or [False]),
        "fullness": sizes.sum() / max(1, np.sum(boxes)),
        "kinds of shape": len({thing.shape for thing in scene.things}) / max(1, len(scene.things)),
        "repeated looks": _repeated(scene.groups),
        "coloured groups": np.mean([len(np.unique(t.cells[t.cells < COLOURS])) > 1 for t in scene.groups] or [False]),
        "enclosed": scene.enclosed.mean(),
        "border": len({*np.concatenate(cut).tolist()} - {-1}) / max(1, count),
        **_distances(scene.groups),
        "edges": ((grid[1:] != grid[:-1]).sum() + (grid[:, 1:] != grid[:, :-1]).sum()) / (2 * grid.size),
    }


def object_features(before: Scene, after: Scene) -> Numbers:
    """What became of the objects: shares that stayed, changed colour, moved, were turned, are new or gone."""
    result: Numbers = {}
    for name, old, new in (("object", before.things, after.things), ("group", before.groups, after.groups)):
        places, looks = {(t.place, t.look) for t in old}, {t.look for t in old}
        outlines, shapes = {(t.place, t.shape) for t in old}, {t.shape for t in old}
        turned, looks_after = {t.turned_shape for t in old}, {t.look for t in new}
        result |= {
            f"{name} stays": _share((t.place, t.look) in places for t in new),
            f"{name} recoloured": _share(
                (t.place, t.look) not in places and (t.place, t.shape) in outlines for t in new
            ),
            f"{name} elsewhere": _share((t.place, t.look) not in places and t.look in looks for t in new),
            f"{name} shape known": _share(t.shape in shapes for t in new),
            f"{name} turned": _share(t.shape not in shapes and t.turned_shape in turned for t in new),
            f"{name} new": _share(t.turned_shape not in turned for t in new),
            f"{name} gone": _share(t.look not in looks_after for t in old),
            f"{name} is output": any(t.cells.shape == after.grid.shape for t in old),
            f"{name} ratio": np.log((len(new) + 1) / (len(old) + 1)),
        }
    return result


def lie_features(before: Scene, after: Scene) -> Numbers:
    """Where things lie, with a sign: over a task's pairs they agree unless it is turned at random."""
    one_size = before.grid.shape == after.grid.shape
    changed = before.grid != after.grid if one_size else np.zeros((1, 1), bool)
    result: Numbers = {"longer down": np.log(before.grid.shape[0] / before.grid.shape[1])}
    for name, mask in (("drawn", before.drawn), ("out drawn", after.drawn), ("changed", changed)):
        result[f"{name} below"], result[f"{name} right"] = _lie(mask)
    for name, mask in (("drawn", before.drawn), ("changed", changed)):
        across = (mask[:, 1:] & mask[:, :-1]).sum()
        down = (mask[1:] & mask[:-1]).sum()
        result[f"{name} runs down"] = (down - across) / max(1, down + across)
    return result


def _lie(mask: Bool[np.ndarray, "rows cols"]) -> tuple[float, float]:
    """How far below and right of the middle the cells lie on average, -1 to 1."""
    if not mask.any():
        return 0.0, 0.0
    # Middles of cells, so that a lone row lies neither above nor below.
    below, right = (2 * np.argwhere(mask).mean(axis=0) + 1) / mask.shape - 1
    return float(below), float(right)


def _distances(found: Sequence[Thing]) -> Numbers:
    """How far bounding boxes are from each other: shares of pairs that overlap or touch, and the nearest gap."""
    if len(found) < 2:
        return {"boxes overlap": 0.0, "boxes touch": 0.0, "boxes apart": 0.0, "nearest box": 0.0}
    low = np.array([thing.place for thing in found])
    high = low + [thing.cells.shape for thing in found]
    gaps = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    pairs = gaps[np.triu_indices(len(found), 1)]
    nearest = (gaps + 99 * np.eye(len(found), dtype=int)).min(axis=1)
    return {
        "boxes overlap": (pairs < 0).mean(),
        "boxes touch": (nearest == 0).mean(),
        "boxes apart": (nearest > 0).mean(),
        "nearest box": np.log1p(max(0, pairs.min())),
    }


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else 0.0


def _entropy(scene: Scene) -> float:
    share = scene.counts[scene.counts > 0] / scene.grid.size
    return float(-(share * np.log(share)).sum())


def _period(grid: Grid) -> float:
    """The shortest period of the rows as a share of their number; 1 without any up to half of it."""
    rows = len(grid)
    fits = (step for step in range(1, rows // 2 + 1) if np.array_equal(grid[step:], grid[:-step]))
    return next(fits, rows) / rows


def _drawn_lines(scene: Scene) -> float:
    """Share of rows that are one colour and not background."""
    grid = scene.grid
    return float(((grid == grid[:, :1]).all(axis=1) & (grid[:, 0] != scene.background)).mean())


def _repeated(found: Sequence[Thing]) -> float:
    """Share of things of more than a cell that look like another one."""
    looks = [thing.look for thing in found if thing.size > 1]
    return float(np.mean([looks.count(look) > 1 for look in looks])) if looks else 0.0
