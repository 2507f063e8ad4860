"""Share of padding in one epoch of batches, against random batches of 32 padded to their longest.

    python bench/padding.py [FOLDER]

FOLDER keeps the examples of the recipes ``champion-foundational`` and ``champion`` (18 tasks x 2,000 and 308 x 150,
the ``data`` folder of a run or of this measurement) for the next time; without one they are generated first (some
minutes). Demonstrations are padded among themselves, so they are counted apart. Target: at most 10 %.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from arc_affinity.data.batching.batch import GridStack, collate, stack_grids
from arc_affinity.data.batching.datamodule import StoreExamples
from arc_affinity.data.batching.sampling import BatchRules, plan_batches, token_counts
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.training.pretraining.stores import prepare_stores
from arc_affinity.training.recipes.recipe import RECIPES
from arc_affinity.types import Example

SAMPLED = 100
"""Batches whose demonstrations are drawn and counted."""
BUDGETS = ((3_072, 32), (16_384, 32), (65_536, 256))
"""Tokens and examples of a batch: on two CPU processes, by default, on a large GPU."""


def padding_share(counts: np.ndarray, batches: Sequence[Sequence[int]]) -> float:
    """Share of padding among the query and output tokens of batches."""
    groups = [counts[list(batch)] for batch in batches]
    return 1 - sum(group.sum() for group in groups) / sum(group.max(axis=0).sum() * len(group) for group in groups)


def share(stacks: Sequence[GridStack]) -> float:
    """Padding among the tokens of ``stacks``."""
    return 1 - sum(int(s.mask.sum()) for s in stacks) / sum(s.mask.numel() for s in stacks)


def demonstrations(examples: StoreExamples, plan: list[list[int]]) -> tuple[float, float]:
    """Share of padding among demonstrations: as they are stacked, and in one rectangle a batch and kind."""
    ours: list[GridStack] = []
    plain: list[GridStack] = []
    for group in plan[:SAMPLED]:
        batch = collate([examples[0, index] for index in group])
        ours += [*batch.demonstration_inputs.stacks, *batch.demonstration_outputs.stacks]
        plain += rectangles(batch.examples)
    return share(ours), share(plain)


def rectangles(examples: Sequence[Example]) -> Iterator[GridStack]:
    pairs = [pair for example in examples for pair in example.demonstrations]
    yield stack_grids([pair.input for pair in pairs])
    yield stack_grids([pair.output for pair in pairs if pair.output is not None])


def measure(name: str, store: ExampleStore) -> None:
    counts = token_counts(store.sizes)
    examples = StoreExamples(store, RECIPES[name].model.context_pairs, 0, "drawn")
    shuffled = np.random.default_rng(0).permutation(len(counts)).tolist()
    random = [shuffled[i : i + 32] for i in range(0, len(counts), 32)]
    lines = [(f"random batches of 32, {name}", random, demonstrations(examples, random)[1])]
    for cells, most in BUDGETS:
        plan = plan_batches(counts, BatchRules(cells, most, seed=0), pass_number=0)
        lines.append((f"at most {cells:,} tokens, {most} examples", plan, demonstrations(examples, plan)[0]))
    for text, plan, shown in lines:
        print(f"{text:<50} {100 * padding_share(counts, plan):12.1f} % {100 * shown:12.1f} %")


def main(folder: Path) -> None:
    print(f"{'padding (target at most 10 %)':<50} {'query, output':>14} {'demonstrations':>14}")
    for name in ("champion-foundational", "champion"):
        measure(name, prepare_stores(RECIPES[name], folder / name / "data")[0])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
