"""The whole model: parameters, causality, independence of padding, and who learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from arc_affinity.data.batching.batch import IGNORE, collate
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.blocks import KVCache
from arc_affinity.types import PAD, Example, Pair

Build = Callable[..., EncoderDecoder]
Make = Callable[..., list[Example]]

UNUSED = {
    "output_aug_extra.weight",
    "eval_ln.weight",
    "eval_ln.bias",
    "cebr_alpha",
    "cebr_beta",
    "cebr_gamma",
    "gauge_alpha",
}
"""What the published checkpoint holds and the champion does not use."""


def test_the_champion_has_the_published_number_of_parameters() -> None:
    model = EncoderDecoder(ModelConfig())
    assert model.parameter_count() == 1_644_975
    width, hidden, context, context_hidden = 160, 640, 32, 128
    norm, attention = 2 * width, 4 * (width * width + width)
    feed_forward = width * hidden + hidden + hidden * width + width
    small_layer = 4 * (context**2 + context) + 2 * context * context_hidden + context_hidden + context + 4 * context
    parts = {
        "input_embedding": 11 * width,
        "encoder": attention + feed_forward + 2 * norm,
        "dec_mem_ln": norm,
        "decoder": 3 * (2 * attention + feed_forward + 3 * norm),
        "decoder_inter_layer_ln": 3 * norm,
        "bos_embed": width,
        "context_encoder": 11 * context + 2 * context + 4 * small_layer + 4 * (context**2 + context) + context,
        "context_integration": (width + context) * width + width + norm,
        "context_to_tgt_bias": context * width,
        "context_to_logits": context * 11 + 11,
        "output_aug_extra": 13 * width,
        "eval_ln": norm,
    }
    found = dict.fromkeys(parts, 0)
    for name, parameter in model.named_parameters():
        if parameter.ndim:
            found[name.partition(".")[0]] += parameter.numel()
    assert found == parts
    assert sum(parts.values()) + 4 == 1_644_975


@pytest.mark.parametrize("positions", ["rotary", "sinusoid+rotary"])
def test_rotation_costs_no_parameters(positions: str) -> None:
    model = EncoderDecoder(replace(ModelConfig(), positions=positions))
    assert model.parameter_count() == 1_644_975


def test_parameters_of_the_ablations() -> None:
    context = 2 * 32 + 11 * 32 + 4 * 12_704 + 4 * (32**2 + 32) + 32
    bridge = 192 * 160 + 160 + 2 * 160
    carried = 32 * 160 + 32 * 11
    champion = 1_644_975
    counts: list[tuple[dict[str, object], int]] = [
        ({"positions": "line"}, champion),
        ({"colours": "separate"}, champion + 11 * 160),
        ({"bridge": "none"}, champion - bridge),
        ({"context": "none"}, champion - context - bridge - carried),
        ({"decoder_loops": 2}, champion),
        # 72 more hidden units of four layers are 92,448 parameters: 0.06 % more than the champion has.
        ({"context": "tokens", "feed_forward": 712}, champion - context - bridge - carried + 640 + 4 * 72 * 321),
    ]
    for change, count in counts:
        assert EncoderDecoder(replace(ModelConfig(), **change)).parameter_count() == count
    assert abs(count / champion - 1) < 0.001


def test_a_looped_decoder_is_that_of_as_many_equal_layers(build: Build, examples: Make) -> None:
    looped, batch = build(decoder_loops=2), collate(examples())
    unrolled = build(decoder_layers=4)
    state = looped.state_dict()
    for name in unrolled.state_dict():
        for stack in ("decoder.layers.", "decoder_inter_layer_ln."):
            for layer in (0, 1):
                if name.startswith(f"{stack}{layer}."):
                    state[f"{stack}{layer + 2}." + name.removeprefix(f"{stack}{layer}.")] = state[name]
    unrolled.load_state_dict(state)
    assert torch.allclose(looped(batch), unrolled(batch), atol=1e-5)
    assert not torch.allclose(looped(batch), build()(batch), atol=1e-2)


@torch.no_grad()
def test_without_context_demonstrations_are_not_seen(build: Build, examples: Make) -> None:
    made = examples()
    blind = [replace(one, demonstrations=other.demonstrations) for one, other in zip(made, made[::-1], strict=True)]
    model = build(context="none")
    assert torch.equal(model(collate(made)), model(collate(blind)))


@pytest.mark.parametrize("changes", [{"context": "tokens"}, {"bridge": "none"}])
def test_tokens_and_a_bare_vector_show_the_demonstrations(
    build: Build, examples: Make, changes: dict[str, object]
) -> None:
    """Every cell of each of them; with tokens also which output is whose, and not in which stack they lay."""
    model, example = build(**changes), examples()[0]
    base = model(collate([example]))
    for pair, (one, other) in enumerate([(example.demonstrations[k], example.demonstrations[1 - k]) for k in (0, 1)]):
        for changed in (Pair((one.input + 1) % 10, one.output), Pair(one.input, (one.output + 1) % 10)):
            shown = (changed, other) if pair == 0 else (other, changed)
            assert not torch.allclose(model(collate([replace(example, demonstrations=shown)])), base, atol=1e-3)


@torch.no_grad()
def test_a_batch_is_each_example_alone(variant: ModelConfig, build: Build, examples: Make) -> None:
    model, made = build(variant), examples()
    together = model(collate(made))
    for row, example in zip(together, made, strict=True):
        alone = model(collate([example]))[0]
        assert torch.allclose(row[: len(alone)], alone, atol=1e-4)


def test_unmasked_padding_shows(build: Build, examples: Make) -> None:
    """The published fault 4, by name only; grids of one size, which need no padding, are read alike."""
    unmasked, masked = build(mask_padding=False), build()
    made = [replace(each, demonstrations=each.demonstrations[:1] * 2) for each in examples()]
    alone = collate(made[:1])
    assert torch.allclose(unmasked(alone), masked(alone), atol=1e-4)
    together = unmasked(collate(made))[0, : alone.target.shape[1]]
    assert not torch.allclose(together, unmasked(alone)[0], atol=1e-3)


@torch.no_grad()
def test_a_step_sees_only_the_steps_before_it(variant: ModelConfig, build: Build, examples: Make) -> None:
    model, batch = build(variant), collate(examples([((3, 5), (5, 3)), ((2, 3), (3, 7))]))
    before = model(batch)
    for step in (0, 2, 5):
        assert (batch.target[:, step] != PAD).all()
        target = batch.target.clone()
        target[:, step] = (target[:, step] + 1) % 10
        after = model(replace(batch, target=target))
        assert torch.equal(after[:, : step + 1], before[:, : step + 1])
        changed = (after != before).any(dim=2)
        assert changed[:, step + 1].all()


def test_the_first_step_sees_the_query_and_the_demonstrations(build: Build, examples: Make) -> None:
    model, (one, other) = build(), examples([((2, 3), (2, 3)), ((2, 3), (2, 3))])
    base = model(collate([one]))[0, 0]
    query = replace(one, query=Pair(other.query.input, one.query.output))
    demonstrations = replace(one, demonstrations=other.demonstrations)
    for changed in (query, demonstrations):
        assert not torch.allclose(model(collate([changed]))[0, 0], base, atol=1e-3)


@torch.no_grad()
def test_steps_with_a_cache_are_the_full_pass(variant: ModelConfig, build: Build, examples: Make) -> None:
    model = build(variant)
    for example in examples()[:2]:
        batch = collate([example])
        full = model(batch)[0]
        encoded, caches, written, cells = model.encode(batch), model.new_caches(), None, 0
        assert all(isinstance(cache, KVCache) for cache in caches)
        for step, token in enumerate(batch.target[0]):
            place = torch.tensor([cells]) if variant.numbers_cells else batch.target_positions[:, step]
            found = model.step(written, place, encoded, caches)
            assert torch.allclose(found[0], full[step], atol=1e-4)
            written, cells = token[None], cells + int(token != PAD)


def test_flat_positions_number_cells_without_regard_to_width(build: Build, examples: Make) -> None:
    """The published fault 2: on the canvas a 2x3 and a 3x2 grid differ in place, flat they do not."""
    one = examples([((2, 3), (2, 3))])[0]
    other = replace(one, query=Pair(one.query.input.reshape(3, 2), one.query.output))
    flat, true = (build(read_ends=False, flat_positions=flag) for flag in (True, False))
    assert torch.allclose(flat(collate([one])), flat(collate([other])), atol=1e-5)
    assert not torch.allclose(true(collate([one])), true(collate([other])), atol=1e-3)


@pytest.mark.parametrize("pad_row", ["learned", "zero"])
def test_every_parameter_in_use_learns(build: Build, examples: Make, variant: ModelConfig, pad_row: str) -> None:
    model, batch = build(variant, pad_row=pad_row), collate(examples())
    logits = model(batch)
    right = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), ignore_index=IGNORE)
    right.backward()
    assert {name for name, parameter in model.named_parameters() if parameter.grad is None} == UNUSED
    for name, parameter in model.named_parameters():
        # The softmax forgets what is added to all keys alike, so a key's bias learns only where it is turned.
        if name not in UNUSED and not name.endswith("k_proj.bias"):
            assert parameter.grad.any(), name
    assert model.input_embedding.G.grad[PAD].any() == (pad_row == "learned")
    if variant.context == "vector":
        assert not model.context_encoder.embedding.G.grad[PAD].any()


def test_no_targets_no_teacher(build: Build, examples: Make) -> None:
    example = examples()[0]
    withheld = replace(example, query=Pair(example.query.input, None))
    with pytest.raises(ValueError, match="teacher forcing needs targets"):
        build()(collate([withheld]))


def test_alignment_without_rotation() -> None:
    with pytest.raises(ArcAffinityError, match="alignment needs rotary positions"):
        EncoderDecoder(replace(ModelConfig(), alignment=1.0))
