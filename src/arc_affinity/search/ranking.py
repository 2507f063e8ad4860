"""Answers that programs give, and their order: demonstrations reproduced, then cost, then how many agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arc_affinity.search.views import LatticeView, View
from arc_affinity.types import Grid, Task

VIEW_COST = 0.5
"""What a program costs more that sees the task in another view."""


@dataclass(frozen=True)
class Found:
    """An answer to one test output, with the cheapest program that gives it.

    The program, of ``cost`` (a description length without a unit), reproduces ``fits`` demonstrations; ``agreeing``
    distinct programs that fit as many give this answer. ``source`` is "composition", "stack" (of layers), "rule" or
    "same input".
    """

    grid: Grid
    program: str
    cost: float
    fits: int
    agreeing: int
    source: str


@dataclass(frozen=True)
class Candidate:
    """A program with its answers to all tests, None to one that it does not apply to."""

    grids: tuple[Grid | None, ...]
    program: str
    cost: float
    fits: int
    source: str


def turned_back(candidate: Candidate, view: View | LatticeView, first: int) -> Candidate:
    """Return a candidate that was found in a view, as it is without: its grids are of the pairs from ``first`` on."""
    grids = tuple(None if grid is None else view.undo(grid, first + i) for i, grid in enumerate(candidate.grids))
    if not view.name:
        return replace(candidate, grids=grids)
    return replace(candidate, grids=grids, program=f"{view.name}: {candidate.program}", cost=candidate.cost + VIEW_COST)


def rank(found: Sequence[Candidate], task: Task) -> tuple[tuple[Found, ...], ...]:
    """Return one list of distinct answers for each test output, the most trusted first.

    Programs that reproduce more demonstrations come first, then cheaper ones; each doubling of the programs that
    agree counts as half a unit of cost.
    """
    lists = []
    for index, pair in enumerate(task.test):
        groups: dict[bytes, tuple[Grid, list[Candidate]]] = {}
        for each in found:
            grid = each.grids[index]
            if grid is not None:
                groups.setdefault(bytes(grid.shape) + grid.tobytes(), (grid, []))[1].append(each)
        answers = []
        for grid, group in groups.values():
            best = min(group, key=lambda each: (-each.fits, each.cost))
            agreeing = sum(each.fits == best.fits for each in group)
            score = best.cost - 0.5 * float(np.log2(agreeing))
            answers.append((-best.fits, score, Found(grid, best.program, best.cost, best.fits, agreeing, best.source)))
        answers.sort(key=lambda item: item[:2])
        known = same_input(task, pair.input)
        ranked = [answer for _, _, answer in answers]
        if known is not None:
            ranked = [known, *(each for each in ranked if not np.array_equal(each.grid, known.grid))]
        lists.append(tuple(ranked))
    return tuple(lists)


def same_input(task: Task, grid: Grid) -> Found | None:
    """The answer to an input that a demonstration has: that one's output; none where several have it and disagree."""
    outputs = [pair.output for pair in task.train if pair.output is not None and np.array_equal(pair.input, grid)]
    if not outputs or not all(np.array_equal(outputs[0], other) for other in outputs):
        return None
    return Found(outputs[0], "the demonstration with this input", 0.0, len(task.train), 1, "same input")
