"""The base of `solve` has seen nothing that anybody is asked about, by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.data.symmetry.canonical import pair_key
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.training.joint.base import BaseCorpus, base_corpus

# The base is trained by runs/base.py alone, on the whole of five datasets; test_corpus.py has the rule small.
pytestmark = [pytest.mark.many_steps, pytest.mark.slow]

LONGEST = 600
"""As the bundled base was trained at last: runs/base.sh, and its card."""


@pytest.fixture(scope="module")
def made(shared: Path) -> BaseCorpus:
    return base_corpus(shared / "data", None, longest=LONGEST, drawn=4, seed=0)


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


def test_the_bundled_base_was_trained_on_these_tasks(made: BaseCorpus) -> None:
    assert find_solver("solver-small").task_ids == tuple(lesson.task_id for lesson in made.corpus.lessons)


def test_no_task_is_there_twice(made: BaseCorpus) -> None:
    keys = [frozenset(pair_key(pair) for pair in lesson.pairs) for lesson in made.corpus.lessons]
    assert len(keys) == len(set(keys))
