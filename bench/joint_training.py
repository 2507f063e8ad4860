"""Joint training on this machine against its own matrix products.

    python bench/joint_training.py [SECONDS]

One thread, the small network's sizes, ARC-AGI-1 training pairs of at most 300 tokens, whole steps (drawing views,
forward, backward, optimisers) for SECONDS (20). Floating-point operations are counted as 6 a token and parameter of the
layers plus attention's products. The baseline is what one large product reaches in the same process, in the numbers
that training multiplies here: bfloat16 where the processor has instructions for them, else float32. Targets: 40 %,
aim 60 %.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.training.hardware import computes_bfloat16
from arc_affinity.training.joint.corpus import Corpus, Item, length_of, whole_lesson
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job, Progress, Trainer


def product_rate(kind: torch.dtype, seconds: float = 2.0) -> float:
    """Floating-point operations a second of a product of two square matrices of ``kind``."""
    side = 2048
    left, right = torch.randn(side, side).to(kind), torch.randn(side, side).to(kind)
    left @ right
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        left @ right
        done += 1
    return 2 * side**3 * done / (time.perf_counter() - begun)


def operations(model: PairTransformer, lengths: list[int]) -> float:
    """Of a step on sequences of these lengths, without padding."""
    config = model.config
    matrices = sum(p.numel() for p in model.layers.parameters() if p.ndim == 2)
    linear = sum(lengths) * matrices
    # Two products of every pair of tokens, a width each; the mask is not counted off.
    attention = sum(2 * length**2 * config.width * config.layers for length in lengths)
    return 6.0 * (linear + attention)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lessons = tuple(whole_lesson(task) for task in load_tasks("arc-agi-1/training"))
    corpus = Corpus(lessons, longest=300)
    model = PairTransformer(PairConfig(tasks=len(lessons)))
    kind = torch.bfloat16 if computes_bfloat16(torch.device("cpu")) else torch.float32
    best = product_rate(kind)
    done: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(Job(model, corpus, JointRecipe(), Budget(seconds=seconds), Path(folder)))
        trainer.run(done.append)
    steps = done[-1].steps
    batches: list[list[Item]] = []
    while len(batches) < steps:
        batches += corpus.batches(len(batches), JointRecipe().batch_tokens)
    lengths = [length_of(corpus.pair(item)) for batch in batches[:steps] for item in batch]
    rate = operations(model, lengths) / done[-1].seconds
    print(f"{model.parameter_count():,} parameters, {steps} steps, {done[-1].tokens / done[-1].seconds:,.0f} tokens/s")
    print(f"training                 {rate / 1e9:8.1f} GFLOP/s")
    print(f"a product in {str(kind).removeprefix('torch.'):<11} {best / 1e9:8.1f} GFLOP/s")
    print(f"ratio                    {rate / best:8.2f} (target 0.40, aim 0.60)")


if __name__ == "__main__":
    main()
