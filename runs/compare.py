"""Compare shapes of the network of `solve` at equal work, from nothing, on the small kept-out tasks.

    python runs/compare.py OUT --steps N [--shapes 6x1 3x2 …] [--seeds 0 1] [--examples STORE] [--data-dir DIR]

A shape is layers x loops. All are trained on what the base is trained on and the demonstrations of the tasks kept out
of ARC-AGI-1 training with grids of at most 12x12; judged by their test outputs under all eight dihedral views, given
what stands before each cell: the share of outputs that are right as a whole (a greedy answer is right if and only if
all its cells are) and the loss a cell. A run that was done is not done again.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from base_corpus import base_corpus
from small_tasks import is_small

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.evaluation.candidates.answering import questions_of, under, views_of
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.decoding import cell_log_probabilities
from arc_affinity.models.pair_transformer.layout import IGNORE, lay_out
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.training.joint.corpus import Corpus, demonstrations_of
from arc_affinity.training.joint.processes import train_jointly
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job
from arc_affinity.types import Task


def main() -> None:
    """Train each shape with each seed and print what it learned."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--shapes", nargs="+", default=["6x1", "3x2"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--examples", type=Path)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--longest", type=int, default=300)
    options = parser.parse_args()
    examples = None if options.examples is None else ExampleStore.open(options.examples)
    corpus = base_corpus(options.data_dir, examples, longest=options.longest, drawn=4, seed=0).corpus
    training = load_tasks("arc-agi-1/training")
    kept = set(kept_out_tasks(training))
    tasks = [task for task in training if task.id in kept and is_small(task)]
    both = (*corpus.lessons, *map(demonstrations_of, tasks))
    for seed in options.seeds:
        for shape in options.shapes:
            path = options.out / f"{shape}-{seed}-{options.steps}-{options.longest}.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                figures = trained(shape, replace(corpus, lessons=both, seed=seed), tasks, options.steps, path)
                path.write_text(json.dumps(figures) + "\n")
            print(shape, seed, path.read_text().strip(), flush=True)


def trained(shape: str, corpus: Corpus, tasks: list[Task], steps: int, path: Path) -> dict[str, float]:
    """Train one network and return its figures."""
    layers, loops = map(int, shape.split("x"))
    torch.manual_seed(corpus.seed)
    model = PairTransformer(PairConfig(layers=layers, loops=loops, tasks=len(corpus.lessons)))
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    begun = time.process_time()
    job = Job(model, corpus, JointRecipe(), Budget(steps=steps), folder)
    model = train_jointly(job, device=torch.device("cpu"))
    seconds = time.process_time() - begun
    first = len(corpus.lessons) - len(tasks)
    share, loss = judged(model, tasks, {task.id: first + at for at, task in enumerate(tasks)})
    return {"parameters": model.parameter_count(), "seconds": round(seconds), "right": share, "loss": loss}


def judged(model: PairTransformer, tasks: list[Task], vectors: dict[str, int]) -> tuple[float, float]:
    """Return the share of test outputs, each under eight views, that are right, and nats a cell."""
    answers = {task.id: [pair.output for pair in task.test] for task in tasks}
    views = {task.id: views_of(task, 8, 0) for task in tasks}
    right, losses = [], []
    for question in questions_of(tasks, vectors):
        pairs = [under(question, view, answers[question.task_id][question.index]) for view in views[question.task_id]]
        laid = lay_out(pairs)
        for row, labels in zip(cell_log_probabilities(model, pairs), laid.labels, strict=True):
            wanted = labels[labels != IGNORE].numpy()
            right.append(bool((row.argmax(axis=1) == wanted).all()))
            losses.append(float(-row[np.arange(len(wanted)), wanted].mean()))
    return float(np.mean(right)), float(np.mean(losses))


if __name__ == "__main__":
    main()
