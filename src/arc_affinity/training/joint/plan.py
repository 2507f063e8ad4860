"""How the time of `solve`'s network is spent: which tasks are worth learning, and what is kept back for answers."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F

from arc_affinity.documents import read_json
from arc_affinity.evaluation.candidates.answering import THREADS, Question, under, views_of
from arc_affinity.files import write_text
from arc_affinity.models.pair_transformer.decoding import write
from arc_affinity.models.pair_transformer.layout import IGNORE, lay_out
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.hardware import mixed_precision
from arc_affinity.training.joint.adapting import with_new_tasks
from arc_affinity.training.joint.corpus import Corpus, demonstrations_of, length_of
from arc_affinity.training.joint.processes import STARTING, Processes, threads_of, worth_starting
from arc_affinity.training.joint.settings import SolveSettings, Where
from arc_affinity.types import Task

PLAN = "plan.json"

LEAST_SHARE, MOST_SHARE = 0.1, 0.4
"""Shares of a budget in time that are kept back for answers, at least and at most."""

MARGIN = 1.4
"""How much longer answering may take than the trial says."""

TRIAL, TRIAL_TOKENS = 64, 20
"""Questions, and tokens of each, of the trial that tells how fast this machine answers."""

LEAST_PASSES = 40
"""Passes over a task's demonstrations below which it is not learned: of 60 small kept-out tasks 69 passes solved 38 %,
of 400 tasks 5 passes solved 3 % (docs/log.md, 16 and 18)."""

BATCH_OF_TRIAL, BATCHES_OF_TRIAL = 1024, 6
"""Tokens of each batch that tells how fast this machine trains, and how many there are."""

OVERHEAD = 0.7
"""Share of that speed which is left when steps are taken and processes wait for one another."""


@dataclass(frozen=True)
class Plan:
    """How the time of the network is spent; kept in the run's folder, as a trial of the machine decides it.

    Attributes:
        learned: ids of the tasks that it is trained on (`worth_learning`).
        answering: seconds that are kept back for answers; 0 where the budget is in steps.
    """

    learned: list[str]
    answering: float


def make_plan(
    model: PairTransformer,
    tasks: Sequence[Task],
    questions: Sequence[Question],
    settings: SolveSettings,
    where: Where,
    processes: Processes,
    spent: float,
) -> Plan:
    """Return which tasks are learned and how long they are answered, or what an earlier run has planned.

    ``spent`` are the seconds of the budget that are gone. On a cluster as many processes answer as it has.
    """
    path = where.folder / PLAN
    if path.exists():
        return read_json(path, Plan)
    total, recipe = settings.budget.seconds, settings.recipe
    if total is None:
        assert settings.budget.steps is not None
        plan = Plan(sorted(worth_learning(tasks, settings.budget.steps * recipe.batch_tokens)), 0.0)
    else:
        # In the threads that each process of the work itself has, or the trial would be faster than the work.
        with computing_in(THREADS):
            a_cell = seconds_a_cell(model, tasks, questions, settings, where.device)
        with choose_workers(where.executor, processes.answering) as hands:
            answering = hands.at_a_time
        every = frozenset(task.id for task in tasks)
        left = total - spent - seconds_to_answer(a_cell, tasks, every, settings, answering)
        training = worth_starting(processes.training, left)
        with computing_in(threads_of(recipe)):
            speed = tokens_a_second(model, tasks, where.device, training)
        # Fewer tasks learned leave more time to learn them in: what is kept back is reckoned once more.
        learned = worth_learning(tasks, speed * (left - (STARTING if training > 1 else 0)))
        plan = Plan(sorted(learned), seconds_to_answer(a_cell, tasks, learned, settings, answering))
    write_text(path, json.dumps(asdict(plan)) + "\n")
    return plan


def seconds_to_answer(
    a_cell: float, tasks: Sequence[Task], learned: frozenset[str], settings: SolveSettings, workers: int = 1
) -> float:
    """Seconds to keep back for answers: all views of the tasks that are ``learned``, one of the others.

    One process takes ``a_cell`` seconds to write a cell; so many ``workers`` share the work once they are started. How
    many cells will be written is not known: a network that has not learned a task may go on to 30x30, so an output is
    taken to be as large as those of the demonstrations.
    """
    # Judging a view costs about four times as much as writing it, as there are several candidates: docs/log.md, 16.
    views = settings.views + 4 * settings.shared
    cells = 0.0
    for task in tasks:
        expected = float(np.mean([pair.output.size for pair in task.train if pair.output is not None]))
        cells += expected * len(task.test) * (views if task.id in learned else 1)
    total = settings.budget.seconds
    assert total is not None
    alone = MARGIN * a_cell * cells
    return min(MOST_SHARE * total, max(LEAST_SHARE * total, min(alone, STARTING + alone / workers)))


def seconds_a_cell(
    base: PairTransformer,
    tasks: Sequence[Task],
    questions: Sequence[Question],
    settings: SolveSettings,
    device: torch.device,
) -> float:
    """What one process takes to write a cell on the device, here and now, by a trial on some questions."""
    rng = np.random.default_rng(settings.seed)
    by_id = {task.id: task for task in tasks}
    chosen = [questions[at] for at in rng.permutation(len(questions))[:TRIAL]]
    # Any task vector will do: only the time counts.
    written = [replace(under(question, views_of(by_id[question.task_id], 1, 0)[0]), task=0) for question in chosen]
    model = copy.deepcopy(base).to(device).eval()
    write(model, written[:1], most=1)  # a GPU takes seconds to begin
    begun = time.monotonic()
    write(model, written, most=TRIAL_TOKENS)
    return (time.monotonic() - begun) / (len(written) * TRIAL_TOKENS)


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
    """Return about how many tokens ``workers`` processes train on in a second here, by a trial of a few small batches.

    Long pairs cost more a token than short ones, so batches of several lengths are tried.
    """
    model = with_new_tasks(base, len(tasks)).to(device).train()
    corpus = Corpus(tuple(map(demonstrations_of, tasks)))
    tried = corpus.batches(0, BATCH_OF_TRIAL)[:BATCHES_OF_TRIAL]
    begun = 0.0
    for number, items in enumerate([tried[0], *tried]):
        if number == 1:  # the first batch warms up
            begun = time.perf_counter()
        batch = lay_out([corpus.view(item, 0) for item in items]).to(device)
        with mixed_precision(device):
            logits = model(batch)
        loss = F.cross_entropy(logits.float(), batch.labels[batch.labels != IGNORE])
        loss.backward()  # type: ignore[no-untyped-call]
        loss.item()  # waits for a GPU
    tokens = sum(length_of(corpus.pair(item)) for items in tried for item in items)
    return OVERHEAD * workers * tokens / (time.perf_counter() - begun)
