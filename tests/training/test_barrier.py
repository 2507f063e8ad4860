"""Loss barriers, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from arc_affinity.data.batching.batch import collate
from arc_affinity.data.batching.demonstrations import from_store
from arc_affinity.data.store.examples import write_store
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.training.barrier import Barrier, barrier, fixed_sample, sample_loss
from arc_affinity.training.pretraining.module import output_loss
from arc_affinity.types import Pair


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(3)
    pairs = [Pair(*rng.integers(0, 10, (2, rng.integers(1, 4), 3), dtype=np.uint8)) for _ in range(11)]
    return write_store(tmp_path / "store", {"a": pairs[:5], "b": pairs[5:]})


def test_height_is_the_rise_above_the_line() -> None:
    # The line is 1, 2, 3, 4, 5.
    assert Barrier("a", "b", (1.0, 2.5, 3.25, 3.0, 5.0)).height == 0.5
    assert Barrier("a", "b", (3.0, 1.0, 2.0)).height == 0.0


def test_a_way_begins_and_ends_at_the_models(tiny, store) -> None:
    torch.manual_seed(3)
    start, end = (EncoderDecoder(tiny.model).eval() for _ in range(2))
    sample = fixed_sample(store, 2)
    way = barrier(("start", start), ("end", end), sample, 3)
    assert (way.start, way.end, len(way.losses)) == ("start", "end", 3)
    assert way.losses[0] == pytest.approx(sample_loss(start, sample))
    assert way.losses[2] == pytest.approx(sample_loss(end, sample))
    assert barrier(("a", start), ("a", start), sample).height == pytest.approx(0, abs=1e-6)


def test_the_sample_is_fixed_and_its_loss_is_a_mean_over_tokens(tiny, store) -> None:
    model = EncoderDecoder(tiny.model).eval()
    sample = fixed_sample(store, 2, 7)
    assert sum(map(len, sample)) == 7
    again = fixed_sample(store, 2, 7)
    assert [e.index for batch in sample for e in batch.examples] == [e.index for b in again for e in b.examples]
    everything = collate([from_store(store, i, pairs=2, seed=0, epoch=0) for i in range(len(store))])
    with torch.no_grad():
        expected = float(output_loss(model(everything), everything))
    assert sample_loss(model, fixed_sample(store, 2)) == pytest.approx(expected, rel=1e-4)
