"""Answering with the views of many tasks in one batch against view by view, task by task.

    python bench/answering.py [TASKS [VIEWS]]

The bundled base, one thread, the TASKS (12) smallest tasks that were kept out of its training, VIEWS (16) each. Answers
are the same; only how many are written at once differs. Target: at least 10 times as fast.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.evaluation.candidates.answering import Asked, in_batches, questions_of, under, views_of
from arc_affinity.models.pair_transformer.decoding import Answer, write
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.types import Task

TARGET = 10


def to_write(tasks: list[Task], views: int) -> list[Asked]:
    questions = questions_of(tasks, {task.id: 0 for task in tasks})
    by_id = {task.id: task for task in tasks}
    return [
        Asked(q.task_id, q.index, number, 0, under(q, view))
        for q in questions
        for number, view in enumerate(views_of(by_id[q.task_id], views, 0))
    ]


def timed(model: PairTransformer, batches: list[list[Asked]]) -> tuple[float, dict[tuple[str, int, int], Answer]]:
    begun = time.perf_counter()
    answers = {
        (each.task_id, each.index, each.view): answer
        for batch in batches
        for each, answer in zip(batch, write(model, [each.written for each in batch]), strict=True)
    }
    return time.perf_counter() - begun, answers


def main() -> None:
    count, views = map(int, [*sys.argv[1:], *["12", "16"][len(sys.argv) - 1 :]])
    torch.set_num_threads(1)
    training = load_tasks("arc-agi-1/training")
    kept = set(kept_out_tasks(training))
    size = {t.id: max(p.input.size for p in (*t.train, *t.test)) for t in training if t.id in kept}
    tasks = sorted((t for t in training if t.id in kept), key=lambda t: (size[t.id], t.id))[:count]
    model = find_solver("solver-small").model
    asked = to_write(tasks, views)
    timed(model, [asked[:1]])
    alone, one = timed(model, [[each] for each in asked])
    together, many = timed(model, in_batches(asked))
    same = np.mean([np.array_equal(one[key].grid, many[key].grid) for key in one])
    print(f"{len(asked)} answers to {count} tasks, {model.parameter_count():,} parameters, 1 thread, float32")
    print(f"view by view             {alone:8.2f} s   {len(asked) / alone:8.2f} answers/s")
    print(f"many tasks in a batch    {together:8.2f} s   {len(asked) / together:8.2f} answers/s")
    print(f"the same answers         {100 * same:7.2f} %")
    print(f"ratio                    {alone / together:7.1f}x (target {TARGET})")


if __name__ == "__main__":
    main()
