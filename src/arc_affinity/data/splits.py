"""Which tasks to train on and which to hold out: the published split, and stratified ones of our own."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

import numpy as np

from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.canonical import task_key
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Task

DRAWS = 64
"""Splits that `stratified_split` chooses from (ours)."""

KEPT_OUT = 100
"""Tasks of ARC-AGI-1 training that `kept_out_tasks` sets aside."""

UNLABELLED = "unlabelled"
"""Category of a task that no label is given for."""


@dataclass(frozen=True)
class Split:
    """Task ids to train on and to validate on, each ascending."""

    train: tuple[str, ...]
    validation: tuple[str, ...]

    def among(self, known: Collection[str]) -> Split:
        """Return the part of the split that is among ``known`` tasks."""
        train, validation = (tuple(task for task in side if task in known) for side in (self.train, self.validation))
        return Split(train, validation)


@dataclass(frozen=True)
class BalanceRow:
    """One stratum's part of both sides of a split; shares are between 0 and 1 of a side's tasks."""

    stratum: str
    train: int
    validation: int
    train_share: float
    validation_share: float

    @property
    def difference(self) -> float:
        """Validation share minus train share; 0 is perfect balance."""
        return self.validation_share - self.train_share


def published_split() -> Split:
    """Return the 308 training and 92 validation tasks of re-arc as published (arXiv 2512.07109)."""
    ids = _published_ids()
    return Split(ids["train"], ids["validation"])


def foundational_tasks() -> tuple[str, ...]:
    """Return the 18 foundational tasks as published (arXiv 2512.07109).

    Two of them, 137eaa0f and 5daaa586, are validation tasks of its split.
    """
    return _published_ids()["foundational"]


def kept_out_tasks(training: Iterable[Task]) -> tuple[str, ...]:
    """Return the ids, ascending, of the tasks of ARC-AGI-1 training that no solver is trained on or written for.

    Whatever a solver leaves open is chosen on these, so that evaluation tasks are looked at for a reported figure
    alone. They are the `KEPT_OUT` tasks with the least `task_key`: decided by content, whatever the ids or their order.
    """
    by_content = sorted(training, key=task_key)
    return tuple(sorted(task.id for task in by_content[:KEPT_OUT]))


SHARE = 0.23
"""Of the tasks that are held out, as in the published split."""


def stratified_split(
    output_cells: Mapping[str, float],
    categories: Mapping[str, str] | None = None,
    validation_share: float = SHARE,
    bins: int = 4,
    seed: int = 0,
) -> Split:
    """Split tasks so that both sides have the same mix of categories (tier 1) and output sizes (tier 2).

    Systematic sampling (ours): tasks stand in a row by category, within it by size bin, within that shuffled,
    and every ``1 / validation_share``-th is held out. So every category, and every size bin of a category,
    differs from its exact share by less than one task, and the number held out is exact. Of `DRAWS` such
    splits the one is taken whose size bins, over all categories, differ least.

    Args:
        output_cells: mean number of output cells of each task to split.
        categories: category by task id; tasks that it lacks are one category more.
        validation_share: share of the tasks to hold out, 0 to 1.
        bins: number of size bins (quantiles over all tasks), at least 1.
        seed: any integer; decides the shuffles and where the count begins.

    Raises:
        ArcAffinityError: nothing to split, a share that is none, or a side would be empty.
    """
    # Written so that a share that is no number is refused too.
    if not 0 < validation_share < 1:
        raise ArcAffinityError(f"a share must be above 0 and below 1, not {validation_share}")
    held_out = round(len(output_cells) * validation_share)
    if not 0 < held_out < len(output_cells):
        raise ArcAffinityError(
            f"a validation share of {validation_share} of {len(output_cells)} tasks leaves a side empty"
        )
    rng = random.Random(seed)
    numbers = _bin_numbers(output_cells, bins)
    draws = [_systematic(_in_strata(numbers, categories or {}, rng), held_out, rng) for _ in range(DRAWS)]
    labels = {task: str(number) for task, number in numbers.items()}
    return min(draws, key=lambda split: max(abs(row.difference) for row in balance(split, labels)))


def size_bins(output_cells: Mapping[str, float], bins: int = 4) -> dict[str, str]:
    """Return a label such as ``"9-36 cells"`` for each task: its quantile bin of output size.

    Equal sizes always share a bin, so there may be fewer bins than asked for. Labels have as many decimals as it takes
    to tell one bin's end from the next one's beginning.

    Raises:
        ArcAffinityError: ``bins`` is below 1.
    """
    numbers = _bin_numbers(output_cells, bins)
    members: dict[int, list[float]] = {}
    for task, number in numbers.items():
        members.setdefault(number, []).append(output_cells[task])
    ends = [(min(members[n]), max(members[n])) for n in sorted(members)]
    digits = next(d for d in range(17) if all(round(a, d) < round(b, d) for (_, a), (b, _) in pairwise(ends)))
    labels = {n: f"{min(sizes):.{digits}f}-{max(sizes):.{digits}f} cells" for n, sizes in members.items()}
    return {task: labels[number] for task, number in numbers.items()}


def balance(split: Split, strata: Mapping[str, str]) -> list[BalanceRow]:
    """Return one row a stratum, by name: how many tasks of it, and what share, each side of the split has.

    Args:
        split: the split to check.
        strata: stratum (a category, a size bin) by task id; tasks that it lacks are one stratum more.

    Raises:
        ArcAffinityError: a task is on both sides, or a side is empty.
    """
    both = set(split.train) & set(split.validation)
    if both:
        raise ArcAffinityError(f"task {min(both)} is on both sides of the split")
    if not split.train or not split.validation:
        raise ArcAffinityError("a side of the split is empty")
    train = Counter(strata.get(task, UNLABELLED) for task in split.train)
    validation = Counter(strata.get(task, UNLABELLED) for task in split.validation)
    return [
        BalanceRow(
            name,
            train[name],
            validation[name],
            train[name] / len(split.train),
            validation[name] / len(split.validation),
        )
        for name in sorted(sorted(train.keys() | validation.keys()), key=_natural)
    ]


def output_cells_of_store(store: ExampleStore) -> dict[str, float]:
    """Return the mean number of output cells of each task of a store."""
    cells = store.sizes[:, 2] * store.sizes[:, 3]
    return {task: float(cells[list(store.indices(task))].mean()) for task in store.tasks}


def output_cells_of_tasks(tasks: Iterable[Task]) -> dict[str, float]:
    """Return the mean number of output cells of each task, over its pairs that show an output."""
    sizes = {
        task.id: [pair.output.size for pair in (*task.train, *task.test) if pair.output is not None] for task in tasks
    }
    return {task: float(np.mean(cells)) for task, cells in sizes.items() if cells}


def _systematic(row: list[str], held_out: int, rng: random.Random) -> Split:
    """Hold out tasks at equal distances in the row, beginning anywhere in the first stretch."""
    start, step = rng.random(), len(row) / held_out
    validation = {row[int((start + number) * step)] for number in range(held_out)}
    return Split(tuple(sorted(set(row) - validation)), tuple(sorted(validation)))


def _in_strata(numbers: Mapping[str, int], categories: Mapping[str, str], rng: random.Random) -> list[str]:
    """Tasks by category and size bin, shuffled within; the bins of every other category run downwards."""
    row = sorted(numbers)
    rng.shuffle(row)
    names = sorted({categories.get(task, UNLABELLED) for task in row})
    place = {name: position for position, name in enumerate(names)}

    def key(task: str) -> tuple[int, int]:
        category = place[categories.get(task, UNLABELLED)]
        # Turning round at each border joins like sizes, which keeps the bins balanced over all categories.
        return category, numbers[task] if category % 2 == 0 else -numbers[task]

    return sorted(row, key=key)


def _bin_numbers(output_cells: Mapping[str, float], bins: int) -> dict[str, int]:
    if bins < 1:
        raise ArcAffinityError(f"at least 1 size bin is needed, not {bins}")
    tasks = sorted(output_cells)
    sizes = np.array([output_cells[task] for task in tasks], np.float64)
    edges = np.quantile(sizes, np.linspace(0, 1, bins + 1)[1:-1]) if tasks else sizes
    return dict(zip(tasks, np.searchsorted(edges, sizes, side="left").tolist(), strict=True))


def _published_ids() -> dict[str, tuple[str, ...]]:
    text = files("arc_affinity.data").joinpath("published_tasks.json").read_text(encoding="utf-8")
    return {name: tuple(ids) for name, ids in json.loads(text).items()}


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A key by which "9-36" comes before "100-300", "9.5-36.0" before "36.5-300.0", and numbers before words."""
    words = name.replace("-", " ").replace(".", " ").split()
    # Labels come from outside: digits of other scripts are none, and numbers may be too long to be made one.
    numbers = [word.lstrip("0") if word.isascii() and word.isdigit() else None for word in words]
    return [(True, 0, word) if n is None else (False, len(n), n) for word, n in zip(words, numbers, strict=True)]
