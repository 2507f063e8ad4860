"""The search: compositions of grid functions, cheapest first, one program for each distinct result."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from arc_affinity.search.values import Kind, State, Step, Value, digest, grids_in, is_grid, memory
from arc_affinity.types import COLOURS, Grid

MOST_BYTES = 256 * 2**20
"""Memory that the states of one search may hold."""

FREE_COST = 2.4
"""Up to this cost, grids of any size are kept."""


@dataclass(frozen=True)
class Bounds:
    """Where a search stops.

    Bounds are seconds (with ``inf``, results are the same on every machine), distinct results, the memory that those
    hold, and functions in a row; ``clock`` measures the time.
    """

    seconds: float
    states: int = 50_000
    bytes: int = MOST_BYTES
    depth: int = 5
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Node:
    """A program with what it gives for all inputs.

    ``steps`` names its functions in order; ``cost`` is the sum of theirs.
    """

    state: State
    kind: Kind
    steps: tuple[str, ...]
    cost: float

    @property
    def text(self) -> str:
        """The program in words: what is done to the input, from left to right."""
        return " | ".join(("input", *self.steps))


@dataclass
class Finished:
    """What a search found.

    Attributes:
        solutions: programs that give every demonstration's output, cheapest first.
        partial: programs that give some, with how many.
        same_size: grids whose demonstrations have the outputs' sizes, in the order found, about the cheapest first; the
            input may be one.
        nodes: all states in the order found.
        applied: how often a function was tried on a state.
        stopped: which bound ended it, "" if nothing was left.
    """

    solutions: list[Node] = field(default_factory=list)
    partial: list[tuple[int, Node]] = field(default_factory=list)
    same_size: list[Node] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    applied: int = 0
    stopped: str = ""


class Search:
    """A search over compositions for one view of a task; it can be continued."""

    def __init__(self, inputs: Sequence[Grid], targets: Sequence[Grid], steps: Sequence[Step]) -> None:
        """Begin at the inputs, the demonstrations' first; ``targets`` are their outputs."""
        self.targets = tuple(targets)
        by_cost = sorted(steps, key=lambda step: step.cost)
        self.steps = {kind: [step for step in by_cost if step.takes is kind] for kind in Kind}
        self._named = {step.name: step for step in steps}
        self.found = Finished()
        self._colour_maps: set[bytes] = set()
        self._seen: set[bytes] = set()
        self._queue: list[tuple[float, int, int]] = []
        self._delays: list[float] = []
        self._bytes = 0
        self._add(Node(tuple(np.ascontiguousarray(grid) for grid in inputs), Kind.GRID, (), 0.0), 1)

    def run(self, bounds: Bounds) -> Finished:
        """Search on until a bound is met, or nothing is left.

        Once a program is found, those that cost little more are still looked for, since they may answer the test
        otherwise.
        """
        end = bounds.clock() + bounds.seconds
        found = self.found
        while self._queue:
            if bounds.clock() >= end:
                found.stopped = "seconds"
                return found
            _, number, which = heapq.heappop(self._queue)
            node, steps = found.nodes[number], self.steps[found.nodes[number].kind]
            step = steps[which]
            cost = node.cost + step.cost
            if found.solutions and cost > found.solutions[0].cost + 1.0:
                continue
            if which + 1 < len(steps):
                self._push(number, which + 1)
            # Of what is far from the input only grids of the outputs' size are kept; one value shows most others.
            late = step.takes is step.gives is Kind.GRID and cost > FREE_COST
            state = apply(step, node.state, self.targets[0].shape if late else None)
            found.applied += 1
            if state is not None:
                self._add(Node(state, step.gives, (*node.steps, step.name), cost), bounds.depth)
            if len(found.nodes) >= bounds.states or self._bytes >= bounds.bytes:
                found.stopped = "states" if len(found.nodes) >= bounds.states else "memory"
                return found
        found.stopped = ""
        return found

    def rerun(self, node: Node, grid: Grid) -> Grid | None:
        """Return what a program that was found gives for another grid; None where it does not apply."""
        value: State | None = (np.ascontiguousarray(grid),)
        for name in node.steps:
            value = None if value is None else apply(self._named[name], value)
        return None if value is None else grids_in(value)[0]

    def _push(self, number: int, which: int) -> None:
        """Put a function that a state is to be given into the queue, behind all that is cheaper."""
        node = self.found.nodes[number]
        priority = node.cost + self._delays[number] + self.steps[node.kind][which].cost
        heapq.heappush(self._queue, (priority, number, which))

    def _add(self, node: Node, depth: int) -> None:
        """Keep a state that is new, and see how good it is."""
        key = digest(node.state)
        if key in self._seen:
            return
        self._seen.add(key)
        found = self.found
        found.nodes.append(node)
        self._bytes += memory(node.state)
        if node.kind is Kind.GRID:
            self._judge(node)
        self._delays.append(self._delay(node))
        if len(node.steps) < depth and self.steps[node.kind]:
            self._push(len(found.nodes) - 1, 0)

    def _delay(self, node: Node) -> float:
        """How much later than its cost says a state is expanded: pieces first, then grids of the outputs' sizes."""
        if node.kind is Kind.PIECES or not node.steps:
            return 0.0
        if _sizes_match(node.state, self.targets):
            return 0.2
        return 0.4 if _sizes_match(node.state, self.found.nodes[0].state) else 0.5

    def _judge(self, node: Node) -> None:
        """Compare a grid with the demonstrations' outputs, as it is and with its colours changed by a table."""
        state, targets = grids_in(node.state), self.targets
        sizes = [value.shape == target.shape for value, target in zip(state, targets, strict=False)]
        if not any(sizes):
            return
        fits = sum(same and np.array_equal(state[i], targets[i]) for i, same in enumerate(sizes))
        if fits == len(targets):
            self._solved(node)
        elif fits:
            self.found.partial.append((fits, node))
        if not all(sizes):
            return
        self.found.same_size.append(node)
        if fits < len(targets):
            table = colour_table(state, targets)
            if table is not None:
                recoloured = tuple(table[value] for value in state)
                key = digest(recoloured)
                if key not in self._colour_maps:
                    self._colour_maps.add(key)
                    step = Step(name_table(table), Kind.GRID, Kind.GRID, partial(np.take, table), 1.5)
                    self._named[step.name] = step
                    self._solved(Node(recoloured, Kind.GRID, (*node.steps, step.name), node.cost + step.cost))

    def _solved(self, node: Node) -> None:
        self.found.solutions.append(node)
        self.found.solutions.sort(key=lambda each: each.cost)


def _sizes_match(state: State, grids: Sequence[Value]) -> bool:
    """Whether the first values have the sizes of these."""
    return all(value.shape == grid.shape for value, grid in zip(state, grids, strict=False))


def apply(step: Step, state: State, size: tuple[int, ...] | None = None) -> State | None:
    """Return what a function gives for every value.

    None if it does not apply to one, gives one that is too large, or a first one that has not the ``size`` asked for.
    """
    results: list[Value] = []
    for value in state:
        result = step.apply(value)
        if result is None or (step.gives is Kind.GRID and not is_grid(result)):
            return None
        if size is not None and not results and result.shape != size:
            return None
        results.append(np.ascontiguousarray(result, np.uint8) if isinstance(result, np.ndarray) else result)
    return tuple(results)


def colour_table(state: Sequence[Grid], targets: Sequence[Grid]) -> np.ndarray | None:
    """Return the table of colours that turns grids into targets of the same sizes; None if there is none.

    Colours that the demonstrations do not have stay as they are.
    """
    pairs = np.zeros(100, np.int64)
    for value, target in zip(state, targets, strict=False):
        pairs += np.bincount((value * np.uint8(10) + target).ravel(), minlength=100)
    known = pairs.reshape(10, 10) > 0
    if (known.sum(1) > 1).any():
        return None
    table = np.arange(COLOURS, dtype=np.uint8)
    rows, cols = np.nonzero(known)
    table[rows] = cols
    return table


def name_table(table: np.ndarray) -> str:
    """Return a table of colours in words."""
    changed = [f"{colour}>{table[colour]}" for colour in range(COLOURS) if table[colour] != colour]
    return f"colours {' '.join(changed)}"
