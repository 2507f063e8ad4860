"""Changes to grids that keep a task's rule, each with its inverse (the dihedral group, colours, place)."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import COLOURS, Example, Grid, Pair, Task

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

    def apply_task(self, task: Task) -> Task:
        """Return the task with every pair changed alike."""
        train, test = (tuple(map(self.apply_pair, pairs)) for pairs in (task.train, task.test))
        return Task(task.id, train, test, task.dataset)

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
        view: Changed = np.rot90(grid[:, ::-1] if self.mirrored else grid, self.turns)
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
class Translation(Augmentation):
    """All cells moved by whole rows and columns; the border they leave becomes background.

    It is legal for a grid if every cell that would move out is background, so that nothing is lost and the
    opposite translation undoes it; and for a pair if input and output have one size and both are legal.

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
        """Return the pair changed by each part in turn."""
        for part in self.parts:
            pair = part.apply_pair(pair)
        return pair

    @property
    def inverse(self) -> Compose:
        """Each part's inverse, the last first."""
        return Compose(tuple(part.inverse for part in reversed(self.parts)))


BACKGROUND = 0
"""The colour that ARC's tasks use as empty space."""


def fixed_colours(task: Task) -> frozenset[int]:
    """Return the colours of a task that a view may not permute: black, and those that only outputs have.

    A colour that no input shows is named by the rule itself, so it means the same under every relabelling of the others
    (ours). Test inputs are looked at, test outputs never.
    """
    shown = {colour for pair in (*task.train, *task.test) for colour in np.unique(pair.input).tolist()}
    written = {colour for pair in task.train if pair.output is not None for colour in np.unique(pair.output).tolist()}
    return frozenset({BACKGROUND} | (written - shown))


def draw_colours(rng: random.Random, fixed: Collection[int] = (0,)) -> ColourPermutation:
    """Return a random permutation of the colours but for those that stay ``fixed``."""
    free = [colour for colour in range(COLOURS) if colour not in fixed]
    drawn = dict(zip(free, rng.sample(free, len(free)), strict=True))
    return ColourPermutation(tuple(drawn.get(colour, colour) for colour in range(COLOURS)))


def draw_translation(rng: random.Random, pairs: Iterable[Pair], background: int = 0) -> Translation:
    """Return a random translation that is legal for all ``pairs``, uniform over those that are.

    It is the identity where nothing else is legal, as for pairs whose input and output differ in size.
    """
    margins = [(0, 0, 0, 0)]
    pairs = list(pairs)
    if all(pair.output is None or pair.output.shape == pair.input.shape for pair in pairs):
        shown = (grid for pair in pairs for grid in (pair.input, pair.output) if grid is not None)
        margins = [_margins(grid, background) for grid in shown] or margins
    up, down, left, right = (min(side) for side in zip(*margins, strict=True))
    return Translation(rng.randint(-up, down), rng.randint(-left, right), background)


def views(count: int, seed: int = 0, dihedral: bool = True, fixed: Collection[int] = (0,)) -> Iterator[Compose]:
    """Yield distinct views, each a `Dihedral` and a `ColourPermutation`; the identity first.

    Every one of the 8 dihedral views comes equally often, but for the last few.

    Args:
        count: how many.
        seed: any integer; decides the colours and the order of the dihedral views.
        dihedral: whether to turn and mirror at all.
        fixed: colours that keep their place; all ten of them for views in the original colours.

    Raises:
        ArcAffinityError: there are not so many views.
    """
    shapes = list(DIHEDRALS) if dihedral else [Dihedral()]
    possible = len(shapes) * math.factorial(COLOURS - len({*fixed} & {*range(COLOURS)}))
    if not 0 <= count <= possible:
        raise ArcAffinityError(f"{count} views asked for; there are {possible} that differ")
    return _draw_views(count, random.Random(seed), shapes, fixed)


def most_views(fixed: Collection[int]) -> int:
    """Return how many distinct views there are where the colours ``fixed`` keep their place."""
    return len(DIHEDRALS) * math.factorial(COLOURS - len({*fixed} & {*range(COLOURS)}))


def _draw_views(count: int, rng: random.Random, shapes: list[Dihedral], fixed: Collection[int]) -> Iterator[Compose]:
    """The views themselves: round after round of all the shapes in random order."""
    identity = Compose((shapes[0], ColourPermutation()))
    seen = {identity}
    if count:
        yield identity
    waiting = rng.sample(shapes[1:], len(shapes) - 1)
    while len(seen) < count:
        waiting = waiting or rng.sample(shapes, len(shapes))
        shape = waiting.pop()
        view = Compose((shape, draw_colours(rng, fixed)))
        while view in seen:
            view = Compose((shape, draw_colours(rng, fixed)))
        seen.add(view)
        yield view


def _margins(grid: Grid, background: int) -> tuple[int, int, int, int]:
    """Rows of background above and below what is not background, and columns left and right of it."""
    rows, cols = (np.flatnonzero((grid != background).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return grid.shape[0], grid.shape[0], grid.shape[1], grid.shape[1]
    down, right = grid.shape[0] - 1 - rows[-1], grid.shape[1] - 1 - cols[-1]
    return int(rows[0]), int(down), int(cols[0]), int(right)
