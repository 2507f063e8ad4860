"""Training throughput of the champion on the 18 tasks, against the same network of torch's own layers.

    python bench/training.py [FOLDER [STEPS [BATCHES]]]

FOLDER keeps the examples (18 tasks x 400) for the next time; without one they are generated into a temporary folder.

Ours: the recipe ``champion-foundational`` as two processes of one thread: bfloat16 where the CPU has it, batches of
like sizes, no attention dropout. STEPS (60) optimiser steps after 5 to warm up, all inclusive: drawing, collating, both
passes, Adam.

Baseline: `TorchChampion`, one process of two threads: float32, random batches of 32, padded to the batch's
longest, dropout 0.1 in attention too, Adam; BATCHES (2) of them. A batch is passed in quarters of 8 examples, as wide
as the whole, since its attention would not fit into memory at once; that costs it no time to speak of.

Target: at least 15 times the examples a second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.data.batching.batch import IGNORE, Batch, GridStack, collate, stack_grids
from arc_affinity.data.batching.demonstrations import from_store
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.parts.positions import grid_sinusoids
from arc_affinity.training.hardware import Machine, computes_bfloat16
from arc_affinity.training.pretraining.pretrain import train
from arc_affinity.training.pretraining.stores import prepare_stores
from arc_affinity.training.recipes.recipe import RECIPES, Recipe
from arc_affinity.types import PAD, VOCABULARY, Example

TARGET = 15
WARM_UP = 5
BATCH, PART = 32, 8


class Colours(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.G = nn.Parameter(torch.randn(VOCABULARY, width) / width**0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        return F.embedding(tokens, self.G) * self.G.shape[1] ** 0.5


class Places(nn.Module):
    pe: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", grid_sinusoids(width)[None])

    def forward(self, places: Tensor) -> Tensor:
        return self.pe[0][places]


class TorchContext(nn.Module):
    """The context encoder with torch's layers; its tensors have the published names."""

    def __init__(self, config: ModelConfig, dropout: float) -> None:
        super().__init__()
        width, heads = config.context_width, config.context_heads
        layer = nn.TransformerEncoderLayer(
            width, heads, config.context_feed_forward, dropout, "gelu", batch_first=True, norm_first=config.pre_norm
        )
        self.normalise = config.normalise_context
        self.embedding, self.pos_encoder = Colours(width), Places(width)
        self.grid_type_embedding = nn.Embedding(2, width)
        self.pixel_ctx = nn.TransformerEncoder(layer, config.context_layers, enable_nested_tensor=False)
        self.pixel_q = nn.TransformerEncoder(layer, config.context_layers, enable_nested_tensor=False)
        self.cross_attn = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.attn_proj = nn.Linear(width, 1, bias=False)

    def forward(self, inputs: GridStack, outputs: GridStack, pairs: int) -> Tensor:
        questions = self.summary(inputs, self.pixel_ctx, 0).unflatten(0, (-1, pairs))
        answers = self.summary(outputs, self.pixel_q, 1).unflatten(0, (-1, pairs))
        found = answers + self.cross_attn(answers, questions, questions, need_weights=False)[0]
        context = (self.attn_proj(found).softmax(dim=1) * found).sum(dim=1)
        return F.layer_norm(context, context.shape[-1:]) if self.normalise else context

    def summary(self, grids: GridStack, pixels: nn.Module, kind: int) -> Tensor:
        cells = self.embedding(grids.tokens) + self.pos_encoder(grids.positions)
        cells = pixels(cells + self.grid_type_embedding.weight[kind], src_key_padding_mask=~grids.mask)
        share = grids.mask / grids.mask.sum(dim=1, keepdim=True)
        return (cells * share[:, :, None]).sum(dim=1)


@dataclass(frozen=True)
class Padded:
    """Examples as one rectangle a kind of grid, each as wide as its longest."""

    batch: Batch
    inputs: GridStack
    outputs: GridStack

    def part(self, rows: slice) -> Padded:
        """Some of the examples, as wide as before."""
        batch, pairs = self.batch, len(self.inputs.tokens) // len(self.batch)
        shown = slice(rows.start * pairs, rows.stop * pairs)
        assert batch.target is not None and batch.target_positions is not None
        batch = replace(
            batch,
            examples=batch.examples[rows],
            query=some(batch.query, rows),
            target=batch.target[rows],
            target_positions=batch.target_positions[rows],
        )
        return Padded(batch, some(self.inputs, shown), some(self.outputs, shown))


def some(grids: GridStack, rows: slice) -> GridStack:
    return GridStack(grids.tokens[rows], grids.positions[rows], grids.mask[rows])


def pad(examples: Sequence[Example]) -> Padded:
    shown = [pair for example in examples for pair in example.demonstrations]
    outputs = [pair.output for pair in shown if pair.output is not None]
    return Padded(collate(examples), stack_grids([pair.input for pair in shown]), stack_grids(outputs))


class TorchChampion(nn.Module):
    """The champion built from torch's layers: the same function of the same tensors, under their published names.

    A test holds that it computes what `EncoderDecoder` does. Settings that change what is read (`read_ends`,
    `flat_positions`) and rotary positions are left out: it is the network of the default settings.
    """

    def __init__(self, config: ModelConfig, dropout: float = 0.1) -> None:
        super().__init__()
        width, hidden = config.width, config.feed_forward
        shape = {"activation": "gelu", "batch_first": True, "norm_first": config.pre_norm}
        encoder = nn.TransformerEncoderLayer(width, config.heads, hidden, dropout, **shape)
        decoder = nn.TransformerDecoderLayer(width, config.heads, hidden, dropout, **shape)
        self.residual = config.bridge == "residual"
        self.input_embedding, self.positional_encoding = Colours(width), Places(width)
        self.encoder = nn.TransformerEncoder(encoder, config.encoder_layers, enable_nested_tensor=False)
        self.dec_mem_ln = nn.LayerNorm(width)
        self.decoder = nn.TransformerDecoder(decoder, config.decoder_layers)
        self.decoder_inter_layer_ln = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.decoder_layers))
        self.bos_embed = nn.Parameter(torch.randn(width) * 0.02)
        self.context_encoder = TorchContext(config, dropout)
        self.context_integration = nn.Sequential(
            nn.Linear(width + config.context_width, width), nn.ReLU(), nn.LayerNorm(width)
        )
        self.context_to_tgt_bias = nn.Linear(config.context_width, width, bias=False)
        self.context_to_logits = nn.Linear(config.context_width, VOCABULARY)
        self.output_fc = nn.Linear(width, VOCABULARY, bias=False)
        self.output_fc.weight = self.input_embedding.G
        self.output_aug_extra = nn.Linear(width, 13, bias=False)
        self.eval_ln = nn.LayerNorm(width)

    def forward(self, padded: Padded) -> Tensor:
        batch = padded.batch
        assert batch.target is not None
        context = self.context_encoder(padded.inputs, padded.outputs, len(padded.inputs.tokens) // len(batch))
        query = self.input_embedding(batch.query.tokens) + self.positional_encoding(batch.query.positions)
        memory = self.dec_mem_ln(self.encoder(query, src_key_padding_mask=~batch.query.mask))
        written = batch.target[:, :-1].masked_fill(batch.target[:, :-1] == IGNORE, PAD)
        start = self.bos_embed.expand(len(batch), 1, -1)
        stream = torch.cat([start, self.input_embedding(written)], 1) + self.positional_encoding(batch.target_positions)
        stream = stream + self.context_to_tgt_bias(context)[:, None]
        mixed = self.context_integration(torch.cat([stream, context[:, None].expand(-1, stream.shape[1], -1)], -1))
        stream = stream + mixed if self.residual else mixed
        later = nn.Transformer.generate_square_subsequent_mask(stream.shape[1])
        for layer, norm in zip(self.decoder.layers, self.decoder_inter_layer_ln, strict=True):
            away = torch.zeros(batch.query.mask.shape).masked_fill(~batch.query.mask, float("-inf"))
            stream = norm(layer(stream, memory, later, tgt_is_causal=True, memory_key_padding_mask=away))
        return self.output_fc(stream) + self.context_to_logits(context)[:, None]


def baseline(store: ExampleStore, batches: int) -> float:
    """Examples a second of the baseline."""
    torch.set_num_threads(2)
    torch.manual_seed(0)
    model = TorchChampion(ModelConfig()).train()
    optimiser = torch.optim.Adam(model.parameters(), 1.85e-3, (0.95, 0.999))
    rng = np.random.default_rng(0)

    def step(size: int) -> None:
        chosen = rng.choice(len(store), size, replace=False).tolist()
        padded = pad([from_store(store, i, pairs=2, seed=0, epoch=0) for i in chosen])
        for first in range(0, size, PART):
            part = padded.part(slice(first, min(first + PART, size)))
            logits, target = model(part), part.batch.target
            F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE).backward()
        optimiser.step()
        optimiser.zero_grad()

    step(1)
    begin = time.perf_counter()
    for _ in range(batches):
        step(BATCH)
    return batches * BATCH / (time.perf_counter() - begin)


class Rate(Callback):
    """Times the steps of one process after some to warm up, and counts its examples."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps = folder, steps
        self.begin, self.examples = 0.0, 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if batch_idx >= WARM_UP:
            self.examples += len(batch)
        if batch_idx == WARM_UP - 1:
            self.begin = time.perf_counter()
        if batch_idx == self.steps - 1:
            spent = {"examples": self.examples, "seconds": time.perf_counter() - self.begin}
            (self.folder / f"rate-{trainer.global_rank}.json").write_text(json.dumps(spent))


def recipe(steps: int) -> Recipe:
    """A budget of tokens keeps batches of large grids in the cache."""
    return replace(
        RECIPES["champion-foundational"],
        model=ModelConfig(),
        steps=steps,
        validate_every=steps,
        validation_per_task=2,
        per_task=400,
        curriculum=(),
        precision="mixed",
        batch_examples=BATCH,
        batch_cells=6_144,
    )


def ours(folder: Path, steps: int) -> float:
    """Examples a second of our training, in processes of its own."""
    command = [sys.executable, __file__, "--one-run", str(folder), str(steps + WARM_UP)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spent = [json.loads(path.read_text()) for path in folder.glob("rate-*.json")]
    return sum(each["examples"] for each in spent) / max(each["seconds"] for each in spent)


def one_run(folder: Path, steps: int) -> None:
    """Train; Lightning starts this very command again for the second process."""
    run = folder / f"run-{steps}"
    run.mkdir(exist_ok=True)
    if not (run / "data").exists():
        (run / "data").symlink_to((folder / "data").resolve())
    machine = Machine(processes=2, threads=1)
    train(recipe(steps), run, callbacks=[Rate(folder, steps)], progress=False, machine=machine)


def main(folder: Path, steps: int, batches: int) -> None:
    store, _ = prepare_stores(recipe(steps), folder / "data")
    slow = baseline(store, batches)
    print(f"torch's layers, float32, random batches of {BATCH}, padded   {slow:8.2f} examples/s")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        (work / "data").symlink_to((folder / "data").resolve())
        fast = ours(work, steps)
    kind = "bfloat16" if computes_bfloat16(torch.device("cpu")) else "float32"
    print(f"ours, {kind:8}, like sizes together, 2 x 1 thread          {fast:8.2f} examples/s")
    print(f"ratio                                                      {fast / slow:8.1f}x (target {TARGET})")


if __name__ == "__main__":
    if "--one-run" in sys.argv:
        one_run(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        given = [*sys.argv[1:], *["", "60", "2"][len(sys.argv) - 1 :]]
        with tempfile.TemporaryDirectory() as spare:
            main(Path(given[0] or spare), int(given[1]), int(given[2]))
