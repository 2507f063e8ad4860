"""From a base to a network that has learned the demonstrations of the tasks asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.training.joint.corpus import Corpus, demonstrations_of, length_of
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job
from arc_affinity.types import Task

FEWEST_BATCHES = 4
"""Batches of a pass over few demonstrations, reached by showing each under several views."""

ADAPTING = JointRecipe(learning_rate=2e-3, warm_up=50)
"""Gentler than from nothing: the base knows how to copy, count and turn already."""


def with_new_tasks(base: PairTransformer, number: int) -> PairTransformer:
    """Return a copy of ``base`` whose task vectors are ``number`` new ones, each the mean of the old.

    The mean is what the layers have seen most: a task that is like none of the known begins like all of them.
    """
    model = PairTransformer(replace(base.config, tasks=number))
    state = dict(base.state_dict())
    vectors = state["tasks.weight"]
    state["tasks.weight"] = vectors.mean(dim=0, keepdim=True).repeat(number, 1)
    model.load_state_dict(state)
    return model


def adapting_corpus(
    tasks: Sequence[Task], recipe: JointRecipe, seed: int, learned: frozenset[str] | None = None
) -> Corpus:
    """Return the demonstrations of ``tasks``, each pair as often in a pass as fills some batches.

    Tasks that are not among those ``learned`` keep their number and have no pairs.
    """
    lessons = tuple(map(demonstrations_of, tasks))
    if learned is not None:
        lessons = tuple(each if each.task_id in learned else replace(each, pairs=()) for each in lessons)
    tokens = sum(length_of(pair) for lesson in lessons for pair in lesson.pairs)
    copies = math.ceil(FEWEST_BATCHES * recipe.batch_tokens / max(1, tokens))
    return Corpus(lessons, seed=seed, copies=max(1, copies))


def adapting_job(
    base: PairTransformer,
    tasks: Sequence[Task],
    budget: Budget,
    folder: Path,
    seed: int,
    recipe: JointRecipe = ADAPTING,
    learned: frozenset[str] | None = None,
) -> Job:
    """Return the training of ``base`` on the demonstrations of ``tasks``, or of those ``learned``; test outputs take no
    part in it."""
    model = with_new_tasks(base, len(tasks))
    return Job(model, adapting_corpus(tasks, recipe, seed, learned), recipe, budget, folder)
