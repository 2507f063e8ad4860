"""Stacks of layers: where no program draws the whole output, parts of several are laid over each other, greedily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from arc_affinity.search.compose import Node
from arc_affinity.search.values import grids_in
from arc_affinity.types import COLOURS, Grid

MOST_BYTES = 4 * 2**20
"""Bounds layers times cells of the demonstrations, and so the time: a few hundredths of a second a pass."""

MOST_LAYERS = 4
"""Layers over the lowest one."""

STARTS = 6
"""Layers that a stack is begun with, those that have most cells right."""

LAYER_COST, COLOUR_COST = 2.0, 0.5
"""What one more layer adds to a stack's description, so that a rule for cells of like length goes before it, and what
naming a colour of it adds."""


@dataclass(frozen=True)
class Layer:
    """What a program draws: all its cells that are not background, or those of one ``colour``."""

    node: Node
    colour: int | None

    def mask(self, grid: Grid) -> Bool[np.ndarray, "_rows _cols"]:
        """Return the cells that the layer covers, of a grid that its program gives."""
        return grid > 0 if self.colour is None else grid == self.colour

    @property
    def text(self) -> str:
        """The layer in words."""
        return f"[{self.node.text}]" if self.colour is None else f"[{self.node.text}] where {self.colour}"

    @property
    def cost(self) -> float:
        """Its part of a stack's cost."""
        return self.node.cost + LAYER_COST + (0.0 if self.colour is None else COLOUR_COST)


@dataclass(frozen=True)
class Stack:
    """Layers that together give every demonstration's output, the uppermost first.

    ``grids`` are for every input, demonstrations first; ``cost`` is that of its parts and of putting them together.
    """

    grids: tuple[Grid, ...]
    text: str
    cost: float


@dataclass(frozen=True)
class Table:
    """Programs and layers, with what they have at every cell of the demonstrations.

    Programs (``nodes``) stand cheapest first, each with whether it has each cell right (``whole``); layers with the
    cells that they cover, and those of them that are right. ``starts`` says where each demonstration's cells begin.
    """

    nodes: tuple[Node, ...]
    whole: Bool[np.ndarray, "nodes cells"]
    layers: tuple[Layer, ...]
    covered: Bool[np.ndarray, "layers cells"]
    right: Bool[np.ndarray, "layers cells"]
    starts: Int[np.ndarray, "demonstrations"]


def stacks(same_size: Sequence[Node], targets: Sequence[Grid]) -> list[Stack]:
    """Return stacks that reproduce all demonstrations, cheapest first.

    A layer is added only if every cell that it newly covers is right, in two demonstrations at least (in the one, where
    there is but one): what explains a single demonstration is too easily chance. Ours, greedy: of such layers the one
    with most cells comes next, and a program (or a colour) that has all other cells right ends the stack. ``same_size``
    are programs whose grids of the demonstrations have the outputs' sizes, ``targets``.
    """
    if not same_size:
        return []
    table = tabulate(same_size, targets)
    if not table.layers:
        return []
    target = np.concatenate([grid.ravel() for grid in targets])
    none = np.zeros(len(target), bool)
    found: dict[str, Stack] = {}
    for first in best(table, none, STARTS):
        chosen, covered = [first], none | table.covered[first]
        while True:
            stack = finish(table, chosen, covered, target)
            if stack is not None:
                found.setdefault(stack.text, stack)
                break
            more = best(table, covered, 1) if len(chosen) < MOST_LAYERS else []
            if not more:
                break
            chosen, covered = [*chosen, more[0]], covered | table.covered[more[0]]
    return sorted(found.values(), key=lambda stack: stack.cost)


def tabulate(same_size: Sequence[Node], targets: Sequence[Grid]) -> Table:
    """Return the table of the cheapest programs, as many as its bound on memory lets in."""
    target = np.concatenate([grid.ravel() for grid in targets])
    most = max(1, MOST_BYTES // len(target))
    shapes = [value.shape for value in same_size[0].state[len(targets) :]]
    nodes: list[Node] = []
    layers: list[Layer] = []
    rows: list[UInt8[np.ndarray, "cells"]] = []
    masks: list[Bool[np.ndarray, "cells"]] = []
    owner: list[int] = []
    for node in sorted(same_size, key=lambda node: node.cost):
        if [value.shape for value in node.state[len(targets) :]] != shapes:
            continue
        row = np.concatenate([grid.ravel() for grid in grids_in(node.state)[: len(targets)]])
        colours = np.flatnonzero(np.bincount(row, minlength=COLOURS)[1:]) + 1
        own = [Layer(node, None), *(Layer(node, int(colour)) for colour in colours if len(colours) > 1)]
        if len(layers) + len(own) > most:
            break
        owner += [len(nodes)] * len(own)
        nodes.append(node)
        rows.append(row)
        layers += own
        masks += [layer.mask(row[None])[0] for layer in own]
    whole, covered = np.stack(rows) == target, np.stack(masks)
    starts = np.cumsum([0, *(grid.size for grid in targets[:-1])])
    return Table(tuple(nodes), whole, tuple(layers), covered, covered & whole[owner], starts)


def best(table: Table, covered: Bool[np.ndarray, "cells"], number: int) -> list[int]:
    """Return the layers, at most a ``number``, that add most cells to those ``covered`` and none that is wrong."""
    free = ~covered
    new = table.covered & free
    right = table.right & free
    cells = np.add.reduceat(right, table.starts, axis=1, dtype=np.int64)
    enough = (cells > 0).sum(1) >= min(2, len(table.starts))
    usable = np.flatnonzero(enough & (new.sum(1) == cells.sum(1)))
    # Of layers that add as many cells the cheapest: they stand in order of cost.
    order = np.argsort(-cells[usable].sum(1), kind="stable")
    return usable[order[:number]].tolist()


def finish(
    table: Table, chosen: Sequence[int], covered: Bool[np.ndarray, "cells"], target: UInt8[np.ndarray, "cells"]
) -> Stack | None:
    """Return the stack over the cheapest lowest layer that has every other cell right; None if there is none."""
    uppers = [table.layers[number] for number in chosen]
    colours = np.unique(target[~covered])
    whole = (table.whole | covered).all(1)
    if len(colours) < 2:
        colour = int(colours[0]) if len(colours) else 0
        below = tuple(np.full_like(grid, colour) for grid in grids_in(uppers[0].node.state))
        text, cost = f"colour {colour}", 1.0
    elif whole.any():
        node = table.nodes[int(whole.argmax())]
        below, text, cost = grids_in(node.state), f"[{node.text}]", node.cost
    else:
        return None
    grids = list(below)
    for layer in reversed(uppers):
        values = grids_in(layer.node.state)
        grids = [np.where(layer.mask(top), top, low) for top, low in zip(values, grids, strict=True)]
    over = ", ".join(layer.text for layer in uppers)
    return Stack(tuple(grids), f"{over} over {text}", cost + sum(layer.cost for layer in uppers))
