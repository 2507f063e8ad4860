"""Which views of a task keep its rule, found out from its examples alone (ours).

If a view keeps both the rule and the kind of grids it is asked about, then a pair and its view are equally likely, so
any number read from a pair has the same mean over the pairs as over their views. A view is dropped as soon as one of
the numbers here tells the two apart. It cannot prove that a view is right; with few pairs it could not even tell that
one is wrong, so fewer than `FEWEST` leave the identity alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from arc_affinity.data.symmetry.augment import DIHEDRALS, ColourPermutation, Compose, Dihedral, draw_colours
from arc_affinity.types import COLOURS, Grid, Pair

FEWEST = 50
"""Pairs below which nothing is found out."""

LEVEL = 1e-3
"""Two-sided level at which one number alone tells a view from the original."""

REACH = 2
"""Cells to each side that an output's cell is compared with."""


def kept_views(pairs: Sequence[Pair], most: int, seed: int, *, believe: bool = False) -> Iterator[Compose]:
    """Yield up to ``most`` different views that keep the rule of ``pairs``, the identity first.

    With ``believe`` every view counts, but for those that move colour 0: right where query and demonstrations are
    changed alike and a model reads the rule from the demonstrations.
    """
    shapes = list(DIHEDRALS) if believe else kept_dihedrals(pairs)
    fixed = {0} if believe else set(range(COLOURS)) - set(free_colours(pairs))
    rng, seen = random.Random(seed), {Compose((Dihedral(), ColourPermutation()))}
    yield from seen
    count = min(most, len(shapes) * math.factorial(COLOURS - len(fixed)))
    for shape in islice(cycle(shapes), 1, None):
        if len(seen) >= count:
            return
        view = Compose((shape, draw_colours(rng, fixed)))
        # One that came twice would be trained on, or vote, twice.
        if view not in seen:
            seen.add(view)
            yield view


def kept_dihedrals(pairs: Sequence[Pair]) -> list[Dihedral]:
    """Return the dihedral views that the pairs' numbers do not tell from the original; the identity first."""
    if len(pairs) < FEWEST:
        return [Dihedral()]
    original = np.array([_numbers(pair) for pair in pairs])
    kept = [view for view in DIHEDRALS[1:] if not _differ(original, pairs, view)]
    # What keeps a rule is a group: a view whose combinations do not all keep it was only not caught.
    group = {Dihedral(), *kept}
    while bad := [a for a in group if any(a.then(b) not in group for b in group)]:
        group -= {max(bad, key=lambda a: (sum(a.then(b) not in group for b in group), a.turns, a.mirrored))}
    return [view for view in DIHEDRALS if view in group]


def _differ(original: Float[np.ndarray, "pairs numbers"], pairs: Sequence[Pair], view: Dihedral) -> bool:
    seen = np.array([_numbers(view.apply_pair(pair)) for pair in pairs])
    return _mean_is_not_zero(original - seen)


def _mean_is_not_zero(differences: Float[np.ndarray, "pairs numbers"]) -> bool:
    """Whether some column's mean is further from 0 than chance has it (Student's t, two-sided)."""
    spread = differences.std(axis=0, ddof=1)
    mean = differences.mean(axis=0)
    constant = spread < 1e-12
    if (np.abs(mean[constant]) > 1e-12).any():
        return True
    score = np.abs(mean[~constant]) / (spread[~constant] / np.sqrt(len(differences)))
    return bool((2 * stats.t.sf(score, len(differences) - 1) < LEVEL).any())


def free_colours(pairs: Sequence[Pair]) -> list[int]:
    """Return the colours that the rule treats alike, as far as the pairs show: those that come, and equally often.

    A colour that the rule names, or that is a background, is in more (or fewer) inputs, outputs or changes than the
    others; it is dropped, the most striking first, until the rest are alike. Of a colour that never comes nothing is
    known.
    """
    if len(pairs) < FEWEST:
        return []
    seen = np.array([_colour_numbers(pair) for pair in pairs])
    free = [colour for colour in range(COLOURS) if seen[:, colour].any()]
    while len(free) > 1:
        shares = seen[:, free].mean(axis=0)
        typical = np.median(shares, axis=0)
        error = np.sqrt(np.maximum(typical * (1 - typical), 1 / len(pairs)) / len(pairs))
        strangeness = (np.abs(shares - typical) / error).max(axis=1)
        if strangeness.max() < stats.norm.isf(LEVEL / 2):
            return free
        free.pop(int(strangeness.argmax()))
    return []


def _colour_numbers(pair: Pair) -> Float[np.ndarray, "colours 4"]:
    """Of each colour: whether it is in the input, in the output, new in the output, and most frequent in the input."""
    assert pair.output is not None
    inside, outside = (np.bincount(grid.ravel(), minlength=COLOURS) > 0 for grid in (pair.input, pair.output))
    most = np.arange(COLOURS) == np.bincount(pair.input.ravel(), minlength=COLOURS).argmax()
    return np.stack([inside, outside, outside & ~inside, most], axis=1).astype(float)


def _numbers(pair: Pair) -> Float[np.ndarray, "numbers"]:
    """What is compared: sizes, where a change comes from, and how the output repeats views of the input."""
    query, output = pair.input, pair.output
    assert output is not None
    sizes = np.log([*query.shape, *output.shape]).tolist()
    return np.array([*sizes, *_corners(query, output), *_neighbours(query, output), *_centre(query, output)])


def _corners(query: Grid, output: Grid) -> Iterator[float]:
    """How much of the output equals each view of the input laid into each of its corners."""
    for view in DIHEDRALS:
        seen = view.apply(query)
        rows, cols = map(min, zip(seen.shape, output.shape, strict=True))
        for bottom in (False, True):
            for right in (False, True):
                mine = _corner(output, rows, cols, bottom=bottom, right=right)
                yield float((mine == _corner(seen, rows, cols, bottom=bottom, right=right)).mean())


def _corner(grid: Grid, rows: int, cols: int, *, bottom: bool, right: bool) -> Grid:
    top, left = grid.shape[0] - rows if bottom else 0, grid.shape[1] - cols if right else 0
    return grid[top : top + rows, left : left + cols]


def _neighbours(query: Grid, output: Grid) -> Iterator[float]:
    """For each offset: the share of the output's cells, and of the changed ones, that equal the input's or the
    output's cell so far away."""
    same = query.shape == output.shape
    changed = (query != output) if same else np.ones(output.shape, dtype=bool)
    sources = (query, output) if same else (output, output)
    for source in sources:
        for down in range(-REACH, REACH + 1):
            for right in range(-REACH, REACH + 1):
                equal = _shifted_equal(output, source, down, right)
                yield float((equal & changed).sum() / max(1, changed.sum()))


def _shifted_equal(output: Grid, source: Grid, down: int, right: int) -> Bool[np.ndarray, "_rows _cols"]:
    equal = np.zeros(output.shape, dtype=bool)
    rows, cols = output.shape
    if abs(down) >= rows or abs(right) >= cols:
        return equal
    here = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), cols - max(0, right)))
    there = (slice(max(0, down), rows + min(0, down)), slice(max(0, right), cols + min(0, right)))
    equal[here] = output[here] == source[there]
    return equal


def _centre(query: Grid, output: Grid) -> Iterator[float]:
    """Where the rare cells of both grids lie, and the changed cells, as shares of the sides."""
    for grid in (query, output):
        yield from _mass(grid != np.bincount(grid.ravel()).argmax())
    yield from _mass(query != output if query.shape == output.shape else np.zeros(output.shape, dtype=bool))


def _mass(cells: Bool[np.ndarray, "_rows _cols"]) -> tuple[float, float]:
    if not cells.any():
        return 0.5, 0.5
    rows, cols = np.nonzero(cells)
    return float((rows.mean() + 0.5) / cells.shape[0]), float((cols.mean() + 0.5) / cells.shape[1])
