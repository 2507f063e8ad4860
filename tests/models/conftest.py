"""Small models with nothing at its first value, and small examples: sides are primes, and no two sizes are equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import PAD, Example, Grid, Pair

SMALL = ModelConfig(
    width=24,
    heads=3,
    feed_forward=29,
    encoder_layers=2,
    decoder_layers=2,
    context_width=20,
    context_heads=5,
    context_feed_forward=13,
    context_layers=1,
)

VARIANTS = {
    "champion": SMALL,
    "rotary": replace(SMALL, positions="rotary"),
    "sinusoid+rotary": replace(SMALL, positions="sinusoid+rotary", alignment=2.0),
    "post-norm": replace(SMALL, pre_norm=False),
    "line": replace(SMALL, positions="line"),
    "separate colours": replace(SMALL, colours="separate"),
    "no context": replace(SMALL, context="none"),
    "no bridge": replace(SMALL, bridge="none"),
    "tokens": replace(SMALL, context="tokens", positions="sinusoid+rotary"),
    "loops": replace(SMALL, decoder_loops=3),
    "cells alone read": replace(SMALL, read_ends=False),
    "flat": replace(SMALL, flat_positions=True),
    "published": replace(
        SMALL, pad_row="zero", bridge="replace", normalise_context=False, read_ends=False, flat_positions=True
    ),
}

EAGER = {
    "champion": (34, 3.0),
    "rotary": (34, 2.5),
    "sinusoid+rotary": (14, 2.0),
    "post-norm": (12, 3.0),
    "line": (34, 3.0),
    "separate colours": (10, 3.0),
    "no context": (8, 2.5),
    "no bridge": (34, 1.0),
    "tokens": (15, 4.0),
    "loops": (5, 1.0),
    "cells alone read": (34, 3.0),
    "flat": (34, 3.0),
    "published": (3, 9.8),
}
"""Seed and what is added to PAD's logit, so that each writes outputs of different lengths, none of them long: tried."""

SIZES = [((2, 3), (3, 2)), ((5, 7), (1, 5)), ((3, 11), (2, 2)), ((1, 1), (7, 3)), ((7, 5), (5, 1))]
"""Query and output of each example."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep to one thread: what is this small only waits for a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def variant(request: pytest.FixtureRequest) -> ModelConfig:
    """Each kind of model whose answers must not depend on the batch."""
    config: ModelConfig = request.param
    return config


@pytest.fixture(params=("champion", "loops", "published"))
def some(request: pytest.FixtureRequest) -> ModelConfig:
    """A few of them, for what hangs on decoding and little on the model."""
    return VARIANTS[request.param]


@pytest.fixture(scope="session")
def build() -> Callable[..., EncoderDecoder]:
    """Build a small model in evaluation mode with every weight shaken, biases and norms too."""

    def make(config: ModelConfig = SMALL, seed: int = 3, **changes: object) -> EncoderDecoder:
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        model = EncoderDecoder(replace(config, **changes))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
            if model.config.pad_row == "zero":
                model.input_embedding.G[10] = 0
            if model.config.context == "vector":
                model.context_encoder.embedding.G[10] = 0
        return model.eval()

    return make


@pytest.fixture(scope="session")
def build_eager(build: Callable[..., EncoderDecoder]) -> Callable[..., EncoderDecoder]:
    """Build a variant that is eager to end its outputs: of different lengths, few of them the whole canvas."""

    def make(config: ModelConfig = SMALL) -> EncoderDecoder:
        (name,) = (name for name, variant in VARIANTS.items() if variant == config)
        seed, rise = EAGER[name]
        model = build(config, seed)
        with torch.no_grad():
            model.output_bias[PAD] += rise
        return model

    return make


@pytest.fixture(scope="session")
def examples() -> Callable[..., list[Example]]:
    """Make examples with random colours, one for each of ``sizes``, each with demonstrations of other sizes."""

    def make(sizes: Sequence[tuple[tuple[int, int], tuple[int, int]]] = SIZES, seed: int = 5) -> list[Example]:
        rng = np.random.default_rng(seed)

        def grid(size: tuple[int, int]) -> Grid:
            return rng.integers(0, 10, size, dtype=np.uint8)

        def pair() -> Pair:
            rows, cols = (int(side) for side in rng.choice([1, 2, 3, 5], 2))
            return Pair(grid((rows, cols)), grid((cols, rows + 1)))

        return [
            Example("task", index, Pair(grid(query), grid(output)), (pair(), pair()))
            for index, (query, output) in enumerate(sizes)
        ]

    return make
