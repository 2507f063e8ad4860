"""Content instead of names: pairs that are the same but for the way they lie and their colours (ours)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arc_affinity.data.symmetry.augment import DIHEDRALS
from arc_affinity.types import COLOURS, Pair, Task

KEY_BYTES = 16
"""Length of a key; the chance that any two of a million different pairs share one is about 1e-27."""


@dataclass(frozen=True)
class Place:
    """Where a pair stands: its task, the part ("train" or "test") and its number there."""

    task: str
    part: str
    index: int


@dataclass(frozen=True)
class Leak:
    """A pair to be asked about (``seen_in`` the other tasks) that must not count as unseen.

    Attributes:
        pair: where it stands among the tasks to evaluate on.
        seen_in: where the same pair stands among the tasks to train on.
        identical: same cells; else the same up to one of the 8 views and a relabelling of the colours.
    """

    pair: Place
    seen_in: Place
    identical: bool


def pair_key(pair: Pair) -> bytes:
    """Return `KEY_BYTES` that are equal for pairs that are the same up to view and colours, and no others.

    A view (one of the 8 of the square) and a relabelling of all ten colours act on input and output alike.
    The key is a digest of the smallest of the 8 views, each with its colours numbered by first appearance in
    the input, then the output, row by row. Where the output is withheld, it is the key of the input alone.
    """
    grids = [grid for grid in (pair.input, pair.output) if grid is not None]
    views = ([view.apply(grid) for grid in grids] for view in DIHEDRALS)
    smallest = min(
        bytes(side for grid in seen for side in grid.shape) + _relabelled(b"".join(grid.tobytes() for grid in seen))
        for seen in views
    )
    return hashlib.blake2b(smallest, digest_size=KEY_BYTES).digest()


def task_key(task: Task) -> bytes:
    """Return `KEY_BYTES` that are equal for tasks with the same pairs, in any order and part.

    Pairs are the same as in `pair_key`, each up to a view and relabelling of its own.
    """
    keys = sorted(pair_key(pair) for pair in (*task.train, *task.test))
    return hashlib.blake2b(b"".join(keys), digest_size=KEY_BYTES).digest()


def digest_of_pairs(pairs: Iterable[Pair]) -> str:
    """Return the first 16 hex digits of the SHA-256 of ``pairs``, cell by cell and in order, outputs included."""
    state = hashlib.sha256()
    for pair in pairs:
        for grid in (pair.input, pair.output):
            state.update(b"withheld" if grid is None else bytes(grid.shape) + grid.tobytes())
    return state.hexdigest()[:16]


def find_leaks(train_tasks: Iterable[Task], eval_tasks: Iterable[Task]) -> list[Leak]:
    """Return every pair of ``eval_tasks`` that ``train_tasks`` also hold, with each of its places there.

    Demonstrations are compared as well as tests: a demonstration that was trained on gives its task's rule
    away. A pair whose output is withheld, in either dataset, is compared by its input.

    Returns:
        Leaks in the order of ``eval_tasks``, then of ``train_tasks``.
    """
    known, asked = list(_places(train_tasks)), list(_places(eval_tasks))
    # The key of a pair without output is that of its input, so that such a pair is found among those that are known.
    by_pair = _index(pair for _, pair in known)
    withheld = any(pair.output is None for _, pair in asked)
    by_input = _index(Pair(pair.input, None) for _, pair in known) if withheld else {}
    some_unknown = any(pair.output is None for _, pair in known)

    def places_of(pair: Pair) -> Iterable[int]:
        if pair.output is None:
            return by_input.get(pair_key(pair), ())
        alike = by_pair.get(pair_key(pair), ())
        return sorted([*alike, *by_pair.get(pair_key(Pair(pair.input, None)), ())]) if some_unknown else alike

    return [
        Leak(place, known[number][0], _identical(pair, known[number][1]))
        for place, pair in asked
        for number in places_of(pair)
    ]


def _index(pairs: Iterable[Pair]) -> Mapping[bytes, Sequence[int]]:
    """The numbers of the pairs with each key."""
    index: defaultdict[bytes, list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        index[pair_key(pair)].append(number)
    return index


def _places(tasks: Iterable[Task]) -> Iterator[tuple[Place, Pair]]:
    for task in tasks:
        for part, pairs in (("train", task.train), ("test", task.test)):
            for index, pair in enumerate(pairs):
                yield Place(task.id, part, index), pair


def _identical(pair: Pair, other: Pair) -> bool:
    same_input = np.array_equal(pair.input, other.input)
    if pair.output is None or other.output is None:
        return same_input
    return same_input and np.array_equal(pair.output, other.output)


def _relabelled(cells: bytes) -> bytes:
    # Searching and translating bytes costs a tenth of the same in numpy.
    first = {colour: cells.find(colour) for colour in range(COLOURS)}
    seen = sorted((colour for colour in first if first[colour] >= 0), key=first.__getitem__)
    return cells.translate(bytes.maketrans(bytes(seen), bytes(range(len(seen)))))
