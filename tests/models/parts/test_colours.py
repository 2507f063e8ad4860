"""The shared matrix: read times the root of the width, written with as it is, PAD's row apart."""

from __future__ import annotations

import pytest
import torch

from arc_affinity.models.parts.colours import ColourEmbedding
from arc_affinity.types import PAD

WIDTH = 9


@pytest.mark.parametrize("learned_pad", [True, False])
def test_reading_and_writing(learned_pad: bool) -> None:
    colours = ColourEmbedding(WIDTH, learned_pad=learned_pad)
    tokens = torch.tensor([[3, PAD], [0, 7]])
    assert torch.allclose(colours(tokens), colours.G[tokens] * 3)
    hidden = torch.randn(2, 5, WIDTH)
    assert torch.allclose(colours.logits(hidden), hidden @ colours.G.T)
    assert (colours.G[PAD] == 0).all() == (not learned_pad)


@pytest.mark.parametrize("learned_pad", [True, False])
def test_only_a_learned_pad_gets_a_gradient(learned_pad: bool) -> None:
    colours = ColourEmbedding(WIDTH, learned_pad=learned_pad)
    hidden = colours(torch.tensor([PAD, 4])) + torch.randn(2, WIDTH)
    colours.logits(hidden).square().sum().backward()
    assert colours.G.grad is not None
    assert colours.G.grad[PAD].any() == learned_pad
    assert colours.G.grad[:PAD].any(dim=1).all()


@pytest.mark.parametrize("shared", [True, False])
def test_a_zero_pad_always_scores_zero(shared: bool) -> None:
    colours = ColourEmbedding(WIDTH, learned_pad=False, shared=shared)
    assert (colours.logits(torch.randn(7, WIDTH))[:, PAD] == 0).all()


def test_separate_matrices_read_and_write() -> None:
    colours = ColourEmbedding(WIDTH, learned_pad=True, shared=False)
    tokens, hidden = torch.tensor([3, PAD]), torch.randn(5, WIDTH)
    assert torch.allclose(colours(tokens), colours.G[tokens] * 3)
    assert torch.allclose(colours.logits(hidden), hidden @ colours.written.T)
    assert not torch.allclose(colours.G, colours.written)
