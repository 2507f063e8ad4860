"""Loss barriers, by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from arc_affinity.data.batching.batch import Batch, collate
from arc_affinity.data.batching.demonstrations import from_store
from arc_affinity.data.store.examples import write_store
from arc_affinity.models.adapters.barrier import Barrier, barrier, between, fixed_sample
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import mean_loss, teacher_forced
from arc_affinity.types import Pair


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(3)
    pairs = [Pair(*rng.integers(0, 10, (2, rng.integers(1, 4), 3), dtype=np.uint8)) for _ in range(11)]
    return write_store(tmp_path / "store", {"a": pairs[:5], "b": pairs[5:]})


def loss_of(model: EncoderDecoder, sample: list[Batch]) -> float:
    return teacher_forced(model, sample, model.device).loss


def test_height_is_the_rise_above_the_line() -> None:
    # The line is 1, 2, 3, 4, 5.
    assert Barrier("a", "b", (1.0, 2.5, 3.25, 3.0, 5.0)).height == 0.5
    assert Barrier("a", "b", (3.0, 1.0, 2.0)).height == 0.0


def test_a_line_begins_and_ends_at_the_models(build, store) -> None:
    start, end = build(), build(seed=5)
    sample = fixed_sample(store, 2)
    line = barrier(("start", start), ("end", end), sample, 3)
    assert (line.start, line.end, len(line.losses)) == ("start", "end", 3)
    assert line.losses[0] == pytest.approx(loss_of(start, sample))
    assert line.losses[2] == pytest.approx(loss_of(end, sample))
    assert barrier(("a", start), ("a", start), sample).height == pytest.approx(0, abs=1e-6)


def test_the_sample_is_fixed_and_its_loss_is_a_mean_over_tokens(build, store) -> None:
    model = build()
    sample = fixed_sample(store, 2, 7)
    assert sum(map(len, sample)) == 7
    again = fixed_sample(store, 2, 7)
    assert [e.index for batch in sample for e in batch.examples] == [e.index for b in again for e in b.examples]
    everything = collate([from_store(store, i, pairs=2, seed=0, epoch=0) for i in range(len(store))])
    with torch.no_grad():
        expected = float(mean_loss(model(everything), everything))
    assert loss_of(model, fixed_sample(store, 2)) == pytest.approx(expected, rel=1e-4)


def test_half_way(build: Callable) -> None:
    start, other = build(), build(seed=5)
    middle = between(start, other, 0.5).bos_embed
    torch.testing.assert_close(middle, (start.bos_embed + other.bos_embed) / 2)
    assert torch.equal(between(start, other, 0.0).bos_embed, start.bos_embed)
