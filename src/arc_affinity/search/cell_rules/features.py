"""What is true of each cell of a grid: colours that it could take over, and numbers that rules may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from arc_affinity.search.cell_rules import thing_features
from arc_affinity.search.cell_rules.thing_features import Layer, Layers
from arc_affinity.search.functions import lines, paint, symmetry
from arc_affinity.search.regions import enclosed
from arc_affinity.search.values import rows_and_cols
from arc_affinity.types import Grid

OUTSIDE = 10
"""Colour of what lies beyond the border."""

FAMILIES = (
    "neighbours",
    "rays",
    "farther",
    "mirrors",
    "lines",
    "places",
    "regions",
    "objects",
    "within objects",
    "within regions",
    "lattice",
    "layers",
)
"""Kinds of features; a rule that asks for one kind alone is more to be trusted than one that mixes them."""


@dataclass(frozen=True)
class Feature:
    """What a grid's cells have: ``tier`` 0 is the simplest; ``family`` is one of `FAMILIES`."""

    tier: int
    family: str
    layer: Layer


@dataclass(frozen=True)
class CellFeatures:
    """Features of every cell of a grid by name.

    Attributes:
        colours: colour-valued ones, which an output cell may copy; those that another grid lacks are not used.
        numbers: numbers and flags; where a grid lacks a name, its cells have 0.
    """

    colours: Mapping[str, Feature]
    numbers: Mapping[str, Feature]


def cell_features(grid: Grid) -> CellFeatures:
    """Return the features of every cell."""
    all_colours: dict[str, Feature] = {"own": Feature(0, "", grid)}
    all_numbers: dict[str, Feature] = {"enclosed": Feature(0, "", enclosed(grid == 0))}
    builders = (_neighbours, _rays, _farther, _mirrors, _lines, _places, *thing_features.BUILDERS)
    for family, build in zip(FAMILIES, builders, strict=False):
        layers = Layers({}, {})
        build(grid, layers)
        all_colours.update((name, Feature(tier, family, layer)) for name, (tier, layer) in layers.colours.items())
        all_numbers.update((name, Feature(tier, family, layer)) for name, (tier, layer) in layers.numbers.items())
    return CellFeatures(all_colours, all_numbers)


def _neighbours(grid: Grid, into: Layers) -> None:
    """The eight cells around, and how many of them are alike."""
    names = {lines.UP: "above", lines.DOWN: "below", lines.LEFT: "left", lines.RIGHT: "right"}
    corner_names = dict(
        zip(lines.DIAGONAL_WAYS, ("above left", "above right", "below left", "below right"), strict=True)
    )
    around = {way: lines.moved(grid, (-way[0], -way[1]), OUTSIDE) for way in (*names, *corner_names)}
    for way, name in names.items():
        into.colours[name] = (1, around[way])
    for way, name in corner_names.items():
        into.colours[name] = (2, around[way])
    straight = np.stack([around[way] for way in names])
    corners = np.stack([around[way] for way in corner_names])
    drawn, drawn_corners = (straight > 0) & (straight < OUTSIDE), (corners > 0) & (corners < OUTSIDE)
    into.numbers["straight neighbours drawn"] = (1, drawn.sum(0))
    into.numbers["neighbours drawn"] = (1, drawn.sum(0) + drawn_corners.sum(0))
    into.numbers["corner neighbours drawn"] = (2, drawn_corners.sum(0))
    into.numbers["straight neighbours like it"] = (1, (straight == grid).sum(0))
    into.numbers["neighbours like it"] = (1, (straight == grid).sum(0) + (corners == grid).sum(0))
    for colour in np.flatnonzero(np.bincount(grid.ravel(), minlength=10)[1:]) + 1:
        into.numbers[f"straight neighbours of {colour}"] = (1, (straight == colour).sum(0))
        into.numbers[f"corner neighbours of {colour}"] = (1, (corners == colour).sum(0))
    into.colours["highest neighbour"] = (1, np.where(drawn, straight, 0).max(0))
    into.colours["highest around"] = (
        2,
        np.maximum(np.where(drawn_corners, corners, 0).max(0), np.where(drawn, straight, 0).max(0)),
    )
    into.colours["majority around"] = (2, paint.majority_around(grid))


def _farther(grid: Grid, into: Layers) -> None:
    """The sixteen cells at a distance of two."""
    wide = np.pad(grid, 2, constant_values=OUTSIDE)
    rows, cols = grid.shape
    for down in range(-2, 3):
        for right in range(-2, 3):
            if max(abs(down), abs(right)) == 2:
                into.colours[f"cell at {down:+d},{right:+d}"] = (
                    2,
                    wide[2 + down : 2 + down + rows, 2 + right : 2 + right + cols],
                )


def _rays(grid: Grid, into: Layers) -> None:
    """What is seen in each direction."""
    ways = (*lines.STRAIGHT_WAYS, *lines.DIAGONAL_WAYS)
    names = ("up", "down", "left", "right", "up left", "up right", "down left", "down right")
    seen = {name: lines.seen(grid, way) for name, way in zip(names, ways, strict=True)}
    for number, (name, layer) in enumerate(seen.items()):
        into.colours[f"seen {name}"] = (1 if number < 4 else 2, layer)
    straight = np.stack([seen[name] for name in names[:4]])
    corners = np.stack([seen[name] for name in names[4:]])
    into.numbers["directions with something"] = (1, (straight > 0).sum(0))
    into.numbers["diagonals with something"] = (2, (corners > 0).sum(0))
    for first, second, tier in (
        ("left", "right", 1),
        ("up", "down", 1),
        ("up left", "down right", 2),
        ("up right", "down left", 2),
    ):
        between = (seen[first] == seen[second]) & (seen[first] > 0)
        into.numbers[f"between like cells {first} and {second}"] = (tier, between)
        into.colours[f"like cells {first} and {second}"] = (tier, np.where(between, seen[first], 0))
    for colour in np.flatnonzero(np.bincount(grid.ravel(), minlength=10)[1:]) + 1:
        into.numbers[f"ways to {colour}"] = (1, (straight == colour).sum(0))
        into.numbers[f"diagonal ways to {colour}"] = (2, (corners == colour).sum(0))
    across = []
    for way, layer in zip(lines.STRAIGHT_WAYS, straight, strict=True):
        ahead = lines.moved(grid, (-way[0], -way[1]), OUTSIDE)
        across.append(np.where(ahead == 0, layer, 0))
    into.colours["highest seen across background"] = (1, np.stack(across).max(0))
    into.colours["highest seen"] = (1, straight.max(0))
    into.colours["highest seen diagonally"] = (2, corners.max(0))


def _mirrors(grid: Grid, into: Layers) -> None:
    """The cell at the mirrored place, and what completes symmetries and patterns."""
    into.colours["mirrored left-right"] = (1, grid[:, ::-1])
    into.colours["mirrored top-bottom"] = (1, grid[::-1])
    into.colours["turned round"] = (2, grid[::-1, ::-1])
    square = grid.shape[0] == grid.shape[1]
    into.colours["transposed"] = (2, grid.T if square else grid)
    into.colours["quarter turn"] = (2, np.rot90(grid) if square else grid)
    pattern = symmetry.continue_pattern(grid)
    into.colours["pattern"] = (2, grid if pattern is None else pattern)


def _lines(grid: Grid, into: Layers) -> None:
    """What its row and its column hold, and the whole grid."""
    every = by_count(grid.ravel()[None])[0]
    into.colours["commonest"] = (1, np.full(grid.shape, every[0]))
    into.colours["rarest"] = (1, np.full(grid.shape, every[1]))
    into.colours["background or commonest"] = (2, paint.flood_commonest(grid))
    for name, source, turned in (("row", grid, False), ("column", grid.T, True)):

        def along(values: np.ndarray, shape: tuple[int, ...] = source.shape, turned: bool = turned) -> Layer:
            full = np.broadcast_to(values[:, None], shape)
            return full.T if turned else full

        ranked, drawn = by_count(source), np.count_nonzero(source, axis=1)
        into.colours[f"commonest of {name}"] = (1, along(ranked[:, 0]))
        into.colours[f"rarest of {name}"] = (2, along(ranked[:, 1]))
        into.colours[f"first of {name}"] = (2, along(source[:, 0]))
        into.colours[f"last of {name}"] = (2, along(source[:, -1]))
        for colour in np.flatnonzero(np.bincount(grid.ravel(), minlength=10)[1:]) + 1:
            into.numbers[f"{name} has {colour}"] = (1, along((source == colour).any(1)))
        into.numbers[f"{name} of one colour"] = (1, along((source == source[:, :1]).all(1)))
        into.numbers[f"cells in {name}"] = (2, along(drawn))
        into.numbers[f"{name} has the most cells"] = (2, along(drawn == drawn.max()))


def by_count(lines_: Grid) -> Int[np.ndarray, "lines two"]:
    """The commonest and the rarest colour of each line, background aside; 0 for empty ones."""
    counts = np.stack([(lines_ == colour).sum(1) for colour in range(1, 10)], 1)
    rare = np.where(counts > 0, counts, 1000)
    empty = counts.sum(1) == 0
    found = np.stack([counts.argmax(1) + 1, rare.argmin(1) + 1], 1)
    found[empty] = 0
    return found


def _places(grid: Grid, into: Layers) -> None:
    row, col = rows_and_cols(grid.shape)
    rows, cols = grid.shape
    down, right = rows - 1 - row, cols - 1 - col
    into.numbers["from border"] = (1, np.minimum(np.minimum(row, col), np.minimum(down, right)))
    into.numbers["from top"], into.numbers["from left"] = (2, row), (2, col)
    into.numbers["from bottom"], into.numbers["from right"] = (2, down), (2, right)
    into.numbers["row even"], into.numbers["column even"] = (2, row % 2 == 0), (2, col % 2 == 0)
    into.numbers["row plus column even"] = (1, (row + col) % 2 == 0)
    into.numbers["row of three"], into.numbers["column of three"] = (2, row % 3), (2, col % 3)
    into.numbers["row plus column of three"] = (2, (row + col) % 3)
    into.numbers["on diagonal"] = (2, row == col)
    into.numbers["on other diagonal"] = (2, row == right)
    into.numbers["middle row"], into.numbers["middle column"] = (2, row == down), (2, col == right)
    into.numbers["from bottom even"], into.numbers["from right even"] = (2, down % 2 == 0), (2, right % 2 == 0)
