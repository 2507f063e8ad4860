"""The base of `solve` has seen nothing that anybody is asked about, by content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from base_corpus import BaseCorpus, base_corpus, without_leaks

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.data.symmetry.augment import DIHEDRALS, ColourPermutation
from arc_affinity.data.symmetry.canonical import pair_key
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.training.joint.corpus import Lesson
from arc_affinity.types import Pair

LONGEST = 600
"""As the bundled base was trained at last: runs/base.sh, and its card."""


@pytest.fixture(scope="module")
def made(shared: Path) -> BaseCorpus:
    return base_corpus(shared / "data", None, longest=LONGEST, drawn=4, seed=0)


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
