"""Greedy decoding with a key-value cache against recomputing the whole prefix at every step.

    python bench/decoding.py [EXAMPLES [SIDE]]

The champion's size with random weights, 32-bit, two threads, a batch of EXAMPLES (4) whose grids are all
SIDE x SIDE (30): the longest outputs there are. The baseline keeps what was read of the query and recomputes the
decoder over all steps so far. Target: at least 10 times as fast, token for token the same.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from arc_affinity.data.batching.batch import Batch, collate
from arc_affinity.data.batching.tokens import canvas_positions
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.decoding import greedy
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import PAD, Example, Pair

TARGET = 10


def make_batch(examples: int, side: int) -> Batch:
    rng = np.random.default_rng(0)

    def pair() -> Pair:
        return Pair(*rng.integers(0, 10, (2, side, side), dtype=np.uint8))

    return collate([Example("random", i, pair(), (pair(), pair())) for i in range(examples)])


@torch.no_grad()
def cached(model: EncoderDecoder, batch: Batch, side: int) -> np.ndarray:
    decoded = greedy(model, batch, sizes=[(side, side)] * len(batch))
    return np.stack([each.tokens[each.tokens != PAD] for each in decoded])


@torch.no_grad()
def recomputed(model: EncoderDecoder, batch: Batch, side: int) -> np.ndarray:
    """The cells of every output in raster order; the PADs of smaller grids are given, as they are to the other."""
    encoded = model.encode(batch)
    assert batch.target is not None and batch.target_positions is not None
    stream = model.bos_embed.expand(len(batch), 1, -1)
    cells = []
    for step, place in enumerate(batch.target[0].tolist()):
        logits = model._decode(stream, batch.target_positions[:, : step + 1], encoded, None)[:, -1]
        token = torch.full((len(batch),), PAD) if place == PAD else logits[:, :PAD].argmax(dim=-1)
        if place != PAD:
            cells.append(token)
        stream = torch.cat([stream, model.input_embedding(token)[:, None]], dim=1)
    assert len(cells) == len(canvas_positions(side, side))
    return torch.stack(cells, dim=1).numpy()


def main() -> None:
    examples, side = map(int, [*sys.argv[1:], *["4", "30"][len(sys.argv) - 1 :]])
    torch.set_num_threads(2)
    torch.manual_seed(0)
    model, batch = EncoderDecoder(ModelConfig()).eval(), make_batch(examples, side)
    cached(model, make_batch(examples, 2), 2)
    seconds, tokens = {}, {}
    for name, decode in (("cached", cached), ("recomputed", recomputed)):
        begin = time.perf_counter()
        tokens[name] = decode(model, batch, side)
        seconds[name] = time.perf_counter() - begin
    same = (tokens["cached"] == tokens["recomputed"]).mean()
    print(f"{examples} outputs of {side}x{side}, {model.parameter_count():,} parameters, 2 threads, float32")
    for name, spent in seconds.items():
        print(f"{name:<24} {spent:8.2f} s   {examples / spent:8.3f} outputs/s")
    print(f"the same tokens          {100 * same:7.2f} %")
    print(f"ratio                    {seconds['recomputed'] / seconds['cached']:7.1f}x (target {TARGET})")


if __name__ == "__main__":
    main()
