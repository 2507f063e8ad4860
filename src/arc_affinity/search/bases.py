"""What rules for cells are learned from: the grids that compositions gave, with the features of their cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from arc_affinity.search.cell_rules.features import CellFeatures, Feature, cell_features
from arc_affinity.search.compose import Node
from arc_affinity.search.functions.paint import by_frequency
from arc_affinity.search.values import grids_in
from arc_affinity.types import Grid

RULE_BASES = 6
"""Grids that rules for cells are learned from, in each view."""

EXTRA_LAYERS = 24
"""Other grids of the output's size that a rule may ask and copy."""


def best_bases(same_size: Sequence[Node], targets: Sequence[Grid]) -> list[Node]:
    """Return the grids to learn rules from, those first that cost little and have many cells right."""
    return sorted(same_size, key=lambda node: node.cost - 3 * agreement(node, targets))[:RULE_BASES]


def base_features(base: Node, inputs: Sequence[Grid]) -> list[CellFeatures]:
    """Return the features of a base's grids, which it makes of the ``inputs``."""
    features = [cell_features(grid) for grid in grids_in(base.state)]
    if not base.steps:
        return features
    return [_with_input_colours(each, given) for each, given in zip(features, inputs, strict=True)]


def _with_input_colours(features: CellFeatures, given: Grid) -> CellFeatures:
    """Features with the commonest and the rarest colours of the input, which the program may have lost."""
    ranked = by_frequency(given) or [0]
    shape = features.colours["own"].layer.shape
    colours = dict(features.colours)
    for name, colour in (("commonest", ranked[0]), ("second", ranked[min(1, len(ranked) - 1)]), ("rarest", ranked[-1])):
        colours[f"{name} of input"] = Feature(1, "lines", np.full(shape, colour, np.uint8))
    return CellFeatures(colours, features.numbers)


def agreement(node: Node, targets: Sequence[Grid]) -> float:
    """Share of the outputs' cells that grids of the same sizes have right; tests, which have no output, come last.

    Raises:
        ValueError: the program was run on fewer grids than there are outputs.
    """
    values = grids_in(node.state)[: len(targets)]
    right = sum(int((value == target).sum()) for value, target in zip(values, targets, strict=True))
    return right / sum(target.size for target in targets)


def with_layers(features: Sequence[CellFeatures], base: Node, layers: Iterable[Node]) -> list[CellFeatures]:
    """Features of every grid with other programs' grids as colours, where all of these have the base's sizes."""
    shapes = [grid.shape for grid in grids_in(base.state)]
    fitting = [node for node in layers if node is not base and [grid.shape for grid in grids_in(node.state)] == shapes]
    added = {f"[{node.text}]": (1 if node.cost < 2 else 2, grids_in(node.state)) for node in fitting}
    return [
        CellFeatures(
            {**each.colours, **{name: Feature(tier, "layers", grids[i]) for name, (tier, grids) in added.items()}},
            each.numbers,
        )
        for i, each in enumerate(features)
    ]
