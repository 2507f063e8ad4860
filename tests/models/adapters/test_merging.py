"""Averages of adapters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.lora import Adapter, Factors, find_linears, merge
from arc_affinity.models.adapters.merging import average
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import LoadedModel, digest

SPEC = LoraSpec(2, 6.0)


@pytest.fixture
def base(build: Callable) -> LoadedModel:
    model: EncoderDecoder = build()
    return LoadedModel("small", model, None, Path("small"), digest(model))


def adapter(base: LoadedModel, value: float) -> Adapter:
    """An adapter that adds 3 x 2 x value squared to every weight."""
    factors = {
        name: Factors(torch.full((2, linear.in_features), value), torch.full((linear.out_features, 2), value))
        for name, linear in find_linears(base.model, SPEC).items()
    }
    return Adapter(SPEC, factors, base.name, base.digest)


def test_products_are_averaged_not_factors(base: LoadedModel) -> None:
    name = "decoder.layers.1.linear2.weight"
    start = base.model.state_dict()[name].clone()
    merged = average(base, [adapter(base, 0.1), adapter(base, 0.3)], [3, 1]).state_dict()[name]
    # 6 x 0.01 and 6 x 0.09, weighed 3 to 1.
    torch.testing.assert_close(merged - start, torch.full_like(start, 0.75 * 0.06 + 0.25 * 0.54))
    assert torch.equal(base.model.state_dict()[name], start)


def test_one_adapter_is_that_adapter(base: LoadedModel, build: Callable) -> None:
    alone = build()
    merge(alone, adapter(base, 0.2))
    assert digest(average(base, [adapter(base, 0.2)])) == digest(alone)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([1], "2 adapters need as many weights"),
        ([1, -1], "of 0 or more"),
        ([0, 0], "of 0 or more"),
        ([float("nan"), 1], "of 0 or more"),
        ([float("inf"), 1], "of 0 or more"),
        ([1e308, 1e308], "of 0 or more"),
    ],
)
def test_weights_that_do_not_fit(base: LoadedModel, weights: list[float], told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        average(base, [adapter(base, 0.1)] * 2, weights)


def test_a_sum_that_is_no_number_is_refused(base: LoadedModel) -> None:
    # Each change is 6 x 1e36 to every weight, and an adapter's own factors are finite.
    huge = adapter(base, 1e18)
    for factors in huge.factors.values():
        factors.B.mul_(1e3)
    with pytest.raises(ArcAffinityError, match="small with the adapters merged in holds numbers that are not finite"):
        average(base, [huge])


def test_no_adapters_or_those_of_another_base(base: LoadedModel) -> None:
    with pytest.raises(ArcAffinityError, match="no adapters"):
        average(base, [])
    foreign = Adapter(SPEC, adapter(base, 0.1).factors, "other", "0123456789ab")
    with pytest.raises(ArcAffinityError, match=rf"trained on other \(0123456789ab\), not on small \({base.digest}\)"):
        average(base, [foreign])
