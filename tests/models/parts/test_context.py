"""The context vector: the same whatever the order of the pairs, the batch around them and the padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from arc_affinity.data.batching.batch import Batch, GridStack, Shelf, collate
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import Example, Pair


def context(model: EncoderDecoder, batch: Batch) -> Tensor:
    with torch.no_grad():
        return model.context_encoder(batch.demonstration_inputs, batch.demonstration_outputs)


def turned(example: Example) -> Example:
    return replace(example, demonstrations=example.demonstrations[::-1])


def padded(stack: GridStack, by: int) -> GridStack:
    """The same grids with ``by`` more steps behind each."""
    blank = torch.zeros(len(stack.tokens), by, dtype=torch.long)
    return GridStack(
        torch.cat([stack.tokens, blank + 10], 1),
        torch.cat([stack.positions, blank], 1),
        torch.cat([stack.mask, blank.bool()], 1),
    )


@pytest.fixture
def made(examples: Callable[..., list[Example]]) -> list[Example]:
    return examples()


def grids_read(model: EncoderDecoder, batches: list[Batch]) -> tuple[list[Tensor], int]:
    """The vectors of each batch, and how many grids were read for them."""
    counts: list[int] = []
    encoder = model.context_encoder
    hooks = [
        each.register_forward_pre_hook(lambda _, args: counts.append(len(args[0])))
        for each in (encoder.pixel_ctx, encoder.pixel_q)
    ]
    found = [context(model, batch) for batch in batches]
    for hook in hooks:
        hook.remove()
    return found, sum(counts)


def test_what_is_not_trained_reads_a_grid_once(build: Callable[..., EncoderDecoder], made: list[Example]) -> None:
    model, batches = build(), [collate(made[:3]), collate([turned(example) for example in made[1:]])]
    before, every = grids_read(model, batches)
    grids = {
        (k, *grid.shape, grid.tobytes())
        for e in made
        for p in e.demonstrations
        for k, grid in enumerate((p.input, p.output))
    }
    assert every == 2 * sum(len(batch.demonstration_inputs.place.flatten()) for batch in batches) > len(grids)
    with model.reading_once():
        assert grids_read(model, batches)[1] == every
    model.context_encoder.requires_grad_(False)
    with model.reading_once():
        after, once = grids_read(model, batches)
    assert once == len(grids)
    assert all(torch.allclose(*each, atol=1e-5) for each in zip(before, after, strict=True))
    assert grids_read(model, batches)[1] == every


@pytest.mark.parametrize("normalise", [True, False])
def test_the_order_of_pairs_does_not_matter(
    build: Callable[..., EncoderDecoder], made: list[Example], normalise: bool
) -> None:
    model = build(normalise_context=normalise)
    found = context(model, collate(made))
    assert found.shape == (5, 20)
    assert torch.allclose(found, context(model, collate([turned(example) for example in made])), atol=1e-5)
    assert torch.cdist(found, found).add(torch.eye(5) * 9).min() > 0.01


def test_neither_the_batch_nor_padding_matters(build: Callable[..., EncoderDecoder], made: list[Example]) -> None:
    model, batch = build(), collate(made)
    found = context(model, batch)
    for row, example in zip(found, made, strict=True):
        assert torch.allclose(row, context(model, collate([example]))[0], atol=1e-5)

    def pad(shelf: Shelf) -> Shelf:
        return shelf.map(lambda stack: padded(stack, 13))

    with torch.no_grad():
        wider = model.context_encoder(pad(batch.demonstration_inputs), pad(batch.demonstration_outputs))
    assert torch.allclose(found, wider, atol=1e-5)


def test_unmasked_padding_matters(build: Callable[..., EncoderDecoder], made: list[Example]) -> None:
    """The published fault 4, by name only."""
    model, batch = build(mask_padding=False), collate(made[:1])
    outputs = batch.demonstration_outputs.map(lambda stack: padded(stack, 13))
    with torch.no_grad():
        wider = model.context_encoder(batch.demonstration_inputs, outputs)
    assert not torch.allclose(context(model, batch), wider, atol=1e-3)


def test_which_output_belongs_to_which_input_does_not_get_lost(
    build: Callable[..., EncoderDecoder], made: list[Example]
) -> None:
    """Inputs and outputs are told apart: exchanging them changes the vector."""
    exchanged = [
        replace(e, demonstrations=tuple(Pair(pair.output, pair.input) for pair in e.demonstrations)) for e in made
    ]
    model = build()
    assert not torch.allclose(context(model, collate(made)), context(model, collate(exchanged)), atol=1e-2)


def test_normalised_means_mean_0_and_variance_1(build: Callable[..., EncoderDecoder], made: list[Example]) -> None:
    found = context(build(), collate(made))
    assert torch.allclose(found.mean(1), torch.zeros(5), atol=1e-5)
    assert torch.allclose(found.var(1, unbiased=False), torch.ones(5), atol=1e-3)


def test_a_changed_cell_changes_the_vector(build: Callable[..., EncoderDecoder], made: list[Example]) -> None:
    pair = made[0].demonstrations[1]
    other = np.array(pair.input)
    other[0, 0] = (other[0, 0] + 1) % 10
    changed = replace(made[0], demonstrations=(made[0].demonstrations[0], Pair(other, pair.output)))
    model = build()
    assert not torch.allclose(context(model, collate([made[0]])), context(model, collate([changed])), atol=1e-4)
