"""Batches: every grid in its place whatever stands beside it, and masks that tell its tokens from padding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arc_affinity.data.batching.batch import (
    GROUP_SLACK,
    GROUP_TOLERANCE,
    IGNORE,
    Shelf,
    collate,
    shelve,
    stack_grids,
)
from arc_affinity.data.batching.tokens import encode_grid
from arc_affinity.types import PAD, Example, Grid, Pair

sizes = st.tuples(st.integers(1, 30), st.integers(1, 30))


def grid(rows: int, cols: int, start: int = 0) -> Grid:
    return ((np.arange(rows * cols) + start) % 10).astype(np.uint8).reshape(rows, cols)


def example(index: int, *, answered: bool = True) -> Example:
    sides = (2, 3, 5, 7)
    rows, cols = sides[index % 4], sides[(index + 1) % 4]
    shown = tuple(Pair(grid(rows + k, cols, k), grid(cols, rows, k + 1)) for k in range(2))
    return Example("task", index, Pair(grid(rows, cols, index), grid(cols, cols, 3) if answered else None), shown)


def test_a_stack_by_hand() -> None:
    stack = stack_grids([grid(1, 2, 4), grid(2, 1, 7)])
    assert stack.tokens.tolist() == [[4, 5, PAD, PAD], [7, PAD, 8, PAD]]
    assert stack.positions.tolist() == [[0, 1, 2, 30], [0, 1, 30, 60]]
    assert stack.mask.all()
    longer = stack_grids([grid(1, 1, 9), grid(1, 3)])
    assert longer.tokens.tolist() == [[9, PAD, PAD, PAD, PAD], [0, 1, 2, PAD, PAD]]
    assert longer.mask.tolist() == [[True, True, True, False, False], [True] * 5]


def test_the_published_ways_to_read_a_stack() -> None:
    stack = stack_grids([grid(2, 3), grid(1, 1)])
    cells = stack.cells_only()
    assert cells.mask.sum(dim=1).tolist() == [6, 1]
    assert torch.equal(cells.mask, stack.tokens != PAD)
    flat = stack.flattened()
    assert flat.positions[0].tolist() == [0, 1, 2, 2, 3, 4, 5, 5]
    assert torch.equal(flat.tokens, stack.tokens)


def grids_of(shelf: Shelf) -> list[list[int]]:
    """Each grid's tokens, in the order of examples and pairs."""
    rows = [row[mask].tolist() for stack in shelf.stacks for row, mask in zip(stack.tokens, stack.mask, strict=True)]
    return [rows[k] for k in shelf.place.flatten().tolist()]


@settings(max_examples=40)
@given(st.lists(sizes, min_size=1, max_size=7), st.integers(1, 3))
def test_a_shelf_keeps_every_grid_in_its_place(shapes: list[tuple[int, int]], pairs: int) -> None:
    grids = [grid(rows, cols, k) for k, (rows, cols) in enumerate(shapes * pairs)]
    shelf = shelve(grids, pairs)
    assert shelf.place.shape == (len(shapes), pairs)
    assert grids_of(shelf) == [encode_grid(each)[0].tolist() for each in grids]
    for stack in shelf.stacks:
        cells = (stack.tokens != PAD).sum(dim=1)
        assert cells.min() >= GROUP_TOLERANCE * cells.max() - GROUP_SLACK


def test_a_batch_holds_what_its_examples_hold() -> None:
    examples = [example(index) for index in range(4)]
    batch = collate(examples)
    assert len(batch) == 4
    assert batch.examples == tuple(examples)
    for b, each in enumerate(examples):
        tokens, positions = encode_grid(each.query.input)
        assert batch.query.tokens[b][batch.query.mask[b]].tolist() == tokens.tolist()
        assert batch.query.positions[b][batch.query.mask[b]].tolist() == positions.tolist()
        tokens, positions = encode_grid(each.query.output)
        steps = batch.target[b] != IGNORE
        assert steps.sum() == len(tokens)
        assert batch.target[b][steps].tolist() == tokens.tolist()
        assert batch.target_positions[b][steps].tolist() == positions.tolist()
    shown = [pair for each in examples for pair in each.demonstrations]
    assert grids_of(batch.demonstration_inputs) == [encode_grid(pair.input)[0].tolist() for pair in shown]
    assert grids_of(batch.demonstration_outputs) == [encode_grid(pair.output)[0].tolist() for pair in shown]


def test_one_withheld_answer_withholds_all() -> None:
    batch = collate([example(0), example(1, answered=False)])
    assert batch.target is None
    assert batch.target_positions is None
    assert batch.to("cpu").target is None


def test_a_batch_moves_whole() -> None:
    batch = collate([example(index) for index in range(3)])
    there = batch.to("meta")
    tensors = [there.query.tokens, there.query.mask, there.target, there.target_positions]
    tensors += [there.demonstration_inputs.place, there.demonstration_outputs.stacks[0].positions]
    assert all(tensor.device.type == "meta" for tensor in tensors)
    assert there.examples == batch.examples


def test_repeated_demonstrations_keep_their_number() -> None:
    batch = collate([replace(example(k), demonstrations=example(k).demonstrations[:1] * 3) for k in range(2)])
    assert batch.demonstration_inputs.place.shape == (2, 3)


@pytest.mark.parametrize("size", [(30, 30), (1, 1)])
def test_the_largest_and_the_smallest(size: tuple[int, int]) -> None:
    stack = stack_grids([grid(*size)])
    assert stack.tokens.shape == (1, 900 if size == (30, 30) else 3)
    assert stack.mask.all()
