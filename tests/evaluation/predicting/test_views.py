"""Views are applied to all that is shown, undone in all that is answered, and only then counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from arc_affinity.data.symmetry.augment import Augmentation, ColourPermutation, Compose, Dihedral
from arc_affinity.evaluation.predicting import attempts
from arc_affinity.evaluation.predicting.asking import Asking
from arc_affinity.evaluation.predicting.attempts import Attempt
from arc_affinity.evaluation.predicting.predict import answer_under
from arc_affinity.evaluation.records.record import Origin
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import Example, Grid, Pair

ORIGIN = Origin("tiny", "0123", "toy", Protocol.ARC_PRIZE, seed=3)
GRID = np.array([[1, 2, 3], [0, 5, 7]], dtype=np.uint8)
"""No view leaves it as it is."""

TURNED = Dihedral(1)
PAINTED = ColourPermutation((0, 3, 1, 2, 4, 5, 6, 7, 8, 9))
"""Neither undoes itself."""


@pytest.fixture(scope="module")
def model() -> EncoderDecoder:
    """Only so that there is one: what it would answer is said in each test."""
    return EncoderDecoder(ModelConfig(width=8, heads=2, feed_forward=3, context_width=4, context_heads=1))


def example(index: int = 0) -> Example:
    shown = np.roll(GRID, index + 1, axis=1)
    return Example("00576224", index, Pair(np.roll(GRID, index, axis=1), GRID), (Pair(shown, shown),))


def answers(monkeypatch: pytest.MonkeyPatch, by_view: Sequence[Sequence[tuple[Grid | None, float]]] | None) -> list:
    """Let the examples of a question be answered so, view by view; by the query itself unless given."""
    asked: list[Example] = []

    def attempts_at(
        _model: object, examples: Sequence[Example], _asking: Asking, number: int, _tell: object = None
    ) -> list[list[Attempt]]:
        asked.extend(examples)
        if by_view is None:
            return [[Attempt(each.query.input, -1.0)] for each in examples]
        return [[Attempt(grid, score) for grid, score in by_view[i % len(by_view)]] for i in range(len(examples))]

    monkeypatch.setattr(attempts, "attempts_at", attempts_at)
    return asked


@pytest.mark.parametrize("views", [(TURNED,), (PAINTED,), (Compose(), TURNED, PAINTED, Compose((TURNED, PAINTED)))])
def test_a_copy_is_a_copy_under_every_view(
    model, monkeypatch: pytest.MonkeyPatch, views: tuple[Augmentation, ...]
) -> None:
    asked = answers(monkeypatch, None)
    examples = [example(0), example(1)]
    records = list(answer_under(model, examples, ORIGIN, Asking(attempts=1), views))
    assert [r.test_index for r in records] == [0, 1]
    for record, each in zip(records, examples, strict=True):
        assert np.array_equal(record.prediction, each.query.input)
        if len(views) > 1:
            assert (record.votes, record.views) == (len(views), len(views))
    places = [(each, view) for each in examples for view in views]
    for shown, (each, view) in zip(asked, places, strict=True):
        assert np.array_equal(shown.query.input, view.apply(each.query.input))
        assert np.array_equal(shown.demonstrations[0].output, view.apply(each.demonstrations[0].output))


def test_answers_are_counted_after_their_views_are_undone(model, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two views agree on GRID although what they wrote differs; two wrote the same and mean different grids.
    by_view = [[(GRID, -3.0)], [(TURNED.apply(GRID), -5.0)], [(GRID, -1.0)], [(None, -0.5)]]
    answers(monkeypatch, by_view)
    views = (Compose(), TURNED, PAINTED, Compose())
    found = list(answer_under(model, [example()], ORIGIN, Asking(), views))
    assert [(r.attempt, r.votes, r.views, r.log_likelihood) for r in found] == [(1, 2, 4, -4.0), (2, 1, 4, -1.0)]
    assert np.array_equal(found[0].prediction, GRID)
    assert np.array_equal(found[1].prediction, PAINTED.inverse.apply(GRID))


def test_the_published_measurement_is_put_back_too(model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        attempts,
        "_in_batches",
        lambda model, examples, asking, decode, tell: [Attempt(e.query.output, None) for e in examples],
    )
    asking = Asking(Protocol.TEACHER_FORCED)
    [record] = answer_under(model, [example()], ORIGIN, asking, (TURNED,))
    assert np.array_equal(record.prediction, GRID) and record.exact
