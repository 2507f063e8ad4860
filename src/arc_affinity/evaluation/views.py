"""Answering a query under several augmented views, each undone before they vote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arc_affinity.data.augment import Augmentation
from arc_affinity.evaluation.predict import Asking, Attempt, answer
from arc_affinity.evaluation.records import Origin, Record, make_record
from arc_affinity.evaluation.voting import Candidate, vote
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import Example


def answer_under(
    model: EncoderDecoder,
    examples: Sequence[Example],
    origin: Origin,
    asking: Asking,
    views: Sequence[Augmentation],
) -> Iterator[Record]:
    """Yield the records of ``examples``, the likeliest attempt first.

    Query and demonstrations are changed alike by each view; what the model writes is changed back and votes (see
    `evaluation.voting`). A single view stands for itself: its attempts are those of `evaluation.predict.answer`.

    Raises:
        ArcAffinityError: the protocol needs a true output and an example has none.
    """
    model.eval()
    seen = [answer(model, [(view.apply_example(example),) for example in examples], asking) for view in views]
    for number, example in enumerate(examples):
        answers = [attempts[number] for attempts in seen]
        kept = answers[0] if len(views) == 1 else _vote(answers, views, asking.attempts)
        for place, attempt in enumerate(kept, 1):
            yield make_record(
                origin,
                example,
                place,
                attempt.grid,
                log_likelihood=attempt.log_likelihood,
                votes=attempt.votes,
                views=attempt.views,
            )


def _vote(answers: Sequence[Sequence[Attempt]], views: Sequence[Augmentation], limit: int) -> list[Attempt]:
    """Undo each view and rank what its attempts were."""
    candidates = [
        Candidate(view.inverse.apply(attempt.grid), attempt.log_likelihood, which)
        for which, (view, attempts) in enumerate(zip(views, answers, strict=True))
        for attempt in attempts
        if attempt.grid is not None and attempt.log_likelihood is not None
    ]
    choices = vote(candidates, limit=limit)
    return [Attempt(choice.grid, choice.log_likelihood, choice.votes, len(views)) for choice in choices]
