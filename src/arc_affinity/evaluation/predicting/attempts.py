"""Attempts at questions: greedy decoding and the branches closest to it, under one view or several that vote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from arc_affinity.data.batching.batch import IGNORE, Batch, collate
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.symmetry.augment import Augmentation
from arc_affinity.evaluation.predicting.asking import Asking, Question, check_answerable, per_view
from arc_affinity.evaluation.predicting.voting import Candidate, vote
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.decoding import greedy, next_best
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import PAD, Example, Grid

Tell = Callable[[int], None]
"""Told how many more answers were written."""


@dataclass(frozen=True)
class Attempt:
    """One answer: a grid (None where the model wrote none) and how sure the model was (nats; votes of views)."""

    grid: Grid | None
    log_likelihood: float | None
    votes: int | None = None
    views: int | None = None


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
    few = per_view(asking)
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
