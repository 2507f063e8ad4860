"""The base of `solve` has seen nothing that anybody is asked about, by content."""

from __future__ import annotations

from pathlib import Path

import base_corpus as corpus
import numpy as np
import pytest
import torch
from base_corpus import BaseCorpus, base_corpus, with_tasks, without_leaks

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.symmetry.augment import DIHEDRALS, ColourPermutation
from arc_affinity.data.symmetry.canonical import pair_key
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.training.joint.corpus import Lesson
from arc_affinity.types import Pair, Task

LONGEST = 600
"""As the bundled base was trained at last: runs/base.sh, and its card."""


@pytest.fixture(scope="module")
def made(shared: Path) -> BaseCorpus:
    return base_corpus(shared / "data", None, longest=LONGEST, drawn=4, seed=0)


def one_pair(number: int, side: int = 2) -> Pair:
    """A pair that is like no other's, in any view and colours: it has so many cells of one colour."""
    grid = np.zeros((side, 13), np.uint8)
    grid.ravel()[: number + 1] = 1
    return Pair(grid, grid[:, ::-1].copy())


def a_task(name: str, *numbers: int) -> Task:
    """All but the last as demonstrations."""
    pairs = [one_pair(number) for number in numbers]
    return Task(name, tuple(pairs[:-1]), tuple(pairs[-1:]))


def test_lessons_are_of_what_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    withheld = Task("w", (one_pair(9),), (Pair(one_pair(8).input, None),))
    long = Task("l", (one_pair(10), one_pair(11, side=23)), (one_pair(12),))
    only_long = Task("o", (one_pair(13, side=23),), ())
    sets = {
        "arc-agi-1/training": [a_task("a", 0, 1), a_task("b", 2, 3), a_task("kept", 4, 5)],
        "more": [a_task("c", 1, 6), a_task("d", 2, 7), a_task("e", 8, 14), a_task("f", 9, 15), long, only_long],
        "asked": [withheld],
    }
    monkeypatch.setattr(corpus, "load_tasks", lambda name, folder=None: sets[name])
    monkeypatch.setattr(corpus, "kept_out_tasks", lambda tasks: ["kept"])
    monkeypatch.setattr(corpus, "TRAINED_ON", ("arc-agi-1/training", "more"))
    monkeypatch.setattr(corpus, "ASKED", ("asked",))
    write_store(tmp_path / "store", {"a": [one_pair(16), one_pair(17, side=23)], "c": [one_pair(18), one_pair(19)]})
    examples = ExampleStore.open(tmp_path / "store")
    found = base_corpus(None, examples, longest=200, drawn=3, seed=5)
    lessons = {lesson.task_id: lesson for lesson in found.corpus.lessons}
    # Of "more", c and d repeat pairs of a and b, e and f have what is asked; o has no pair that is short.
    assert list(lessons) == ["arc-agi-1/training/a", "arc-agi-1/training/b", "more/l"]
    assert (found.leaks, found.repeats) == (3, 2)
    assert (found.corpus.drawn, found.corpus.longest, found.corpus.seed) == (3, 200, 5)
    assert [len(lesson.pairs) for lesson in lessons.values()] == [2, 2, 2]
    # Generated examples are of the first dataset's tasks alone, the short ones.
    assert [len(lesson.more) for lesson in lessons.values()] == [1, 0, 0]
    assert not any(lesson.more for lesson in base_corpus(None, None, longest=200, drawn=3, seed=5).corpus.lessons)


@pytest.mark.slow
@pytest.mark.many_steps
def test_no_pair_of_an_asked_or_kept_out_task_is_trained_on(made: BaseCorpus, shared: Path) -> None:
    training = load_tasks("arc-agi-1/training")
    kept = set(kept_out_tasks(training))
    asked = [task for task in training if task.id in kept]
    asked += load_tasks("arc-agi-1/evaluation")
    asked += load_tasks("arc-agi-2/evaluation", shared / "data")
    keys = {pair_key(pair) for task in asked for pair in (*task.train, *task.test)}
    pairs = [pair for lesson in made.corpus.lessons for pair in lesson.pairs]
    assert len(pairs) > 2000
    assert not keys & {pair_key(pair) for pair in pairs}
    # The same search finds what was left out: ARC-AGI-2's training set holds most of ARC-AGI-1's evaluation.
    assert len(keys & {pair_key(p) for t in load_tasks("arc-agi-2/training", shared / "data") for p in t.train}) > 1000


@pytest.mark.slow
@pytest.mark.many_steps
def test_the_bundled_base_was_trained_on_these_tasks(made: BaseCorpus) -> None:
    assert find_solver("solver-small").task_ids == tuple(lesson.task_id for lesson in made.corpus.lessons)


@pytest.mark.slow
@pytest.mark.many_steps
def test_no_task_is_there_twice(made: BaseCorpus) -> None:
    keys = [frozenset(pair_key(pair) for pair in lesson.pairs) for lesson in made.corpus.lessons]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("part", ["pair", "input"])
def test_leaks_go_by_content_with_their_whole_task(part: str) -> None:
    rng = np.random.default_rng(7)

    def grid() -> np.ndarray:
        return rng.integers(0, 10, (5, 7)).astype(np.uint8)

    turned = ColourPermutation((0, 2, 1, *range(3, 10)))
    lessons = [Lesson(f"t{i}", tuple(Pair(grid(), grid()) for _ in range(4)), frozenset({0})) for i in (1, 2, 3)]
    leaked = lessons[1].pairs[2]
    seen = Pair(turned.apply(DIHEDRALS[5].apply(leaked.input)), turned.apply(DIHEDRALS[5].apply(leaked.output)))
    forbidden = frozenset({pair_key(seen if part == "pair" else Pair(seen.input, None))})
    kept, dropped = without_leaks(lessons, forbidden)
    assert dropped == ["t2"]
    assert [each.task_id for each in kept] == ["t1", "t3"]


def test_a_known_task_keeps_its_vector() -> None:
    base = find_solver("solver-small")
    known = base.task_ids[7]
    made = with_tasks(base, ("new", known))
    assert torch.equal(made.tasks.weight[1], base.model.tasks.weight[7])
    assert not torch.equal(made.tasks.weight[0], made.tasks.weight[1]) and len(made.tasks.weight) == 2
