"""Fine-tuning: adapters of K tasks at once against one after the other, seconds a task, memory of eight at once.

    python bench/finetune.py [K [STEPS]]

K (8) tasks of the foundational ones, 32 examples each, STEPS (6) optimiser steps a task, batches of 8, on a GPU where
there is one. Both ways are timed in this process, after two steps to warm up, with as many threads as torch takes.

Target: at least 4 times the tasks an hour on a GPU; on a CPU, whatever is true.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from dataclasses import replace

import torch

from arc_affinity.data.splits import foundational_tasks
from arc_affinity.models.storage.folders import find_model
from arc_affinity.training.finetuning.finetune import TaskFineTuner
from arc_affinity.training.finetuning.held_out import Scoring
from arc_affinity.training.finetuning.tuning import Parts, Tuning, parts_of_rearc

TARGET = 4


def clock(tuner: TaskFineTuner, groups: Sequence[Sequence[Parts]]) -> float:
    """Seconds of training, without scoring."""
    return sum(tuned.seconds for group in groups for tuned in tuner.fine_tune_together(group))


def peak() -> float:
    """Most memory so far, in GiB: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(together: int, steps: int) -> None:
    tuning = Tuning(per_task=32, validation=0, test=1, steps=steps, tokens=1000, batch_examples=8)
    loaded = find_model("rotary")
    loaded.model.to("cuda" if torch.cuda.is_available() else "cpu")
    tuner = TaskFineTuner(loaded, tuning, Scoring(()))
    tasks = [parts_of_rearc(task, tuning) for task in foundational_tasks()[:together]]
    clock(TaskFineTuner(loaded, replace(tuning, steps=2), Scoring(())), [tasks[:2], tasks[:1]])
    single = clock(tuner, [[task] for task in tasks])
    before = peak()
    at_once = clock(tuner, [tasks])
    print(f"{loaded.model.device}, {torch.get_num_threads()} threads, {together} tasks of {steps} steps")
    print(f"one after the other   {3600 * together / single:10.0f} tasks/h  {single / together:8.2f} s a task")
    print(
        f"{together} at once             {3600 * together / at_once:10.0f} tasks/h  {at_once / together:8.2f} s a task"
    )
    print(f"ratio                 {single / at_once:10.2f}x (target on a GPU: {TARGET})")
    print(f"peak memory           {before:10.2f} GiB one at a time, {peak():.2f} GiB {together} at once")


if __name__ == "__main__":
    given = [*sys.argv[1:], *["8", "6"][len(sys.argv) - 1 :]]
    main(int(given[0]), int(given[1]))
