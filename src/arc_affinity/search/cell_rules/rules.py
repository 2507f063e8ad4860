"""Rules for cells learned from demonstrations: a small tree of questions, at its ends a colour or a cell to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from arc_affinity.search.cell_rules.features import FAMILIES, CellFeatures, Feature
from arc_affinity.search.cell_rules.thing_features import LARGEST
from arc_affinity.types import COLOURS, Grid

MOST_LEAVES = 12
MOST_DEPTH = 6
MOST_ACTIONS = 5
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

    def __init__(self, cells: Cells, target: UInt8[np.ndarray, "known"], tier: int, family: str | None = None) -> None:
        """Prepare for questions and copies up to a ``tier`` and of a ``family`` (of all if None).

        ``target`` has the colours of the first cells.
        """
        self.cells = cells
        self.target = target
        self.known = len(target)
        asked = np.array([family is None or each in ("", family) for each in cells.question_families], bool)
        copied = np.array([family is None or each in ("", family) for each in cells.copy_families], bool)
        self.usable = np.flatnonzero((cells.question_tiers <= tier) & asked)
        self.answers = cells.answers[self.usable, : self.known].astype(np.float32)
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
        self.right = np.stack(given) == target
        self.leaves = 0

    def fit(self, chosen: Int[np.ndarray, "some"], constants_only: bool = False) -> Tree | None:
        """Return a tree that gives every chosen cell its colour; None if none of the allowed size was found."""
        labels = self._label(chosen, constants_only)
        if labels is None:
            return None
        kinds, which = np.unique(labels, return_inverse=True)
        self.kinds = kinds
        self.one_hot = np.zeros((self.known, len(kinds)), np.float32)
        self.one_hot[chosen, which] = 1
        self.leaves = 1
        return self._grow(chosen, 0)

    def _label(self, chosen: Int[np.ndarray, "some"], constants_only: bool) -> Int[np.ndarray, "some"] | None:
        """An action for each cell: the few that together explain all."""
        right = self.right[:, chosen]
        labels = np.full(len(chosen), -1)
        if constants_only:
            for number, action in enumerate(self.actions):
                if action.copied is None:
                    labels[right[number]] = number
            return labels
        labels[right[0]] = 0
        for _ in range(MOST_ACTIONS):
            left = labels < 0
            if not left.any():
                return labels
            gains = right[:, left].sum(1)
            best = int(gains.argmax())
            if gains[best] == 0:
                return None
            labels[left & right[best]] = best
        return None if (labels < 0).any() else labels

    def _grow(self, chosen: Int[np.ndarray, "some"], depth: int) -> Tree | None:
        right = self.right[:, chosen].all(1)
        counts = self.one_hot[chosen].sum(0)
        if right.any():
            main = int(self.kinds[counts.argmax()])
            return self.actions[main if right[main] else int(right.argmax())]
        if depth == MOST_DEPTH or self.leaves == MOST_LEAVES or not len(self.usable):
            return None
        yes = self.answers[:, chosen] @ self.one_hot[chosen]
        gain = (_impurity(counts[None]) - _impurity(yes) - _impurity(counts - yes)) * self.weight
        best = int(gain.argmax())
        if gain[best] <= 1e-4:
            return None
        self.leaves += 1
        agreed = self.answers[best, chosen] > 0
        first = self._grow(chosen[agreed], depth + 1)
        second = None if first is None else self._grow(chosen[~agreed], depth + 1)
        if first is None or second is None:
            return None
        question = int(self.usable[best])
        return Fork(question, int(self.cells.question_tiers[question]), first, second)


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


def learn_rules(features: Sequence[CellFeatures], targets: Sequence[Grid], most_tier: int = 2) -> list[Rule]:
    """Return rules, the simplest first, that turn grids with these features into the targets.

    ``features`` are of every grid, the demonstrations' first, each of its target's size; none above ``most_tier`` is
    used.
    """
    cells = tabulate(features, len(targets))
    target = np.concatenate([each.ravel() for each in targets])
    shapes = [each.colours["own"].layer.shape for each in features]
    edges = np.cumsum([0, *(rows * cols for rows, cols in shapes)])
    found: dict[str, Rule] = {}
    plans = [(most_tier, family) for family in FAMILIES] + [(tier, None) for tier in range(most_tier + 1)]
    for tier, family in plans:
        learner = Learner(cells, target, tier, family)
        for constants_only in (False, True):
            tree = learner.fit(np.arange(len(target)), constants_only)
            if tree is None:
                continue
            text = describe(tree, cells)
            if text in found:
                continue
            row = answer(tree, cells, np.arange(len(cells.owner)))
            grids = tuple(row[a:b].reshape(shape) for a, b, shape in zip(edges, edges[1:], shapes, strict=False))
            held_out = _held_out(learner, cells, len(targets), constants_only)
            size = leaves(tree) + 0.5 * tiers(tree) + (0 if family is not None else 0.5 + 0.5 * tier)
            found[text] = Rule(grids, text, size, held_out)
    return [rule for rule in found.values() if all((grid < COLOURS).all() for grid in rule.grids)]


def _held_out(learner: Learner, cells: Cells, demonstrations: int, constants_only: bool) -> float:
    """Share of demonstrations that a tree from the others gets right."""
    if demonstrations < 2:
        return 0.0
    hits = 0
    owner = cells.owner[: learner.known]
    for left_out in range(demonstrations):
        tree = learner.fit(np.flatnonzero(owner != left_out), constants_only)
        if tree is not None:
            asked = np.flatnonzero(owner == left_out)
            hits += bool((answer(tree, cells, asked) == learner.target[asked]).all())
    return hits / demonstrations
