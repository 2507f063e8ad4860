"""Attention and layers against torch's own, with the same weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.models.parts.blocks import (
    Attention,
    DecoderLayer,
    EncoderLayer,
    KeyValues,
    KVCache,
    _attend_by_matmul,
    attend,
)
from arc_affinity.models.parts.positions import Rotation

BATCH, HEADS, HEAD, QUERIES, KEYS, HIDDEN = 2, 3, 8, 5, 7, 11
WIDTH = HEADS * HEAD


def copy_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    parts = (ours.q_proj, ours.k_proj, ours.v_proj)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.out_proj.state_dict())


def copy_layer(ours: EncoderLayer | DecoderLayer, theirs: nn.Module) -> None:
    for name, part in ours.named_children():
        other = theirs.get_submodule(name)
        if isinstance(part, Attention):
            copy_attention(part, other)
        else:
            other.load_state_dict(part.state_dict())


def shaken(module: nn.Module) -> nn.Module:
    """Give biases and norms values that matter."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return module.eval()


def heads(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    queries, keys = shape
    sizes = ((queries, HEAD), (keys, HEAD), (keys, HEAD))
    return tuple(torch.randn(BATCH, HEADS, *size).to(dtype) for size in sizes)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(7)


@pytest.fixture
def mask() -> Tensor:
    """True on the first 7 keys of one example and the first 3 of the other."""
    return torch.arange(KEYS) < torch.tensor([[7], [3]])


def test_attention_by_hand() -> None:
    one = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    keys = torch.tensor([[math.sqrt(2) * math.log(3), 5.0], [0.0, 9.0]]).reshape(1, 1, 2, 2)
    values = torch.tensor([[4.0, 0.0], [0.0, 8.0]]).reshape(1, 1, 2, 2)
    # Scores log 3 and 0 make weights 3/4 and 1/4.
    assert torch.allclose(attend(one, keys, values, None).flatten(), torch.tensor([3.0, 2.0]))


def test_cross_attention_is_torchs(mask: Tensor) -> None:
    ours, theirs = shaken(Attention(WIDTH, HEADS)), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    copy_attention(ours, theirs)
    stream, memory = torch.randn(BATCH, QUERIES, WIDTH), torch.randn(BATCH, KEYS, WIDTH)
    expected, _ = theirs(stream, memory, memory, key_padding_mask=~mask)
    assert torch.allclose(ours.read(stream, ours.key_values(memory), mask=mask), expected, atol=1e-5)


def test_causal_attention_is_torchs() -> None:
    ours, theirs = shaken(Attention(WIDTH, HEADS)), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    copy_attention(ours, theirs)
    stream = torch.randn(BATCH, QUERIES, WIDTH)
    later = torch.ones(QUERIES, QUERIES, dtype=torch.bool).triu(1)
    expected, _ = theirs(stream, stream, stream, attn_mask=later)
    assert torch.allclose(ours.read(stream, ours.key_values(stream), causal=True), expected, atol=1e-5)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_encoder_layer_is_torchs(pre_norm: bool, mask: Tensor) -> None:
    ours = shaken(EncoderLayer(WIDTH, HEADS, HIDDEN, 0.1, pre_norm=pre_norm))
    theirs = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, activation="gelu", batch_first=True, norm_first=pre_norm
    ).eval()
    copy_layer(ours, theirs)
    stream = torch.randn(BATCH, KEYS, WIDTH)
    expected = theirs(stream, src_key_padding_mask=~mask)
    assert torch.allclose(ours(stream, mask)[mask], expected[mask], atol=1e-5)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_decoder_layer_is_torchs(pre_norm: bool, mask: Tensor) -> None:
    ours = shaken(DecoderLayer(WIDTH, HEADS, HIDDEN, 0.1, pre_norm=pre_norm))
    theirs = nn.TransformerDecoderLayer(
        WIDTH, HEADS, HIDDEN, activation="gelu", batch_first=True, norm_first=pre_norm
    ).eval()
    copy_layer(ours, theirs)
    stream, memory = torch.randn(BATCH, QUERIES, WIDTH), torch.randn(BATCH, KEYS, WIDTH)
    later = torch.ones(QUERIES, QUERIES, dtype=torch.bool).triu(1)
    expected = theirs(stream, memory, tgt_mask=later, memory_key_padding_mask=~mask)
    found = ours(stream, ours.multihead_attn.key_values(memory), mask)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("masked", [True, False])
def test_plain_products_are_the_fused_kernel(masked: bool, mask: Tensor) -> None:
    q, k, v = heads(QUERIES, KEYS)
    visible = mask[:, None, None] if masked else None
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    assert torch.allclose(_attend_by_matmul(q, k, v, visible, causal=False), expected, atol=1e-6)


def test_plain_products_are_the_fused_kernel_looking_back() -> None:
    q, k, v = heads(KEYS, KEYS)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(_attend_by_matmul(q, k, v, None, causal=True), expected, atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
def test_bfloat16_in_training_is_float32_within_its_precision(causal: bool, mask: Tensor) -> None:
    wide = [tensor.requires_grad_() for tensor in heads(KEYS, KEYS)]
    narrow = [tensor.detach().bfloat16().requires_grad_() for tensor in wide]
    visible = None if causal else mask[:, None, None, :]
    expected, found = attend(*wide, visible, causal=causal), attend(*narrow, visible, causal=causal)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected, atol=0.03)
    expected.square().sum().backward()
    found.float().square().sum().backward()
    for one, other in zip(wide, narrow, strict=True):
        assert torch.allclose(one.grad, other.grad.float(), atol=0.15)
        assert torch.nn.functional.cosine_similarity(one.grad.flatten(), other.grad.flatten().float(), 0) > 0.999


def test_the_past_is_what_was_appended() -> None:
    cache, steps = KVCache(), [KeyValues(*torch.randn(2, BATCH, HEADS, 1, HEAD)) for _ in range(67)]
    for count, step in enumerate(steps, 1):
        found = cache.append(step)
        assert found.keys.shape[2] == count
    assert torch.equal(found.keys, torch.cat([step.keys for step in steps], dim=2))
    assert torch.equal(found.values, torch.cat([step.values for step in steps], dim=2))


def test_the_past_of_some_examples() -> None:
    cache, steps = KVCache(), [KeyValues(*torch.randn(2, 5, HEADS, 1, HEAD)) for _ in range(3)]
    cache.append(steps[0])
    cache.append(steps[1])
    rows = torch.tensor([4, 1])
    cache.select(rows)
    found = cache.append(steps[2].select(rows))
    assert torch.equal(found.values, torch.cat([step.values[rows] for step in steps], dim=2))


def test_aligned_heads_look_at_their_own_place() -> None:
    attention, sharpness = Attention(WIDTH, HEADS), 2.0
    attention.align(1, sharpness)
    places = torch.tensor([[0, 1, 30, 31, 62]])
    turn = Rotation(HEAD)(places)
    blank = torch.zeros(1, 5, WIDTH)
    keys = attention.key_values(blank, turn).keys
    queries = turn(attention.split(attention.q_proj(blank)))
    scores = (queries @ keys.transpose(-1, -2) / math.sqrt(HEAD))[0]
    # Of 8 components 4 carry the bias: 4 rotation pairs of 2 nats each at offset 0.
    assert torch.allclose(scores[0].diagonal(), torch.tensor(8.0))
    assert (scores[0].argmax(dim=-1) == torch.arange(5)).all()
    assert scores[1:].abs().max() == 0


def test_heads_that_do_not_divide_the_width() -> None:
    with pytest.raises(ValueError, match="width 24 does not divide into 5 heads"):
        Attention(24, 5)
