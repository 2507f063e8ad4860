"""A program of its own for each task of the published table, found and learned from 400 examples of the task.

    python runs/search_specialists.py OUT --examples STORE --held-out STORE [--seconds 20] [--workers 2]

The stores are those of runs/joint_specialists.py: 400 examples of each task, and others. Every task is searched with
all of the first as its demonstrations; the second is answered, two attempts, the size not given (`arc_prize`), and
runs/against_published.py compares the records. Stopped at any moment, the same command goes on.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.evaluation.candidates.merging import merge
from arc_affinity.evaluation.candidates.outcome import records_of
from arc_affinity.evaluation.candidates.programs import search_tasks
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Origin, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.processes import worker_pool
from arc_affinity.training.joint.solve import SEARCH_DIGEST
from arc_affinity.types import Task

STATES = 50_000


def main() -> None:
    """Search, answer, and write the records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=20.0, help="for a task")
    parser.add_argument("--asked", type=int, default=20, help="held-out examples of each task")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    shown, asked = ExampleStore.open(options.examples), ExampleStore.open(options.held_out)
    tasks = [
        Task(
            task_id,
            tuple(map(shown.pair, shown.indices(task_id))),
            tuple(map(asked.pair, asked.indices(task_id)[: options.asked])),
            "re-arc",
        )
        for task_id in shown.tasks
    ]
    header = {name: getattr(options, name) for name in ("seconds", "asked")} | {
        "examples": shown.manifest["sha256"],
        "held_out": asked.manifest["sha256"],
    }
    begun = time.monotonic()

    def report(done: float) -> None:
        logging.info("%.0f of %d tasks, %.0f min", done * len(tasks), len(tasks), (time.monotonic() - begun) / 60)

    with Journal(options.out / "programs.jsonl", header) as journal, worker_pool(options.workers) as pool:
        found = search_tasks(tasks, options.seconds, STATES, journal, pool, options.workers, report).programs
    merged = {(task.id, index): merge((), found[task.id, index]) for task in tasks for index in range(len(task.test))}
    origin = Origin("search", SEARCH_DIGEST, "re-arc", Protocol.ARC_PRIZE, 0, exposure="transductive")
    write_records(options.out / "records.jsonl", records_of(tasks, merged, origin))


if __name__ == "__main__":
    main()
