"""Rules for cells learned from demonstrations: a small tree of questions, at its ends a colour or a cell to copy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from arc_affinity.search.cell_rules.features import FAMILIES, CellFeatures, Feature
from arc_affinity.search.cell_rules.thing_features import LARGEST
from arc_affinity.types import COLOURS, Grid

MOST_LEAVES = 12
MOST_DEPTH = 6
MOST_ACTIONS = 5

BATCH = 4096
"""Cells whose answers are counted at once: they are numbers of 4 bytes only while they are, and of 1 byte otherwise."""


@dataclass(frozen=True)
class Limits:
    """How far a tree may grow, and what becomes of cells that it cannot explain.

    Attributes:
        leaves, depth, actions: most ends, questions in a row, and different ends that together explain the cells.
        whole: a tree that leaves one cell unexplained is none; otherwise an end gets what most of its cells have.
        least_gain: bits that a question must gain.
    """

    leaves: int = MOST_LEAVES
    depth: int = MOST_DEPTH
    actions: int = MOST_ACTIONS
    whole: bool = True
    least_gain: float = 1e-4


FEW = Limits()
"""For a few demonstrations, where only a small tree that explains every cell is to be trusted."""

MANY = Limits(leaves=120, depth=14, actions=8, whole=False, least_gain=10.0)
"""For many, of which some judge what was learned from the others. A question is one of a thousand and more, which takes
10 bits to name: it must gain as much (minimum description length, Rissanen 1978)."""

PENALTIES = (1.0, 0.93, 0.85)
"""What a question's gain counts for by its tier: simple questions first."""


@dataclass(frozen=True)
class Cells:
    """All cells of some grids in one row, with their features.

    Attributes:
        copies: what each colour feature has at each cell.
        copy_names, copy_tiers, copy_families: its name, tier and family.
        answers: whether each question is answered yes.
        question_names, question_tiers, question_families: its text, tier and family.
        owner: the grid that each cell is of.
    """

    copies: UInt8[np.ndarray, "features cells"]
    copy_names: tuple[str, ...]
    copy_tiers: Int[np.ndarray, "features"]
    copy_families: tuple[str, ...]
    answers: Bool[np.ndarray, "questions cells"]
    question_names: tuple[str, ...]
    question_tiers: Int[np.ndarray, "questions"]
    question_families: tuple[str, ...]
    owner: Int[np.ndarray, "cells"]


def tabulate(features: Sequence[CellFeatures], known: int) -> Cells:
    """Return the cells of grids with these features.

    Questions are made from the values that occur in the first ``known`` grids, which are the demonstrations.
    """
    sizes = [each.colours["own"].layer.size for each in features]
    seen = int(sum(sizes[:known]))
    questions: list[tuple[np.ndarray, str, int, str]] = []

    def ask(answers: np.ndarray, name: str, feature: Feature, harder: int = 0) -> None:
        questions.append((answers, name, min(feature.tier + harder, 2), feature.family))

    copies: list[tuple[str, Feature, np.ndarray]] = []
    shared = set.intersection(*(set(each.colours) for each in features))
    for name, feature in features[0].colours.items():
        if name not in shared:
            continue
        row = np.concatenate([each.colours[name].layer.ravel() for each in features]).astype(np.uint8)
        copies.append((name, feature, row))
        values = np.flatnonzero(np.bincount(row[:seen], minlength=11))
        for value in values if len(values) > 1 else ():
            ask(row == value, f"{name} is {value}", feature)
        if name != "own":
            ask(row == copies[0][2], f"{name} is own", feature, 1)
    names = {name: feature for each in features[:known] for name, feature in each.numbers.items()}
    for name, feature in names.items():
        parts = [
            each.numbers[name].layer.ravel() if name in each.numbers else np.zeros(n)
            for each, n in zip(features, sizes, strict=True)
        ]
        row = np.clip(np.concatenate(parts).astype(np.int64), 0, LARGEST)
        values = np.flatnonzero(np.bincount(row[:seen], minlength=2))
        if len(values) == 2 and values[0] == 0 and values[1] == 1:
            ask(row > 0, name, feature)
            continue
        for number, value in enumerate(values if len(values) > 1 else ()):
            ask(row == value, f"{name} is {value}", feature)
            if 0 < number < len(values) - 1:
                ask(row >= value, f"{name} is at least {value}", feature, 1)
            elif number and value > 1 and values[0] == 0:
                ask(row > 0, f"{name} is not 0", feature)
    return Cells(
        np.stack([row for _, _, row in copies]),
        tuple(name for name, _, _ in copies),
        np.array([feature.tier for _, feature, _ in copies]),
        tuple(feature.family for _, feature, _ in copies),
        np.stack([answers for answers, *_ in questions]) if questions else np.zeros((0, sum(sizes)), bool),
        tuple(name for _, name, _, _ in questions),
        np.array([tier for *_, tier, _ in questions], np.int64),
        tuple(family for *_, family in questions),
        np.repeat(np.arange(len(sizes)), sizes),
    )


@dataclass(frozen=True)
class Leaf:
    """What the cells that come here get: the colour of feature ``copied``, or ``colour`` if that is None."""

    colour: int
    copied: int | None
    tier: int


@dataclass(frozen=True)
class Fork:
    """A question and where its answers lead."""

    question: int
    tier: int
    yes: Fork | Leaf
    no: Fork | Leaf


Tree = Fork | Leaf


def leaves(tree: Tree) -> int:
    """Return how many ends a tree has."""
    return 1 if isinstance(tree, Leaf) else leaves(tree.yes) + leaves(tree.no)


def tiers(tree: Tree) -> int:
    """Return the sum of the tiers of a tree's questions and copies."""
    return tree.tier if isinstance(tree, Leaf) else tree.tier + tiers(tree.yes) + tiers(tree.no)


def describe(tree: Tree, cells: Cells) -> str:
    """Return a tree as text."""
    if isinstance(tree, Leaf):
        return str(tree.colour) if tree.copied is None else cells.copy_names[tree.copied]
    yes, no = describe(tree.yes, cells), describe(tree.no, cells)
    return f"({cells.question_names[tree.question]} ? {yes} : {no})"


def answer(tree: Tree, cells: Cells, chosen: Int[np.ndarray, "some"]) -> UInt8[np.ndarray, "some"]:
    """Return the colour that a tree gives to each of the ``chosen`` cells."""
    if isinstance(tree, Leaf):
        if tree.copied is None:
            return np.full(len(chosen), tree.colour, np.uint8)
        return cells.copies[tree.copied, chosen]
    yes = cells.answers[tree.question, chosen]
    result = np.empty(len(chosen), np.uint8)
    result[yes] = answer(tree.yes, cells, chosen[yes])
    result[~yes] = answer(tree.no, cells, chosen[~yes])
    return result


class Learner:
    """Fits trees to the demonstrations' cells."""

    def __init__(
        self,
        cells: Cells,
        target: UInt8[np.ndarray, "known"],
        tier: int,
        family: str | None = None,
        limits: Limits = FEW,
    ) -> None:
        """Prepare for questions and copies up to a ``tier`` and of a ``family`` (of all if None).

        ``target`` has the colours of the first cells.
        """
        self.cells = cells
        self.target = target
        self.known = len(target)
        self.limits = limits
        asked = np.array([family is None or each in ("", family) for each in cells.question_families], bool)
        copied = np.array([family is None or each in ("", family) for each in cells.copy_families], bool)
        self.usable = np.flatnonzero((cells.question_tiers <= tier) & asked)
        # A row a cell, so that those of some cells are taken quickly.
        self.answers = np.ascontiguousarray(cells.answers[self.usable, : self.known].T)
        self.weight = np.array(PENALTIES, np.float32)[cells.question_tiers[self.usable]]
        # Own colour first, then constants, then the other copies: the order of preference.
        copies = [k for k in np.flatnonzero((cells.copy_tiers <= tier) & copied) if k > 0]
        constants = np.flatnonzero(np.bincount(target, minlength=COLOURS))
        self.actions = [
            Leaf(0, 0, 0),
            *(Leaf(int(colour), None, 0) for colour in constants),
            *(Leaf(0, int(k), int(cells.copy_tiers[k])) for k in copies),
        ]
        given = [
            cells.copies[each.copied, : self.known]
            if each.copied is not None
            else np.full(self.known, each.colour, np.uint8)
            for each in self.actions
        ]
        self.right = np.ascontiguousarray((np.stack(given) == target).T)
        self.leaves = 0

    def asking(self, some: Bool[np.ndarray, "usable"]) -> Learner:
        """Return a learner that asks ``some`` of this one's questions."""
        other = copy.copy(self)
        other.usable, other.answers, other.weight = self.usable[some], self.answers[:, some], self.weight[some]
        return other

    def fit(self, chosen: Int[np.ndarray, "some"], constants_only: bool = False) -> Tree | None:
        """Return a tree that gives every chosen cell its colour; None if none of the allowed size was found."""
        labels = self._label(chosen, constants_only)
        if labels is None:
            return None
        explained = labels >= 0
        self.kinds, which = np.unique(labels[explained], return_inverse=True)
        self.one_hot = np.zeros((self.known, len(self.kinds)), np.float32)
        self.one_hot[chosen[explained], which] = 1
        self.leaves = 1
        return self._grow(chosen, 0)

    def _label(self, chosen: Int[np.ndarray, "some"], constants_only: bool) -> Int[np.ndarray, "some"] | None:
        """An action for each cell: the few that together explain all."""
        right = self.right[chosen].T
        labels = np.full(len(chosen), -1)
        if constants_only:
            for number, action in enumerate(self.actions):
                if action.copied is None:
                    labels[right[number]] = number
            return labels
        labels[right[0]] = 0
        for _ in range(self.limits.actions):
            left = labels < 0
            if not left.any():
                return labels
            gains = right[:, left].sum(1)
            best = int(gains.argmax())
            if gains[best] == 0:
                break
            labels[left & right[best]] = best
        return None if self.limits.whole and (labels < 0).any() else labels

    def _grow(self, chosen: Int[np.ndarray, "some"], depth: int) -> Tree | None:
        limits, right = self.limits, self.right[chosen]
        counts = self.one_hot[chosen].sum(0)
        sure = right.all(0)
        if sure.any():
            main = int(self.kinds[counts.argmax()])
            return self.actions[main if sure[main] else int(sure.argmax())]
        end = None if limits.whole else self.actions[int(right.sum(0).argmax())]
        if depth == limits.depth or self.leaves == limits.leaves or not len(self.usable):
            return end
        yes = self._yes(chosen)
        gain = (_impurity(counts[None]) - _impurity(yes) - _impurity(counts - yes)) * self.weight
        best = int(gain.argmax())
        if gain[best] <= limits.least_gain:
            return end
        self.leaves += 1
        agreed = self.answers[chosen, best]
        first = self._grow(chosen[agreed], depth + 1)
        second = None if first is None else self._grow(chosen[~agreed], depth + 1)
        if first is None or second is None:
            return None
        if first == second and isinstance(first, Leaf):
            return first  # ends that most cells agree on may be the same
        question = int(self.usable[best])
        return Fork(question, int(self.cells.question_tiers[question]), first, second)

    def _yes(self, chosen: Int[np.ndarray, "some"]) -> Float[np.ndarray, "usable kinds"]:
        """How many of the chosen cells of each kind answer each question with yes."""
        total = np.zeros((len(self.usable), self.one_hot.shape[1]), np.float32)
        # Sums of ones are exact in any order, so that batches change no tree.
        for begin in range(0, len(chosen), BATCH):
            batch = chosen[begin : begin + BATCH]
            total += self.answers[batch].astype(np.float32).T @ self.one_hot[batch]
        return total


def _impurity(counts: Float[np.ndarray, "rows kinds"]) -> Float[np.ndarray, "rows"]:
    """Entropy times number, in bits (Shannon 1948), of the cells of each row."""
    total = counts.sum(1, keepdims=True)
    share = counts / np.maximum(total, 1)
    return -(counts * np.log2(np.maximum(share, 1e-9))).sum(1)


@dataclass(frozen=True)
class Rule:
    """A tree that explains all demonstrations.

    ``grids`` is what it gives for every grid, demonstrations first; ``size`` counts its leaves and the tiers of what
    they ask and copy; ``held_out`` is the share of demonstrations that a tree learned from the others gets right.
    """

    grids: tuple[Grid, ...]
    text: str
    size: float
    held_out: float


def learn_rules(
    features: Sequence[CellFeatures],
    targets: Sequence[Grid],
    most_tier: int = 2,
    limits: Limits = FEW,
    known: Collection[str] = (),
    over: Callable[[], bool] = lambda: False,
) -> list[Rule]:
    """Return rules that turn grids with these features into the targets: by one family of features each, then by all.

    ``features`` are of every grid, the demonstrations' first, each of its target's size; none above ``most_tier`` is
    used. Rules whose texts are ``known`` are left out, which is quick. ``over`` says whether the time is, after which
    no further rule is learned, and one that is not held against demonstrations left out counts as always wrong there.
    """
    if over():
        return []
    cells = tabulate(features, len(targets))
    target = np.concatenate([each.ravel() for each in targets])
    found: dict[str, Rule] = {}
    plans = [(most_tier, family) for family in FAMILIES] + [(tier, None) for tier in range(most_tier + 1)]
    for tier, family in plans:
        if over():
            break
        learner = Learner(cells, target, tier, family, limits)
        for constants_only in (False, True):
            if over():
                break
            tree = learner.fit(np.arange(len(target)), constants_only)
            if tree is None:
                continue
            text = describe(tree, cells)
            if text in found or text in known:
                continue
            row = answer(tree, cells, np.arange(len(cells.owner)))
            grids = split_rows(row, features)
            held_out = _held_out(learner, cells, len(targets), constants_only, over) if limits.whole else 0.0
            size = leaves(tree) + 0.5 * tiers(tree) + (0 if family is not None else 0.5 + 0.5 * tier)
            found[text] = Rule(grids, text, size, held_out)
    return [rule for rule in found.values() if all((grid < COLOURS).all() for grid in rule.grids)]


def split_rows(colours: UInt8[np.ndarray, "cells"], features: Sequence[CellFeatures]) -> tuple[Grid, ...]:
    """Return the colours of all cells in a row as grids, which have these features."""
    shapes = [each.colours["own"].layer.shape for each in features]
    edges = np.cumsum([0, *(rows * cols for rows, cols in shapes)])
    return tuple(colours[a:b].reshape(shape) for a, b, shape in zip(edges, edges[1:], shapes, strict=False))


def _held_out(
    learner: Learner, cells: Cells, demonstrations: int, constants_only: bool, over: Callable[[], bool]
) -> float:
    """Share of demonstrations that a tree from the others gets right; 0 where the time is over before."""
    if demonstrations < 2:
        return 0.0
    hits = 0
    owner = cells.owner[: learner.known]
    for left_out in range(demonstrations):
        if over():
            return 0.0
        tree = learner.fit(np.flatnonzero(owner != left_out), constants_only)
        if tree is not None:
            asked = np.flatnonzero(owner == left_out)
            hits += bool((answer(tree, cells, asked) == learner.target[asked]).all())
    return hits / demonstrations
