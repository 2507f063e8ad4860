"""Many demonstrations: programs are found on a few of them, rules learned from more, and the others judge both."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from arc_affinity.search.bases import EXTRA_LAYERS, base_features, best_bases, with_layers
from arc_affinity.search.cell_rules.forest import forest
from arc_affinity.search.cell_rules.rules import MANY, learn_rules
from arc_affinity.search.compose import Bounds, Finished, Node, Search
from arc_affinity.search.functions.library import steps_for
from arc_affinity.search.ranking import Candidate, turned_back
from arc_affinity.search.values import grids_in
from arc_affinity.search.views import LatticeView, View, all_views
from arc_affinity.types import Grid, Pair, Task

FROM = 30
"""Demonstrations from which they are divided so; with fewer, programs have to reproduce all."""

SEARCHED = 5
"""Demonstrations that compositions are searched on."""

FEW_CELLS, MANY_CELLS = 8_000, 24_000
"""Cells of all outputs that rules are learned from: at first, and where those judge well."""

JUDGED = 40
"""Demonstrations that judge, at most, and never more than a third."""

SEARCH_SHARE = 0.4
"""Part of the time that goes to compositions in all views; rules for cells have what is left."""

FIRST_SHARE = 0.4
"""Part of what is left of that for each view in turn."""

PARTIAL = 20
"""Programs that reproduce some of the demonstrations searched on, that are judged too."""

ODD = 0.1
"""Part of the outputs that may have another size than a grid that rules are learned from: they are wrong, it seems."""

FOREST_COST = 12.0
"""That of a forest, which nobody can read: behind any rule that judges as well."""


@dataclass(frozen=True)
class Parts:
    """The demonstrations of a task, divided.

    Of those ``taught``, the first ``searched`` are searched on, and the first ``few`` are learned from at first.
    """

    searched: int
    few: int
    taught: tuple[Pair, ...]
    judged: tuple[Pair, ...]


def divided(demonstrations: Sequence[Pair], seed: int = 0) -> Parts:
    """Divide demonstrations at random; those searched on are from the smaller half, which costs less, of all sizes."""
    draws = np.random.default_rng(seed)
    shuffled = [demonstrations[i] for i in draws.permutation(len(demonstrations))]
    judging = min(JUDGED, len(shuffled) // 3)
    judged, rest = shuffled[:judging], shuffled[judging:]
    by_size = sorted(range(len(rest)), key=lambda i: _cells(rest[i]))
    half = by_size[: max(SEARCHED, len(rest) // 2)]
    first = [half[round(place)] for place in np.linspace(0, len(half) - 1, SEARCHED)]
    taught = [rest[i] for i in (*first, *(number for number in range(len(rest)) if number not in first))]
    cells = np.cumsum([_cells(pair) for pair in taught])
    few, many = (max(SEARCHED, int(np.searchsorted(cells, most, "right"))) for most in (FEW_CELLS, MANY_CELLS))
    return Parts(SEARCHED, few, tuple(taught[:many]), tuple(judged))


def _cells(pair: Pair) -> int:
    assert pair.output is not None
    return pair.output.size


def candidates(task: Task, bounds: Bounds) -> list[Candidate]:
    """Return the programs and rules found within bounds, in no order.

    Each ``fits`` as large a share of the task's demonstrations as it reproduces of those that judge, rounded down.
    The work ends once every test has an answer by one that reproduces all of these: a program may not apply to a test.
    """
    parts = divided(task.train)
    known = (*parts.taught, *parts.judged)
    inputs = [pair.input for pair in (*known, *task.test)]
    seen = [Seen(task, parts, view) for view in all_views(known, inputs)]
    end = bounds.clock() + bounds.seconds
    found: list[Candidate] = []
    answered: set[int] = set()
    for candidate in _in_turn(seen, bounds, end):
        found.append(candidate)
        if candidate.fits == len(task.train):
            answered |= {test for test, grid in enumerate(candidate.grids) if grid is not None}
        if len(answered) == len(task.test):
            break
    return found


def _in_turn(seen: Sequence[Seen], bounds: Bounds, end: float) -> Iterator[Candidate]:
    """Compositions in all views, then rules for cells."""
    left = bounds.seconds * SEARCH_SHARE
    for number, one in enumerate(seen):
        begin = bounds.clock()
        share = 1.0 if number == len(seen) - 1 else FIRST_SHARE
        yield from one.compositions(replace(bounds, seconds=left * share))
        left = max(0.0, left - (bounds.clock() - begin))
    yield from _rules(seen, bounds, end)


@dataclass(frozen=True, order=True)
class Lesson:
    """Rules to be learned in the view ``seen`` from its base number ``base``; the least ``hope`` is the best."""

    hope: float
    base: int
    view: int
    many: bool


def _rules(seen: Sequence[Seen], bounds: Bounds, end: float) -> Iterator[Candidate]:
    """Rules from the best grid of each view, then from what promises most: more demonstrations where some judge well,
    and the next best grids. None are learned any more where all that was learned from two of each is wrong always."""
    lessons = [Lesson(-math.inf, 0, view, many=False) for view in range(len(seen))]
    while lessons and bounds.clock() < end:
        lesson = heapq.heappop(lessons)
        if lesson.hope == 0 and lesson.base > 1:
            return
        found = seen[lesson.view].rules(lesson.base, lesson.many, lambda: bounds.clock() >= end)
        if found is None:
            continue
        yield from found
        if lesson.many:
            continue
        share = max((each.fits for each in found), default=0)
        if share and seen[lesson.view].has_more:
            heapq.heappush(lessons, Lesson(-share, lesson.base, lesson.view, many=True))
        heapq.heappush(lessons, Lesson(-share / 2, lesson.base + 1, lesson.view, many=False))


class Seen:
    """A task with many demonstrations in one view."""

    def __init__(self, task: Task, parts: Parts, view: View | LatticeView) -> None:
        """Turn all grids: those taught first, then those that judge, then the tests."""
        self.demonstrations, self.parts, self.view = len(task.train), parts, view
        known = (*parts.taught, *parts.judged)
        self.inputs = [view.apply(pair.input, i) for i, pair in enumerate((*known, *task.test))]
        self.targets = [view.apply(pair.output, i) for i, pair in enumerate(known) if pair.output is not None]
        few = parts.searched
        pairs = [Pair(given, wanted) for given, wanted in zip(self.inputs[:few], self.targets[:few], strict=True)]
        self.search = Search(self.inputs[:few], self.targets[:few], steps_for(pairs))
        self.finished = Finished()
        self._longer: dict[str, Node | None] = {}

    def compositions(self, bounds: Bounds) -> Iterator[Candidate]:
        """Search for compositions on a few demonstrations; what fits those, or some of them, is judged."""
        self.finished = self.search.run(bounds)
        partial = sorted(self.finished.partial, key=lambda each: (-each[0], each[1].cost))[:PARTIAL]
        for node in (*self.finished.solutions, *(node for _, node in partial)):
            grids = [self.search.rerun(node, grid) for grid in self.inputs[len(self.parts.taught) :]]
            yield self._judged(grids, node.text, node.cost, "composition")

    @cached_property
    def _bases(self) -> list[Node]:
        """Grids that rules can be learned from: those that come out for all inputs, of nearly all outputs' sizes."""
        few = best_bases(self.finished.same_size, self.targets[: self.parts.searched])
        return [longer for node in few if (longer := self._for_all(node))]

    @cached_property
    def _layers(self) -> list[Node]:
        few = self.finished.same_size[: EXTRA_LAYERS + 1]
        return [longer for node in few if (longer := self._for_all(node))]

    @property
    def has_more(self) -> bool:
        """Whether there is more to learn from than what is learned from at first."""
        return self.parts.few < len(self.parts.taught)

    def rules(self, number: int, many: bool, over: Callable[[], bool]) -> list[Candidate] | None:
        """Learn rules for cells, and a forest, from one of the bases; None if there are not so many.

        ``over`` says whether the time is, after which no further tree is begun.
        """
        if number >= len(self._bases):
            return None
        known = len(self.parts.taught)
        own = self._bases[number]
        # A demonstration of another size, a wrong one perhaps, teaches nothing.
        learned = [i for i in range(known if many else self.parts.few) if self._has_size(own, i)]
        taught = len(learned)
        chosen = [*learned, *range(known, len(self.inputs))]
        base = _of(own, chosen)
        layers = [_of(node, chosen) for node in self._layers if node is not own]
        features = base_features(base, [self.inputs[i] for i in chosen])
        table = with_layers(features, base, layers)
        targets = [self.targets[i] for i in learned]
        made = [
            (rule.grids, f"{base.text} | cells {rule.text}", 1 + 0.4 * rule.size)
            for rule in learn_rules(table, targets, limits=MANY, over=over)
        ]
        if not over():
            made.append((forest(table, targets, over=over), f"{base.text} | forest", FOREST_COST))
        return [self._judged(grids[taught:], text, base.cost + cost, "rule") for grids, text, cost in made]

    def _for_all(self, node: Node) -> Node | None:
        """As `_rerun`, once a program: the same object for a base and for the layer that it is too."""
        if node.text not in self._longer:
            self._longer[node.text] = self._rerun(node)
        return self._longer[node.text]

    def _rerun(self, node: Node) -> Node | None:
        """A program with what it gives for all grids; None if it does not apply to one, or many sizes are others."""
        state = list(node.state)
        odd = 0
        for place in range(len(state), len(self.inputs)):
            grid = self.search.rerun(node, self.inputs[place])
            odd += place < len(self.targets) and grid is not None and grid.shape != self.targets[place].shape
            if grid is None or odd > ODD * len(self.targets):
                return None
            state.append(grid)
        return replace(node, state=tuple(state))

    def _has_size(self, node: Node, place: int) -> bool:
        return grids_in(node.state)[place].shape == self.targets[place].shape

    def _judged(self, grids: Sequence[Grid | None], text: str, cost: float, source: str) -> Candidate:
        """A candidate with its answers to the tests, which come after those by which it is judged."""
        found = turned_back(Candidate(tuple(grids), text, cost, 0, source), self.view, len(self.parts.taught))
        judged = len(self.parts.judged)
        wanted = [pair.output for pair in self.parts.judged if pair.output is not None]
        right = sum(
            grid is not None and np.array_equal(grid, true) for grid, true in zip(found.grids, wanted, strict=False)
        )
        return replace(found, grids=found.grids[judged:], fits=self.demonstrations * right // judged)


def _of(node: Node, chosen: Sequence[int]) -> Node:
    """A program with what it gives for some of the grids."""
    return replace(node, state=tuple(node.state[i] for i in chosen))
