"""Grids as tokens and back, for every size there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.data.batching.tokens import canvas_positions, decode_grid, encode_grid, pad_is_legal
from arc_affinity.types import CANVAS, MAX_SIDE, PAD


def grid(rows: int, cols: int) -> np.ndarray:
    return ((np.arange(rows * cols) * 7 + rows) % 10).astype(np.uint8).reshape(rows, cols)


def test_the_example_of_the_docstring() -> None:
    tokens, positions = encode_grid(np.array([[1, 2], [3, 4], [5, 6]], np.uint8))
    assert tokens.tolist() == [1, 2, PAD, 3, 4, 5, 6, PAD]
    assert positions.tolist() == [0, 1, 2, 30, 31, 60, 61, 90]


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1, 1), [1, PAD, PAD]),
        ((1, 30), [*grid(1, 30)[0].tolist(), PAD]),
        ((30, 1), [grid(30, 1)[0, 0], PAD, *grid(30, 1)[1:, 0].tolist()]),
        ((30, 30), grid(30, 30).ravel().tolist()),
    ],
)
def test_sizes_at_the_edges_by_hand(size: tuple[int, int], tokens: list[int]) -> None:
    assert encode_grid(grid(*size))[0].tolist() == tokens


def test_every_size_there_and_back() -> None:
    legal = pad_is_legal(np.arange(CANVAS))
    for rows, cols in np.ndindex(MAX_SIDE, MAX_SIDE):
        original = grid(rows + 1, cols + 1)
        tokens, positions = encode_grid(original)
        decoded = decode_grid(tokens)
        assert decoded is not None
        assert decoded.dtype == np.uint8
        assert np.array_equal(decoded, original)
        assert np.array_equal(decode_grid(np.append(tokens, [3, PAD, 5])), original), "what follows the end is ignored"
        rows, cols = original.shape
        assert len(tokens) == len(positions) == original.size + (cols < MAX_SIDE) + (rows < MAX_SIDE)
        assert legal[positions[tokens == PAD]].all()
        assert (original.ravel() == tokens[tokens != PAD]).all()
        assert (positions[tokens != PAD] == canvas_positions(*original.shape)).all()


def test_every_size_cut_off_is_no_grid() -> None:
    for rows, cols in ((1, 1), (2, 3), (7, 5), (1, 30), (30, 1), (30, 7), (30, 30)):
        tokens, _ = encode_grid(grid(rows, cols))
        for end in range(len(tokens)):
            assert decode_grid(tokens[:end]) is None


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [PAD, 1, 2, PAD],
        [1, 2, PAD, 3, PAD],  # the second row lacks a cell
        [1, 2, 3],
        [1, 2, PAD],
        [1] * 31,
    ],
)
def test_tokens_that_spell_no_grid(tokens: list[int]) -> None:
    assert decode_grid(np.array(tokens, dtype=np.int64)) is None


def test_pad_by_hand() -> None:
    """Behind the first row's cells, and in column 0 of later rows; never in the first place of all."""
    legal = set(range(1, MAX_SIDE)) | set(range(MAX_SIDE, CANVAS, MAX_SIDE))
    assert set(np.flatnonzero(pad_is_legal(np.arange(CANVAS)))) == legal


@given(st.lists(st.integers(0, PAD), max_size=70))
def test_what_decodes_is_written_so(tokens: list[int]) -> None:
    """Any tokens spell no grid, or one whose own tokens they begin with."""
    decoded = decode_grid(np.array(tokens, dtype=np.int64))
    if decoded is not None:
        written, _ = encode_grid(decoded)
        assert tokens[: len(written)] == written.tolist()
