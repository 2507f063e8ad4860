"""The published layout: every name and shape, there and back bit for bit, and every fault reported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.published import (
    COPY,
    CORE,
    PUBLISHED,
    SCALARS,
    export_published,
    foreign_tables,
    import_published,
)

SMALL = replace(PUBLISHED, width=12, heads=3, feed_forward=7, context_width=8, context_heads=2, context_feed_forward=5)


def random_tensors(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Any bits that are numbers, in the published layout: copies alike, the output tied to the colours."""
    generator = torch.Generator().manual_seed(seed)
    core = {
        name.removeprefix(CORE): torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
        if name.startswith(CORE)
    }
    core["output_fc.weight"] = core["input_embedding.G"]
    scalars = {name: torch.randn((), generator=generator) for name in SCALARS}
    return scalars | {prefix + name: tensor.clone() for prefix in (CORE, COPY) for name, tensor in core.items()}


def small_shapes(config: ModelConfig = SMALL) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in export_published(EncoderDecoder(config)).items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Bit for bit, names and all."""
    return one.keys() == other.keys() and all(
        one[name].shape == other[name].shape and one[name].numpy().tobytes() == other[name].numpy().tobytes()
        for name in one
    )


@pytest.fixture(scope="module")
def shapes() -> dict[str, tuple[int, ...]]:
    return small_shapes()


@pytest.fixture
def tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return random_tensors(shapes, seed=3)


@pytest.fixture(scope="session")
def listing(shared: Path) -> dict[str, tuple[int, ...]]:
    """The published names and shapes; all are float32."""
    entries = json.loads((shared / "reference" / "champion_bootstrap_keys.json").read_text())
    assert {kind for _, _, kind in entries} == {"torch.float32"}
    return {name: tuple(shape) for name, shape, _ in entries}


def test_our_listing_is_the_published_one(listing: dict[str, tuple[int, ...]]) -> None:
    assert small_shapes(PUBLISHED) == listing
    assert list(small_shapes(PUBLISHED)) == sorted(listing)


def test_the_listing_counts_as_published() -> None:
    """144 + 144 + 4 tensors, and how the number of parameters comes about."""
    shapes = small_shapes(PUBLISHED)
    core = {name.removeprefix(CORE) for name in shapes if name.startswith(CORE)}
    assert (len(shapes), len(core)) == (292, 144)
    assert {COPY + name for name in core} | {CORE + name for name in core} | set(SCALARS) == set(shapes)
    numbers = sum(torch.Size(shapes[CORE + name]).numel() for name in core)
    assert numbers == 1_819_531
    tables, tied, scalars = 900 * 160 + 900 * 32, 11 * 160, 4
    model = EncoderDecoder(PUBLISHED)
    assert numbers - tables - tied + scalars == model.parameter_count() == 1_644_975


def test_the_published_listing_there_and_back(listing: dict[str, tuple[int, ...]]) -> None:
    tensors = random_tensors(listing, seed=5)
    assert equal(export_published(import_published(tensors, "file")), tensors)


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32), layers=st.integers(1, 3), pre_norm=st.booleans())
def test_there_and_back(seed: int, layers: int, pre_norm: bool) -> None:
    config = replace(SMALL, decoder_layers=layers, pre_norm=pre_norm)
    tensors = random_tensors(small_shapes(config), seed)
    model = import_published(tensors, "file", config)
    assert model.config == config
    assert not model.training
    assert equal(export_published(model), tensors)


def test_queries_keys_and_values_are_told_apart(tensors: dict[str, Tensor]) -> None:
    """Torch's fused projection holds queries, then keys, then values."""
    model = import_published(tensors, "file", SMALL)
    layer, name = model.decoder.layers[2].multihead_attn, f"{CORE}decoder.layers.2.multihead_attn.in_proj_"
    for place, part in enumerate((layer.q_proj, layer.k_proj, layer.v_proj)):
        assert torch.equal(part.weight, tensors[name + "weight"][12 * place : 12 * (place + 1)])
        assert torch.equal(part.bias, tensors[name + "bias"][12 * place : 12 * (place + 1)])
    assert torch.equal(model.input_embedding.G, tensors[CORE + "output_fc.weight"])
    assert torch.equal(model.gauge_alpha, tensors["gauge_alpha"])


def only(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name.startswith(prefix) or name in SCALARS}


def test_either_prefix_both_or_none(tensors: dict[str, Tensor]) -> None:
    core = only(tensors, CORE)
    bare = {name.removeprefix(CORE): tensor for name, tensor in core.items()}
    lightning = {"state_dict": tensors, "epoch": 35, "hyper_parameters": {"lr": 1e-3}}
    for content in (core, only(tensors, COPY), bare, lightning):
        assert equal(export_published(import_published(content, "file", SMALL)), tensors)


def test_without_prefix_and_scalars(tensors: dict[str, Tensor]) -> None:
    """The model's own state has none: they belong to the training module."""
    bare = {name.removeprefix(CORE): tensor for name, tensor in tensors.items() if name.startswith(CORE)}
    found = export_published(import_published(bare, "file", SMALL))
    assert equal(found, tensors | {name: torch.zeros(()) for name in SCALARS})
    with pytest.raises(ArcAffinityError, match=r"3 missing \(cebr_beta, cebr_gamma, gauge_alpha\)"):
        import_published(bare | {"cebr_alpha": torch.zeros(())}, "file", SMALL)


def message(content: dict[str, object]) -> str:
    with pytest.raises(ArcAffinityError) as caught:
        import_published(content, "old.ckpt", SMALL)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_missing_tensor_is_named(tensors: dict[str, Tensor]) -> None:
    for name in [*tensors][::7]:
        left = {key: value for key, value in tensors.items() if key != name}
        assert message(left) == f"old.ckpt does not fit the published layout: 1 missing ({name})"


def test_every_misshapen_tensor_is_named(tensors: dict[str, Tensor]) -> None:
    for name in [*tensors][::7]:
        wrong = tensors | {name: torch.zeros(*tensors[name].shape, 2)}
        said = message(wrong)
        assert said.startswith("old.ckpt does not fit the published layout: 1 misshapen (")
        assert f"({name} is float32[" in said


def test_all_faults_are_told_at_once(tensors: dict[str, Tensor]) -> None:
    content: dict[str, object] = dict(tensors)
    del content["cebr_beta"], content["core_model.bos_embed"]
    content |= {"model.extra": torch.zeros(3), "stray": torch.zeros(())}
    content |= {"model.bos_embed": torch.zeros(5), "core_model.eval_ln.bias": tensors["model.eval_ln.bias"].half()}
    content["gauge_alpha"] = 0.5
    said = message(content)
    assert "2 missing (core_model.bos_embed, cebr_beta)" in said
    assert "2 unexpected (model.extra, stray)" in said
    assert "3 misshapen (" in said
    assert "core_model.eval_ln.bias is float16[12], not float32[12]" in said
    assert "model.bos_embed is float32[5], not float32[12]" in said
    assert "gauge_alpha is float, not float32[]" in said


def test_what_is_repeated_must_be_equal(tensors: dict[str, Tensor]) -> None:
    other = tensors["model.bos_embed"].clone()
    other[3] += 1
    tied = tensors["core_model.output_fc.weight"].clone()
    tied[7, 5] += 1
    said = message(tensors | {"model.bos_embed": other, "core_model.output_fc.weight": tied})
    assert said.startswith("old.ckpt contradicts itself: ")
    assert "model.bos_embed is not equal to core_model.bos_embed" in said
    assert "core_model.output_fc.weight is not equal to core_model.input_embedding.G" in said
    assert "model.output_fc.weight is not equal to core_model.output_fc.weight" in said


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["decoder.layers.0.linear1.weight", "positional_encoding.pe"])
def test_numbers_that_are_none_are_refused(tensors: dict[str, Tensor], name: str, value: float) -> None:
    for prefix in (CORE, COPY):
        tensors[prefix + name].view(-1)[3] = value
    with pytest.raises(ArcAffinityError, match=f"file holds numbers that are not finite, in {CORE}{name}"):
        import_published(tensors, "file", SMALL)


def test_something_else_altogether() -> None:
    said = message({"weight": torch.zeros(3), "epoch": 5})
    assert "144 missing (" in said
    assert "2 unexpected (weight, epoch)" in said


def test_position_tables_are_loaded_as_they_are(tensors: dict[str, Tensor]) -> None:
    model = import_published(tensors, "file", SMALL)
    assert torch.equal(model.positional_encoding.pe, tensors[CORE + "positional_encoding.pe"])
    assert foreign_tables(model) == ["positional_encoding.pe", "context_encoder.pos_encoder.pe"]
    assert foreign_tables(EncoderDecoder(SMALL)) == []


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"positions": "rotary"}, "has positions sinusoid only, not rotary"),
        ({"positions": "sinusoid+rotary"}, "has positions sinusoid only, not sinusoid+rotary"),
        ({"positions": "line"}, "has positions sinusoid only, not line"),
        ({"colours": "separate"}, "has colours shared only, not separate"),
        ({"context": "none"}, "has context vector only, not none"),
        ({"bridge": "none"}, "has bridge residual or replace only, not none"),
        ({"decoder_loops": 3}, "has layers applied once, not 3 times"),
    ],
)
def test_other_parts_have_no_place_in_it(
    changes: dict[str, object], refusal: str, build: Callable[..., EncoderDecoder]
) -> None:
    with pytest.raises(ArcAffinityError, match=re.escape(refusal)):
        export_published(build(**changes))
    with pytest.raises(ArcAffinityError, match=re.escape(refusal)):
        import_published({}, "file", replace(SMALL, **changes))


def test_what_is_exported_shares_nothing_with_the_model() -> None:
    model = EncoderDecoder(SMALL)
    before = export_published(model)
    for tensor in export_published(model).values():
        tensor += 1
    assert equal(export_published(model), before)
