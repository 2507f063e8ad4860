"""Generating verified examples of all 400 tasks over processes, against one process on a sample.

    python bench/generate.py [PER_TASK] [WORKERS]

150 examples per task are the 60,000 of the published training set (target: at most 5 minutes on 2 cores); the
default of 5 is a quick look, in which starting the workers counts for more.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from arc_affinity.data.generation.generate import generate_store
from arc_affinity.data.generation.rearc import task_ids

SAMPLE = 5


def seconds(folder: Path, per_task: int, workers: int) -> float:
    begin = time.perf_counter()
    generate_store(folder, task_ids(), per_task, seed=0, workers=workers)
    return time.perf_counter() - begin


def told(workers: int, per_task: int, taken: float) -> str:
    examples = 400 * per_task
    return f"{workers} worker(s): {examples:,} examples in {taken:.1f} s, {examples / taken:.0f} examples/s"


def main() -> None:
    per_task = int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    with tempfile.TemporaryDirectory() as temporary:
        one = seconds(Path(temporary) / "one", SAMPLE, 1)
        several = seconds(Path(temporary) / "several", per_task, workers)
    rate = 400 * per_task / several
    print(told(1, SAMPLE, one), "(baseline)")
    print(told(workers, per_task, several), f"ratio {rate / (400 * SAMPLE / one):.2f}x")
    print(f"60,000 examples at this rate: {60_000 / rate:.0f} s (target 300)")


if __name__ == "__main__":
    main()
