"""Positions by hand, and what rotation is for: a score that depends on the offset alone."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arc_affinity.models.parts.positions import Rotation, SinusoidPositions, grid_sinusoids
from arc_affinity.types import MAX_SIDE

WIDTH = 8
ROTATION = Rotation(WIDTH)


def test_sinusoids_by_hand() -> None:
    row, col = 2, 3
    # Half of 8 has two rates: 1 and 10000^(-1/2) = 0.01.
    expected = [f(place * rate) for place in (row, col) for rate in (1, 0.01) for f in (math.sin, math.cos)]
    assert torch.allclose(grid_sinusoids(WIDTH)[row * MAX_SIDE + col], torch.tensor(expected))
    assert [round(value, 4) for value in expected] == [
        0.9093,
        -0.4161,
        0.02,
        0.9998,
        0.1411,
        -0.99,
        0.03,
        0.9996,
    ]


def test_sinusoids_of_a_line_by_hand() -> None:
    expected = [f(31 * rate) for rate in (1, 0.1, 0.01, 0.001) for f in (math.sin, math.cos)]
    assert torch.allclose(SinusoidPositions(WIDTH, line=True)(torch.tensor([[31]]))[0, 0], torch.tensor(expected))


def test_no_two_places_have_the_same_sinusoids() -> None:
    table = grid_sinusoids(20)
    assert table.shape == (900, 20)
    apart = torch.cdist(table, table) + 9 * torch.eye(900)
    assert apart.min() > 0.01


def test_sinusoids_are_looked_up_and_not_trained() -> None:
    module = SinusoidPositions(WIDTH)
    places = torch.tensor([[0, 899], [31, 7]])
    assert torch.equal(module(places), grid_sinusoids(WIDTH)[places])
    assert not list(module.parameters())
    assert module.state_dict()["pe"].shape == (1, 900, WIDTH)


def test_rotation_by_hand() -> None:
    turn = Rotation(WIDTH)(torch.tensor([[2 * MAX_SIDE + 1]]))
    # Pairs (i, i + 4): two for the row, at rates 1.5 and 0.15, then two for the column at the same rates.
    for pair, angle in enumerate([3.0, 0.3, 1.5, 0.15]):
        vector = torch.zeros(1, 1, 1, WIDTH)
        vector[..., pair] = 2.0
        expected = torch.zeros(WIDTH)
        expected[pair], expected[pair + 4] = 2 * math.cos(angle), 2 * math.sin(angle)
        assert torch.allclose(turn(vector).flatten(), expected, atol=1e-6)


places = st.tuples(st.integers(0, 22), st.integers(0, 22))
moves = st.tuples(st.integers(0, 7), st.integers(0, 7))


@settings(max_examples=40)
@given(places, places, moves, st.integers(0, 2**31))
def test_turned_products_depend_on_the_offset_alone(
    one: tuple[int, int], other: tuple[int, int], move: tuple[int, int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    query, key = torch.randn(2, 1, 3, 1, WIDTH, generator=generator)

    def score(shift: tuple[int, int]) -> torch.Tensor:
        at = [torch.tensor([[(r + shift[0]) * MAX_SIDE + c + shift[1]]]) for r, c in (one, other)]
        return (ROTATION(at[0])(query) * ROTATION(at[1])(key)).sum(-1)

    assert torch.allclose(score((0, 0)), score(move), atol=1e-4)


def test_turning_keeps_length_and_kind() -> None:
    turn = Rotation(WIDTH)(torch.arange(0, 900, 97)[None])
    vectors = torch.randn(1, 3, 10, WIDTH)
    assert torch.allclose(turn(vectors).norm(dim=-1), vectors.norm(dim=-1), atol=1e-5)
    assert turn(vectors.bfloat16()).dtype == torch.bfloat16


def test_rotation_tells_all_offsets_apart() -> None:
    """For 40-wide heads, the champion's, the score of equal vectors is largest at offset 0, by far."""
    turn = Rotation(40)(torch.arange(30)[None])
    scores = (turn(torch.ones(1, 1, 30, 40)) * turn(torch.ones(1, 1, 30, 40))[:, :, :1]).sum(-1).flatten()
    assert scores[0] == pytest.approx(40)
    assert scores[1:].max() < 37


def test_a_head_too_odd_to_turn() -> None:
    with pytest.raises(ValueError, match="divisible by 4, not 6"):
        Rotation(6)
