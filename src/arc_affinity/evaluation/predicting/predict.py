"""A built model and examples in, attempts out, by one of the three protocols."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, cycle, groupby
from typing import TypeVar

import numpy as np
import torch

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import IGNORE, Batch, collate
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.augment import Augmentation, views
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting.voting import Candidate, vote
from arc_affinity.evaluation.records.record import Origin, Record, make_record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.decoding import greedy, next_best
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import PAD, Example, Grid, Task

Tell = Callable[[int], None]
"""Told how many more answers were written."""


CHUNK = 128
"""Questions that are bucketed by size together; the records of a chunk become known at once."""


@dataclass(frozen=True)
class Asking:
    """How a model is questioned.

    ``attempts`` a question; ``views`` of it that are decoded and vote; ``seed`` of the views and of the draws of
    demonstrations; ``batch_cells`` tokens a batch, ``batch_examples`` examples.
    """

    protocol: Protocol = Protocol.ARC_PRIZE
    attempts: int = 2
    views: int = 1
    seed: int = 0
    batch_cells: int = 32_768
    batch_examples: int = 64

    def seen(self) -> list[Augmentation]:
        """Return the views, symmetries and colours of the grids; the identity first.

        Raises:
            ArcAffinityError: there are not so many.
        """
        return list(views(self.views, self.seed))


@dataclass(frozen=True)
class Attempt:
    """One answer: a grid (None where the model wrote none) and how sure the model was (nats; votes of views)."""

    grid: Grid | None
    log_likelihood: float | None
    votes: int | None = None
    views: int | None = None


Question = tuple[Example, ...]
"""One query under each view, the identity first, and each with a draw of demonstrations of its own."""


def questions_of_tasks(
    tasks: Iterable[Task],
    pairs: int,
    asking: Asking,
    policy: context.AskedContext = "drawn",
    chosen: Collection[str] | None = None,
) -> list[Question]:
    """Return one question for each test input of ``tasks``, or of the ``chosen`` ones; which are chosen changes none.

    Raises:
        ArcAffinityError: there are not so many views, or no other task whose demonstrations could be shown.
    """
    looked_at = _looked_at(policy, chosen)
    return _questions(
        (
            [context.from_task(task, i, pairs=pairs, seed=asking.seed, round=r) for r in range(asking.views)]
            for task in tasks
            if looked_at is None or task.id in looked_at
            for i in range(len(task.test))
        ),
        asking,
        policy,
        chosen,
    )


def questions_of_store(
    store: ExampleStore,
    pairs: int,
    asking: Asking,
    policy: context.AskedContext = "drawn",
    chosen: Collection[str] | None = None,
) -> list[Question]:
    """Return one question for each example of ``store``, shown other examples of its task, or of another.

    Raises:
        ArcAffinityError: as in `questions_of_tasks`.
    """
    own: context.ContextPolicy = "first" if policy == "first" else "drawn"
    looked_at = _looked_at(policy, chosen)
    return _questions(
        (
            [
                context.from_store(store, i, pairs=pairs, seed=asking.seed, epoch=r, policy=own)
                for r in range(asking.views)
            ]
            for task_id in store.tasks
            if looked_at is None or task_id in looked_at
            for i in store.indices(task_id)
        ),
        asking,
        policy,
        chosen,
    )


def _looked_at(policy: context.AskedContext, chosen: Collection[str] | None) -> Collection[str] | None:
    """The tasks whose demonstrations are looked at; None for all, as other tasks' may be those of any."""
    return None if policy == "others" or chosen is None else frozenset(chosen)


def _questions(
    asked: Iterable[Sequence[Example]],
    asking: Asking,
    policy: context.AskedContext,
    chosen: Collection[str] | None,
) -> list[Question]:
    """Each example of a chosen task, drawn as often as there are views, under one after the other."""
    seen, each = asking.seen(), list(asked)
    if policy == "others":
        each = _shown_others(each, asking.seed)
    if policy == "others" and chosen is not None:
        # The others were drawn for what they show alone.
        wanted = frozenset(chosen)
        each = [draws for draws in each if draws[0].task_id in wanted]
    return [tuple(view.apply_example(e) for view, e in zip(seen, draws, strict=True)) for draws in each]


def _shown_others(asked: Sequence[Sequence[Example]], seed: int) -> list[Sequence[Example]]:
    """The same questions; those of a task are shown, one after the other, what another task's were shown."""
    by_task: dict[str, list[Sequence[Example]]] = {}
    for draws in asked:
        by_task.setdefault(draws[0].task_id, []).append(draws)
    stranger = context.strangers(list(by_task), seed)
    found: list[Sequence[Example]] = []
    for task_id, questions in by_task.items():
        others = cycle(by_task[stranger[task_id]])
        found += [
            [replace(own, demonstrations=other.demonstrations) for own, other in zip(*pair, strict=True)]
            for pair in zip(questions, others, strict=False)
        ]
    return found


def predict(
    model: EncoderDecoder,
    questions: Sequence[Question],
    origin: Origin,
    asking: Asking,
    done: Collection[str] = (),
    tell: Tell = lambda _: None,
) -> Iterator[tuple[str, list[Record]]]:
    """Yield each task's id and records, in the order of ``questions``, which are grouped by task.

    Tasks in ``done`` are left out; the others' records do not depend on it, as batches are cut before. ``tell`` is told
    of every batch how many answers were written, of `answers_to` in all.

    Raises:
        ArcAffinityError: the protocol needs a true output and a question has none.
    """
    model.eval()
    for chunk in _chunks(questions):
        left = {question[0].task_id: list[Record]() for question in chunk}
        if all(task in done for task in left):
            continue
        for question, attempts in zip(chunk, answer(model, chunk, asking, asking.seen(), tell), strict=True):
            left[question[0].task_id] += records_of(question[0], attempts, origin)
        yield from ((task, records) for task, records in left.items() if task not in done)


def _chunks(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """Cut ``questions`` into stretches of whole tasks, at least `CHUNK` questions long where enough are left."""
    chunk: list[Question] = []
    for _, group in groupby(questions, key=lambda question: question[0].task_id):
        chunk += group
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def records_of(example: Example, attempts: Sequence[Attempt], origin: Origin) -> Iterator[Record]:
    """Yield the record of each attempt at an example."""
    for number, attempt in enumerate(attempts, 1):
        yield make_record(
            origin,
            example,
            number,
            attempt.grid,
            log_likelihood=attempt.log_likelihood,
            votes=attempt.votes,
            views=attempt.views,
        )


def check_answerable(questions: Iterable[Question], protocol: Protocol) -> None:
    """Make sure that ``protocol`` can be followed.

    Raises:
        ArcAffinityError: it tells the model something of an answer that is withheld.
    """
    if protocol is Protocol.ARC_PRIZE:
        return
    for question in questions:
        if question[0].query.output is None:
            where = f"task {question[0].task_id} output {question[0].index}"
            raise ArcAffinityError(f"{where} has no true output, which protocol {protocol} needs")


def digest(questions: Iterable[Question]) -> str:
    """Return the first 12 hex digits of the SHA-256 of all that ``questions`` ask and show."""
    state = hashlib.sha256()
    for example in chain.from_iterable(questions):
        state.update(f"{example.task_id} {example.index}".encode())
        for pair in (example.query, *example.demonstrations):
            for grid in (pair.input, pair.output):
                state.update(b"withheld" if grid is None else bytes(grid.shape) + grid.tobytes())
    return state.hexdigest()[:12]


def answer_under(
    model: EncoderDecoder,
    examples: Sequence[Example],
    origin: Origin,
    asking: Asking,
    seen: Sequence[Augmentation],
) -> Iterator[Record]:
    """Yield the records of ``examples`` under views that are chosen elsewhere, whatever views ``asking`` itself names.

    Query and demonstrations are changed alike by each view; what the model writes is changed back and votes.

    Raises:
        ArcAffinityError: the protocol needs a true output and an example has none.
    """
    model.eval()
    questions = [tuple(view.apply_example(example) for view in seen) for example in examples]
    for example, attempts in zip(examples, answer(model, questions, asking, seen), strict=True):
        yield from records_of(example, attempts, origin)


PER_VIEW = 2
"""Answers of one view that vote, where there are several views; with more a view would vote for what it disbelieves."""


def answers_to(questions: Collection[Question], asking: Asking) -> int:
    """Return how many answers are written to questions: of each view its own, before they vote."""
    each = 1 if asking.protocol is Protocol.TEACHER_FORCED else asking.views * _per_view(asking)
    return len(questions) * each


def _per_view(asking: Asking) -> int:
    return asking.attempts if asking.views == 1 else min(PER_VIEW, asking.attempts)


def answer(
    model: EncoderDecoder,
    questions: Sequence[Question],
    asking: Asking,
    seen: Sequence[Augmentation],
    tell: Tell = lambda _: None,
) -> list[list[Attempt]]:
    """Return the attempts at each question, as many as asked for and no two alike.

    A question holds its query under each of the views ``seen``. Each answer is put back from its view; a single view's
    answers stand as they are, those of several vote (see `evaluation.voting`), and where they are too few the first
    view's further answers fill up. Teacher forcing has one attempt, in the first view.

    Raises:
        ArcAffinityError: the protocol needs a true output and a question has none, or there are not so many answers.
    """
    check_answerable(questions, asking.protocol)
    if asking.protocol is Protocol.TEACHER_FORCED:
        forced = _in_batches(model, [question[0] for question in questions], asking, partial(_forced, model), tell)
        return [[_undone(attempt, seen[0])] for attempt in forced]
    few = _per_view(asking)
    flat = attempts_at(model, [example for question in questions for example in question], asking, few, tell)
    undone = [
        [[_undone(attempt, view) for attempt in mine] for view, mine in zip(seen, flat[i : i + len(seen)], strict=True)]
        for i in range(0, len(flat), len(seen))
    ]
    if len(seen) == 1:
        return [answers[0] for answers in undone]
    ranked = [_vote(answers, asking.attempts) for answers in undone]
    if short := [i for i, attempts in enumerate(ranked) if len(attempts) < asking.attempts]:
        more = attempts_at(model, [questions[i][0] for i in short], asking, asking.attempts)
        for i, others in zip(short, more, strict=True):
            for other in others:
                _add_different(ranked[i], _undone(other, seen[0]), asking.attempts)
    return ranked


def _undone(attempt: Attempt, view: Augmentation) -> Attempt:
    return attempt if attempt.grid is None else replace(attempt, grid=view.inverse.apply(attempt.grid))


def _vote(answers: Sequence[Sequence[Attempt]], limit: int) -> list[Attempt]:
    candidates = [
        Candidate(attempt.grid, attempt.log_likelihood, view)
        for view, attempts in enumerate(answers)
        for attempt in attempts
        if attempt.grid is not None and attempt.log_likelihood is not None
    ]
    return [
        Attempt(choice.grid, choice.log_likelihood, choice.votes, len(answers))
        for choice in vote(candidates, limit=limit)
    ]


def _add_different(attempts: list[Attempt], other: Attempt, limit: int) -> None:
    """Add an attempt that is a grid unlike those there are, unless they are enough."""
    grid = other.grid
    if grid is None or len(attempts) >= limit:
        return
    if not any(a.grid is not None and np.array_equal(a.grid, grid) for a in attempts):
        attempts.append(other)


def attempts_at(
    model: EncoderDecoder, examples: Sequence[Example], asking: Asking, number: int, tell: Tell = lambda _: None
) -> list[list[Attempt]]:
    """Return so many different attempts at each example: greedy decoding, then the closest branches off it.

    A branch (see `models.decoding.next_best`) costs one more pass, and unlike a rotated or recoloured view it needs
    no training on such views.

    Raises:
        ArcAffinityError: there are not so many answers to an example.
    """
    written = [
        [each] for each in _in_batches(model, examples, asking, lambda b, _, sizes: greedy(model, b, sizes=sizes), tell)
    ]
    for _ in range(number - 1):
        others = _in_batches(
            model,
            examples,
            asking,
            lambda batch, places, sizes: next_best(model, batch, [written[i] for i in places], sizes=sizes),
            tell,
        )
        for mine, other in zip(written, others, strict=True):
            mine.append(other)
    return [[Attempt(each.grid, each.log_likelihood) for each in mine] for mine in written]


Sizes = list[tuple[int, int]]
R = TypeVar("R")


def _in_batches(
    model: EncoderDecoder,
    examples: Sequence[Example],
    asking: Asking,
    decode: Callable[[Batch, list[int], Sizes | None], list[R]],
    tell: Tell,
) -> list[R]:
    """Decode ``examples`` in batches of like size and return the results in their order."""
    inputs = np.array([example.query.input.shape for example in examples])
    outputs = inputs if asking.protocol is Protocol.ARC_PRIZE else np.array([_shape(e) for e in examples])
    counts = token_counts(np.concatenate([inputs, outputs], axis=1))
    results: dict[int, R] = {}
    for places in plan_batches(counts, BatchRules(asking.batch_cells, asking.batch_examples, asking.seed), 0):
        batch = collate([examples[i] for i in places]).to(model.device)
        sizes = None if asking.protocol is Protocol.ARC_PRIZE else [_shape(examples[i]) for i in places]
        results |= dict(zip(places, decode(batch, places, sizes), strict=True))
        tell(len(places))
    return [results[i] for i in range(len(examples))]


def _shape(example: Example) -> tuple[int, int]:
    assert example.query.output is not None
    rows, cols = example.query.output.shape
    return rows, cols


def _forced(model: EncoderDecoder, batch: Batch, _: list[int], sizes: Sizes | None) -> list[Attempt]:
    """Return what the model writes in each cell when shown the true cells before it, at the true size.

    This is the published measurement: an error never spreads, so cell accuracy flatters. Exact match is that of greedy
    decoding at the given size.
    """
    with torch.no_grad():
        colours = model(batch)[..., :PAD].argmax(dim=-1).cpu().numpy().astype(np.uint8)
    assert batch.target is not None and sizes is not None
    target = batch.target.cpu().numpy()
    is_cell = (target != IGNORE) & (target != PAD)
    return [Attempt(row[cells].reshape(size), None) for row, cells, size in zip(colours, is_cell, sizes, strict=True)]
