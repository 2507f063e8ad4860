"""One network for all tasks of the published table, 400 examples each, against 302 published specialists.

    python runs/joint_specialists.py OUT --examples STORE --held-out STORE --hours H

The stores are made by `arc-affinity data generate --tasks …`, the second with --exclude the first. The base of `solve`
is trained on all of the first; the second is answered, two attempts, the size not given (`arc_prize`), and
runs/against_published.py compares the records. Stopped at any moment, the same command goes on.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from base_corpus import with_tasks

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.augment import fixed_colours
from arc_affinity.evaluation.predicting.solver import predict_by_solver
from arc_affinity.evaluation.records.record import Origin, Record, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.pair_transformer.storage import find_solver, load_solver, save_solver
from arc_affinity.training.joint.adapting import ADAPTING
from arc_affinity.training.joint.corpus import Corpus, Lesson
from arc_affinity.training.joint.processes import train_jointly
from arc_affinity.training.joint.recipe import Budget
from arc_affinity.training.joint.trainer import Job, Progress
from arc_affinity.types import Task

LONGEST = 900
"""Pairs of more tokens are not trained on; such test pairs are asked all the same."""

DRAWN = 16
"""Examples of each task in a pass."""


def main() -> None:
    """Train or go on training, and answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--hours", type=float, required=True, help="of training")
    parser.add_argument("--base", default="solver-small")
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--asked", type=int, default=20, help="held-out examples of each task")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    originals = {task.id: task for task in load_tasks("arc-agi-1/training")}
    if not (options.out / "model").is_dir():
        train(options.out, originals, options.examples, options.base, options.hours, options.workers)
    made = answers(options.out / "model", originals, options.held_out, options.asked, options.views)
    write_records(options.out / "records.jsonl", made)


def train(out: Path, originals: Mapping[str, Task], examples: Path, base: str, hours: float, workers: int) -> None:
    """Train one network on the examples of all tasks; the vectors of tasks that the base knows go on from there."""
    store = ExampleStore.open(examples)
    lessons = tuple(
        Lesson(task_id, (), fixed_colours(originals[task_id]), tuple(map(store.pair, store.indices(task_id))))
        for task_id in store.tasks
    )
    model = with_tasks(find_solver(base), [f"arc-agi-1/training/{task_id}" for task_id in store.tasks])
    corpus = Corpus(lessons, DRAWN, LONGEST)
    told = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told > 60:
            told = time.monotonic()
            logging.info("%s", progress)

    job = Job(model, corpus, ADAPTING, Budget(seconds=3600 * hours), out)
    trained = train_jointly(job, device=torch.device("cpu"), workers=workers, report=report)
    save_solver(trained, store.tasks, out / "model")


def answers(model: Path, originals: Mapping[str, Task], held_out: Path, asked: int, views: int) -> list[Record]:
    """Answer the first ``asked`` held-out examples of every task, their size not given."""
    loaded = load_solver(model)
    store = ExampleStore.open(held_out)
    tasks = [
        # The demonstrations decide which colours a view may permute; the network is not shown them.
        Task(task_id, originals[task_id].train, tuple(map(store.pair, store.indices(task_id)[:asked])), "re-arc")
        for task_id in loaded.task_ids
    ]
    origin = Origin("joint", loaded.digest, "re-arc", Protocol.ARC_PRIZE, 0)
    made: list[Record] = []
    for number, (_, records) in enumerate(predict_by_solver(loaded, tasks, origin, views=views)):
        made += records
        if number % 20 == 0:
            logging.info("%d of %d tasks answered", number, len(tasks))
    return made


if __name__ == "__main__":
    main()
