"""Joint training on this machine against its own matrix products.

    python bench/joint_training.py [SECONDS]

One thread, the small network's sizes, ARC-AGI-1 training pairs of at most 300 tokens, whole steps (drawing views,
forward, backward, optimisers) for SECONDS (20), with layers as they are and compiled, as long trainings have them where
that pays (compiling is not counted). Floating-point operations are counted as 6 a token and parameter of the
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
from arc_affinity.training.hardware import compile_layers, computes_bfloat16
from arc_affinity.training.joint.corpus import Corpus, Item, length_of, whole_lesson
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job, Progress, Trainer

WARM_UP = 10
"""Steps after which layers are compiled for every length."""


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
    print(f"{model.parameter_count():,} parameters; a product in {kind} {best / 1e9:.1f} GFLOP/s")
    report("as they are", model, corpus, seconds, best)
    if compile_layers(model.layers, torch.device("cpu")):
        trained(model, corpus, Budget(steps=WARM_UP))
        report("compiled", model, corpus, seconds, best)


def trained(model: PairTransformer, corpus: Corpus, budget: Budget) -> Progress:
    """Train for ``budget`` and return where that led."""
    done: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder:
        Trainer(Job(model, corpus, JointRecipe(), budget, Path(folder))).run(done.append)
    return done[-1]


def report(name: str, model: PairTransformer, corpus: Corpus, seconds: float, best: float) -> None:
    """Print the speed of training ``model`` for ``seconds`` beside that of products, ``best``."""
    done = trained(model, corpus, Budget(seconds=seconds))
    steps = done.steps
    batches: list[list[Item]] = []
    while len(batches) < steps:
        batches += corpus.batches(len(batches), JointRecipe().batch_tokens)
    lengths = [length_of(corpus.pair(item)) for batch in batches[:steps] for item in batch]
    rate = operations(model, lengths) / done.seconds
    print(f"layers {name}: {steps} steps, {done.tokens / done.seconds:,.0f} tokens/s, {rate / 1e9:.1f} GFLOP/s")
    print(f"ratio {rate / best:8.2f} (target 0.40, aim 0.60)")


if __name__ == "__main__":
    main()
