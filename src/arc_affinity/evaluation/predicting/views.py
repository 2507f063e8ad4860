"""Answering examples under augmented views that are chosen elsewhere, each undone before they vote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arc_affinity.data.symmetry.augment import Augmentation
from arc_affinity.evaluation.predicting.predict import Asking, answer, records_of
from arc_affinity.evaluation.records.record import Origin, Record
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import Example


def answer_under(
    model: EncoderDecoder,
    examples: Sequence[Example],
    origin: Origin,
    asking: Asking,
    views: Sequence[Augmentation],
) -> Iterator[Record]:
    """Yield the records of ``examples`` (see `evaluation.predict.answer`), whatever views ``asking`` itself names.

    Query and demonstrations are changed alike by each view; what the model writes is changed back and votes.

    Raises:
        ArcAffinityError: the protocol needs a true output and an example has none.
    """
    model.eval()
    questions = [tuple(view.apply_example(example) for view in views) for example in examples]
    for example, attempts in zip(examples, answer(model, questions, asking, views), strict=True):
        yield from records_of(example, attempts, origin)
