"""Does anything add to the answers of a finished run of `solve`? Ideas, on tasks whose answers are known.

    python runs/after_joint.py RUN averaged             average the cells' probabilities over views, the views undone
    python runs/after_joint.py RUN alone --steps 16     train the network further on each task alone
    python runs/after_joint.py RUN joint --steps 726 --base solver-small    train a base on all of them

RUN is the folder of a run with a network, such as `runs/solve.sh kept` leaves. The first takes the best candidate of
each question, asks the network for the probabilities of every cell given the candidate's cells before it, under the
shared views, and writes down the likeliest colours of the average: is that a right answer that was not among the
candidates? The others are judged as runs/compare.py judges; what training
on each task alone costs is to be compared with as many more tokens on all together.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from base_corpus import with_tasks
from compare import judged

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.symmetry.augment import Compose
from arc_affinity.documents import read_object
from arc_affinity.evaluation.candidates.answering import questions_of, under, views_of
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.models.pair_transformer.decoding import cell_log_probabilities
from arc_affinity.models.pair_transformer.storage import LoadedSolver, find_solver, load_solver
from arc_affinity.training.joint.adapting import ADAPTING, adapting_corpus, adapting_job
from arc_affinity.training.joint.processes import train_jointly
from arc_affinity.training.joint.recipe import Budget
from arc_affinity.training.joint.trainer import Job
from arc_affinity.types import COLOURS, Grid, Task

ALONE = replace(ADAPTING, batch_tokens=1024, learning_rate=5e-4, warm_up=3)
"""For one task: batches that a handful of pairs fills, and steps that do not undo what was learned with the others."""


def main() -> None:
    """Try one idea on one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("idea", choices=["averaged", "alone", "joint"])
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--base", default="solver-small")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_solver(options.run / "model")
    by_id = {task.id: task for task in load_tasks(str(read_object(options.run / "run.json")["dataset"]))}
    tasks = [by_id[task_id] for task_id in network.task_ids]
    if options.idea == "averaged":
        figures = averaged(network, tasks, options.run)
    elif options.idea == "alone":
        figures = alone(network, tasks, options.steps)
    else:
        figures = jointly(find_solver(options.base), tasks, options.steps)
    print(json.dumps(figures))


def averaged(network: LoadedSolver, tasks: list[Task], run: Path) -> dict[str, float]:
    """Count how often the average is a right answer, and how often it is a new one."""
    candidates: dict[tuple[str, int], list[Grid]] = {}
    for record in read_records(run / "records.jsonl"):
        if record.prediction is not None:
            candidates.setdefault((record.task_id, record.test_index), []).append(record.prediction)
    by_id = {task.id: task for task in tasks}
    counts = {"questions": 0, "best is right": 0, "average is right": 0, "average is new": 0, "new and right": 0}
    for question in questions_of(tasks, {task.id: at for at, task in enumerate(tasks)}):
        known = candidates[question.task_id, question.index]
        answer = by_id[question.task_id].test[question.index].output
        views = views_of(by_id[question.task_id], 16, 0)
        pairs = [under(question, view, known[0]) for view in views]
        means = np.mean(
            [
                undone(view, row, known[0])
                for view, row in zip(views, cell_log_probabilities(network.model, pairs), strict=True)
            ],
            axis=0,
        )
        grid = means.argmax(axis=-1).astype(np.uint8)
        right, new = np.array_equal(grid, answer), not any(np.array_equal(grid, each) for each in known)
        found = (True, np.array_equal(known[0], answer), right, new, right and new)
        counts = {name: count + here for (name, count), here in zip(counts.items(), found, strict=True)}
    return counts


def undone(view: Compose, row: np.ndarray, grid: Grid) -> np.ndarray:
    """Return log-probabilities (rows, columns, colours) of the cells of ``grid`` from those of its sequence."""
    places = view.parts[0].apply(np.arange(grid.size).reshape(grid.shape))
    cells = np.delete(row, [places.shape[1], len(row) - 1], axis=0)[:, :COLOURS]
    colours = view.parts[1].apply(np.arange(COLOURS, dtype=np.uint8)[None])[0]
    lying = np.empty_like(cells)
    lying[places.ravel()] = cells[:, colours]
    return lying.reshape(*grid.shape, COLOURS)


def alone(network: LoadedSolver, tasks: list[Task], steps: int) -> dict[str, float]:
    """Train on each task alone and compare."""
    before, after = [], []
    for task in tasks:
        model = with_tasks(network, [task.id])
        before.append(judged(model.eval(), [task], {task.id: 0}))
        with tempfile.TemporaryDirectory() as folder:
            job = Job(model, adapting_corpus([task], ALONE, 0), ALONE, Budget(steps=steps), Path(folder))
            after.append(judged(train_jointly(job, device=torch.device("cpu")), [task], {task.id: 0}))
    (right, loss), (right_after, loss_after) = np.mean(before, axis=0), np.mean(after, axis=0)
    better = sum(two[1] < one[1] for one, two in zip(before, after, strict=True))
    return {"right": right, "loss": loss, "right after": right_after, "loss after": loss_after, "better": better}


def jointly(base: LoadedSolver, tasks: list[Task], steps: int) -> dict[str, float]:
    """Train ``base`` on all tasks together, as `solve` does."""
    with tempfile.TemporaryDirectory() as folder:
        job = adapting_job(base.model, tasks, Budget(steps=steps), Path(folder), 0)
        model = train_jointly(job, device=torch.device("cpu"), workers=2)
    vectors = {task.id: at for at, task in enumerate(tasks)}
    each = [judged(model, [task], vectors) for task in tasks]
    right, loss = np.mean(each, axis=0)
    return {"steps": steps, "right": right, "loss": loss}


if __name__ == "__main__":
    main()
