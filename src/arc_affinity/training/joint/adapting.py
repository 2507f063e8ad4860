"""From a base to a network that has learned the demonstrations of the tasks asked."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

from arc_affinity.models.pair_transformer.layout import IGNORE, lay_out
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver
from arc_affinity.training.hardware import mixed_precision
from arc_affinity.training.joint.corpus import Corpus, Lesson, demonstrations_of, length_of
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job
from arc_affinity.types import Task

FEWEST_BATCHES = 4
"""Batches of a pass over few demonstrations, reached by showing each under several views."""

LEAST_PASSES = 40
"""Passes over a task's demonstrations below which it is not learned: of 60 small kept-out tasks 69 passes solved 38 %,
of 400 tasks 5 passes solved 3 % (docs/log.md, 16 and 18)."""

TRIAL_TOKENS = 1024
"""Tokens of a batch that tells how fast this machine trains."""

OVERHEAD = 0.85
"""Share of that speed which is left when steps are taken and processes wait for one another."""

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


def with_tasks(base: LoadedSolver, task_ids: Sequence[str]) -> PairTransformer:
    """Return a copy of ``base`` for the tasks ``task_ids``: those that it knows keep their vectors, the others begin
    at the mean."""
    model = with_new_tasks(base.model, len(task_ids))
    at = {task_id: number for number, task_id in enumerate(base.task_ids)}
    with torch.no_grad():
        for number, task_id in enumerate(task_ids):
            if task_id in at:
                model.tasks.weight[number] = base.model.tasks.weight[at[task_id]]
    return model


def worth_learning(tasks: Sequence[Task], tokens: float) -> frozenset[str]:
    """Return the ids of as many ``tasks`` as ``tokens`` of training can teach, those with least to learn first.

    A training spread over all of many tasks teaches none: each is to be seen `LEAST_PASSES` times. One at least is
    taken.
    """
    sizes = sorted((sum(map(length_of, task.train)), task.id) for task in tasks)
    each = tokens / LEAST_PASSES
    spent = 0
    chosen: list[str] = []
    for size, task_id in sizes:
        spent += size
        if chosen and spent > each:
            break
        chosen.append(task_id)
    return frozenset(chosen)


def tokens_a_second(base: PairTransformer, tasks: Sequence[Task], device: torch.device, workers: int) -> float:
    """Return about how many tokens ``workers`` processes train on in a second here, by a trial of one small batch."""
    model = with_new_tasks(base, len(tasks)).to(device).train()
    corpus = Corpus(tuple(map(demonstrations_of, tasks)))
    items = corpus.batches(0, TRIAL_TOKENS)[0]
    batch = lay_out([corpus.view(item, 0) for item in items]).to(device)
    labels = batch.labels[batch.labels != IGNORE]
    for _ in range(2):  # the first warms up
        begun = time.perf_counter()
        with mixed_precision(device):
            loss = F.cross_entropy(model(batch).float(), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        loss.item()  # waits for a GPU
    tokens = sum(length_of(corpus.pair(item)) for item in items)
    return OVERHEAD * workers * tokens / (time.perf_counter() - begun)


def adapting_corpus(
    tasks: Sequence[Task], recipe: JointRecipe, seed: int, learned: frozenset[str] | None = None
) -> Corpus:
    """Return the demonstrations of ``tasks``, each pair as often in a pass as fills some batches.

    Tasks that are not among those ``learned`` keep their number and have no pairs.
    """
    lessons = tuple(map(demonstrations_of, tasks))
    if learned is not None:
        lessons = tuple(each if each.task_id in learned else replace(each, pairs=()) for each in lessons)
    return Corpus(lessons, seed=seed, copies=copies_of(lessons, recipe))


def copies_of(lessons: Sequence[Lesson], recipe: JointRecipe) -> int:
    """Return how often a pair must come so that a pass has `FEWEST_BATCHES` batches."""
    tokens = sum(length_of(pair) for lesson in lessons for pair in lesson.pairs)
    return max(1, math.ceil(FEWEST_BATCHES * recipe.batch_tokens / max(1, tokens)))


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
    torch.manual_seed(seed)
    model = with_new_tasks(base, len(tasks))
    return Job(model, adapting_corpus(tasks, recipe, seed, learned), recipe, budget, folder)
