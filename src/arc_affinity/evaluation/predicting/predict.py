"""A built model and examples in, attempts out, by one of the three protocols."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from arc_affinity.data.symmetry.augment import Augmentation
from arc_affinity.evaluation.predicting.asking import Asking, Question
from arc_affinity.evaluation.predicting.attempts import Attempt, Tell, answer
from arc_affinity.evaluation.records.record import Origin, Record, make_record
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import Example

CHUNK = 128
"""Questions that are bucketed by size together; the records of a chunk become known at once."""


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
