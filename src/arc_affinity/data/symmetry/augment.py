"""Changes to grids that keep a task's rule, each with its inverse (the dihedral group, colours)."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import COLOURS, Example, Grid, Pair, Task

TrainingViews = Literal["none", "all"]
"""Whether a model that is trained on many tasks sees each example as it is, or under a view of `drawn_view`."""

Changed = UInt8[np.ndarray, "new_rows new_cols"]


class Augmentation(ABC):
    """A change to a grid that can be undone."""

    @abstractmethod
    def apply(self, grid: Grid) -> Changed:
        """Return the changed grid; ``grid`` stays as it is."""

    @property
    @abstractmethod
    def inverse(self) -> Augmentation:
        """The augmentation that undoes this one: ``a.inverse.apply(a.apply(grid))`` equals ``grid``."""

    def apply_pair(self, pair: Pair) -> Pair:
        """Return the pair with input and output changed alike; a withheld output stays so."""
        output = None if pair.output is None else self.apply(pair.output)
        return Pair(self.apply(pair.input), output)

    def apply_example(self, example: Example) -> Example:
        """Return the example with query and demonstrations changed alike."""
        demonstrations = tuple(map(self.apply_pair, example.demonstrations))
        return Example(example.task_id, example.index, self.apply_pair(example.query), demonstrations)


@dataclass(frozen=True)
class Dihedral(Augmentation):
    """One of the 8 views of the square: mirrored left to right or not, then turned.

    Attributes:
        turns: quarter turns to the left, 0-3.
        mirrored: whether columns are reversed first.
    """

    turns: int = 0
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.turns not in range(4):
            raise ArcAffinityError(f"{self.turns} quarter turns; a view has 0-3")

    def apply(self, grid: Grid) -> Changed:
        """Return the view of ``grid``."""
        view: Changed = grid[:, ::-1] if self.mirrored else grid
        # By slices: np.rot90 takes five times as long for grids as small as these.
        if self.turns % 2:
            view = view.T[::-1]
        if self.turns > 1:
            view = view[::-1, ::-1]
        # Most of what comes next reads cells in order.
        return np.ascontiguousarray(view)

    @property
    def inverse(self) -> Dihedral:
        """Turned back; every mirrored view undoes itself."""
        return self if self.mirrored else Dihedral(-self.turns % 4)

    def then(self, second: Dihedral) -> Dihedral:
        """Return the one view that equals this one followed by ``second``."""
        # A mirror after a turn equals the opposite turn after the mirror.
        turns = -self.turns if second.mirrored else self.turns
        return Dihedral((second.turns + turns) % 4, self.mirrored != second.mirrored)


DIHEDRALS = tuple(Dihedral(turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""The 8 views; the identity first."""


@dataclass(frozen=True)
class ColourPermutation(Augmentation):
    """Every colour replaced by another: ``colours[c]`` takes the place of ``c``."""

    colours: tuple[int, ...] = tuple(range(COLOURS))

    def __post_init__(self) -> None:
        if sorted(self.colours) != list(range(COLOURS)):
            raise ArcAffinityError(f"{self.colours} is not a permutation of the colours 0-{COLOURS - 1}")

    def apply(self, grid: Grid) -> Changed:
        """Return the recoloured ``grid``."""
        recoloured: Changed = np.array(self.colours, np.uint8)[grid]
        return recoloured

    @property
    def inverse(self) -> ColourPermutation:
        """Every colour put back."""
        return ColourPermutation(tuple(map(self.colours.index, range(COLOURS))))


@dataclass(frozen=True)
class Compose(Augmentation):
    """Several augmentations, the first part first; undone in reverse order. No parts: the identity."""

    parts: tuple[Augmentation, ...] = ()

    def apply(self, grid: Grid) -> Changed:
        """Return ``grid`` changed by each part in turn."""
        for part in self.parts:
            grid = part.apply(grid)
        return grid

    def apply_pair(self, pair: Pair) -> Pair:
        """Return the pair changed by each part in turn, of which one may refuse it."""
        for part in self.parts:
            pair = part.apply_pair(pair)
        return pair

    @property
    def inverse(self) -> Compose:
        """Each part's inverse, the last first."""
        return Compose(tuple(part.inverse for part in reversed(self.parts)))


def fixed_colours(task: Task) -> frozenset[int]:
    """Return the colours of a task that a view may not permute: black, and those that only outputs have.

    A colour that no input shows is named by the rule itself, so it means the same under every relabelling of the others
    (ours). Test inputs are looked at, test outputs never.
    """
    shown = {colour for pair in (*task.train, *task.test) for colour in np.unique(pair.input).tolist()}
    written = {colour for pair in task.train if pair.output is not None for colour in np.unique(pair.output).tolist()}
    return frozenset({0} | (written - shown))


def draw_colours(rng: random.Random, fixed: Collection[int] = (0,)) -> ColourPermutation:
    """Return a random permutation of the colours but for those that stay ``fixed``."""
    free = [colour for colour in range(COLOURS) if colour not in fixed]
    drawn = dict(zip(free, rng.sample(free, len(free)), strict=True))
    return ColourPermutation(tuple(drawn.get(colour, colour) for colour in range(COLOURS)))


def views(count: int, seed: int = 0, fixed: Collection[int] = (0,)) -> Iterator[Compose]:
    """Yield distinct views, each a `Dihedral` and a `ColourPermutation`; the identity first.

    The 8 dihedral views come round after round, each round in random order, so all come equally often, but for the last
    few.

    Args:
        count: how many.
        seed: any integer; decides the colours and the order of the dihedral views.
        fixed: colours that keep their place; all ten of them for views in the original colours.

    Raises:
        ArcAffinityError: there are not so many views.
    """
    if not 0 <= count <= most_views(fixed):
        raise ArcAffinityError(f"{count} views asked for; there are {most_views(fixed)} that differ")
    rng = random.Random(seed)
    identity = Compose((Dihedral(), ColourPermutation()))
    seen = {identity}
    if count:
        yield identity
    waiting = rng.sample(DIHEDRALS[1:], len(DIHEDRALS) - 1)
    while len(seen) < count:
        waiting = waiting or rng.sample(DIHEDRALS, len(DIHEDRALS))
        shape = waiting.pop()
        view = Compose((shape, draw_colours(rng, fixed)))
        while view in seen:
            view = Compose((shape, draw_colours(rng, fixed)))
        seen.add(view)
        yield view


def drawn_view(example: Example, rng: np.random.Generator) -> Compose:
    """Draw one of all views of ``example``: of the square any, and of colours any that keep its fixed ones.

    What stays is what `fixed_colours` says of the demonstrations and the query's input, as in `solve`. A colour that
    the query's output alone has moves, as nothing tells that it does not.
    """
    query = Pair(example.query.input, None)
    shape, colours = random_view(fixed_colours(Task(example.task_id, example.demonstrations, (query,))), rng)
    return Compose((DIHEDRALS[shape], colours))


def random_view(fixed: Collection[int], rng: np.random.Generator) -> tuple[int, ColourPermutation]:
    """Draw one of all views that keep the colours ``fixed``: its number among `DIHEDRALS`, and its colours."""
    shape = int(rng.integers(len(DIHEDRALS)))
    table = np.arange(COLOURS)
    free = np.setdiff1d(table, list(fixed))
    table[free] = rng.permutation(free)
    return shape, ColourPermutation(tuple(table.tolist()))


def most_views(fixed: Collection[int]) -> int:
    """Return how many distinct views there are where the colours ``fixed`` keep their place."""
    return len(DIHEDRALS) * math.factorial(COLOURS - len({*fixed} & {*range(COLOURS)}))
