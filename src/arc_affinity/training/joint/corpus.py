"""What is trained on: the pairs of many tasks, drawn and changed anew in every pass, in batches of like length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from arc_affinity.data.symmetry.augment import DIHEDRALS, Compose, fixed_colours, random_view
from arc_affinity.models.pair_transformer.layout import FRAME, Written
from arc_affinity.types import CANVAS, Pair, Task


@dataclass(frozen=True)
class Lesson:
    """The pairs of one task that may be learned.

    Attributes:
        task_id: its id.
        pairs: always taken, each once a pass.
        more: others of the same rule (re-arc), some of which are drawn a pass.
        fixed: colours that keep their place when others are permuted (`fixed_colours`).
    """

    task_id: str
    pairs: tuple[Pair, ...]
    fixed: frozenset[int]
    more: tuple[Pair, ...] = ()


def demonstrations_of(task: Task) -> Lesson:
    """Return what a solver may learn of a task that it is asked: its demonstrations, never its tests' outputs."""
    return Lesson(task.id, task.train, fixed_colours(task))


def whole_lesson(task: Task, more: Iterable[Pair] = ()) -> Lesson:
    """Return what may be learned of a task that nobody asks about: every pair with an output, and ``more``."""
    known = tuple(pair for pair in (*task.train, *task.test) if pair.output is not None)
    return Lesson(task.id, known, fixed_colours(task), tuple(more))


def length_of(pair: Pair) -> int:
    """Return the tokens of a pair's sequence."""
    assert pair.output is not None
    return pair.input.size + pair.output.size + 2 * FRAME - 1


@dataclass(frozen=True)
class Item:
    """One pair of the corpus: the number of its lesson, its own number there (first ``pairs``, then ``more``), and
    which of its copies in a pass it is."""

    lesson: int
    pair: int
    copy: int = 0


@dataclass(frozen=True)
class Corpus:
    """Lessons, and how a pass over them is made.

    Attributes:
        lessons: one a task; their numbers are those of the task vectors.
        drawn: at most so many of each lesson's ``more`` in a pass.
        longest: pairs of more tokens are left out.
        seed: of all draws.
        copies: how often each pair comes in a pass, every time under another view: a handful of demonstrations would
            not fill a batch otherwise.
    """

    lessons: tuple[Lesson, ...]
    drawn: int = 0
    longest: int = 2 * CANVAS + 2 * FRAME
    seed: int = 0
    copies: int = 1

    @cached_property
    def digest(self) -> str:
        """Identity of the content: a run goes on only with the same."""
        state = hashlib.sha256(repr((self.drawn, self.longest, self.seed, self.copies)).encode())
        for lesson in self.lessons:
            state.update(repr((lesson.task_id, sorted(lesson.fixed))).encode())
            for pair in (*lesson.pairs, *lesson.more):
                for grid in (pair.input, pair.output):
                    assert grid is not None
                    state.update(repr(grid.shape).encode() + grid.tobytes())
        return state.hexdigest()[:16]

    def pair(self, item: Item) -> Pair:
        """Return the pair of ``item`` as it is."""
        lesson = self.lessons[item.lesson]
        own = len(lesson.pairs)
        return lesson.pairs[item.pair] if item.pair < own else lesson.more[item.pair - own]

    def batches(self, number: int, tokens: int) -> list[list[Item]]:
        """Return pass ``number`` in batches of at most ``tokens``, padding included, in random order.

        Pairs of like length share a batch; ties are broken at random, so that batches differ from pass to pass.
        A pair that alone has more tokens is a batch by itself.
        """
        rng = np.random.default_rng([self.seed, number])
        items: list[Item] = []
        for at, lesson in enumerate(self.lessons):
            own = len(lesson.pairs)
            drawn = own + rng.permutation(len(lesson.more))[: self.drawn]
            chosen = [Item(at, pair) for pair in (*range(own), *drawn.tolist())]
            short = [item for item in chosen if length_of(self.pair(item)) <= self.longest]
            items += [replace(item, copy=copy) for copy in range(self.copies) for item in short]
        lengths = np.array([length_of(self.pair(item)) for item in items])
        order = np.lexsort((rng.random(len(items)), lengths))
        made: list[list[Item]] = []
        width = 0
        for at in order:
            width = max(width, int(lengths[at]))
            if not made or width * (len(made[-1]) + 1) > tokens:
                made.append([])
                width = int(lengths[at])
            made[-1].append(items[at])
        return [made[at] for at in rng.permutation(len(made))]

    def view(self, item: Item, number: int) -> Written:
        """Return the pair of ``item`` as pass ``number`` sees it: turned or mirrored, its free colours permuted."""
        rng = np.random.default_rng([self.seed, number, item.lesson, item.pair, item.copy])
        view, colours = random_view(self.lessons[item.lesson].fixed, rng)
        change = Compose((DIHEDRALS[view], colours))
        pair = self.pair(item)
        assert pair.output is not None
        return Written(change.apply(pair.input), change.apply(pair.output), item.lesson, view)
