"""Search over programs: score, speed, and how often programs that fit are right.

    python bench/search.py [--dataset NAME] [--data-dir DIR] [--part all|chosen-on|kept-out|small]
                           [--seconds S] [--every N] [--out FILE.jsonl] [--profile]

One process. ``--seconds`` (3) bounds each task in seconds of this process's own computing, so that a busy machine gives
the same score. The parts ``chosen-on`` and ``kept-out`` are of ARC-AGI-1 training: the 300 tasks that functions were
chosen on, and the 100 that they were not; ``small`` are the tasks with all grids at most 12x12. With ``--out`` a
line is written for each task, and tasks that are there are not done again. ``--profile`` says where the time goes.
Target: 400 tasks in 10 minutes on two cores, which is 3 seconds a task.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.search import solve_task
from arc_affinity.search.compose import Bounds, Search
from arc_affinity.search.functions.library import steps_for
from arc_affinity.types import Pair, Task

SMALL = 12
EDGES = (2.0, 3.0, 4.0, 5.0, 6.5, 8.0)
TARGET = 3.0


def chosen(tasks: Sequence[Task], part: str) -> list[Task]:
    """The tasks of a part."""
    if part == "small":
        return [task for task in tasks if max(max(grid.shape) for grid in grids_of(task)) <= SMALL]
    if part == "all":
        return list(tasks)
    kept = set(kept_out_tasks(tasks))
    return [task for task in tasks if (task.id in kept) == (part == "kept-out")]


def grids_of(task: Task) -> Iterable[np.ndarray]:
    for pair in (*task.train, *task.test):
        yield pair.input
        if pair.output is not None:
            yield pair.output


def measure(task: Task, seconds: float) -> dict[str, object]:
    """One line of the file: what was found for each test output, and which of it is right."""
    hidden = replace(task, test=tuple(Pair(pair.input, None) for pair in task.test))
    begin = time.thread_time()
    answers = solve_task(hidden, seconds=seconds, clock=time.thread_time)
    spent = time.thread_time() - begin
    outputs = []
    for pair, found in zip(task.test, answers, strict=True):
        assert pair.output is not None
        outputs.append(
            [
                {
                    "program": each.program,
                    "cost": each.cost,
                    "fits": each.fits,
                    "agreeing": each.agreeing,
                    "source": each.source,
                    "right": bool(np.array_equal(each.grid, pair.output)),
                }
                for each in found[:10]
            ]
        )
    sides = [max(grid.shape) for grid in grids_of(task)]
    return {
        "task": task.id,
        "demonstrations": len(task.train),
        "side": max(sides),
        "seconds": spent,
        "outputs": outputs,
    }


def share(rows: Sequence[dict], attempts: int) -> float:
    """Mean over tasks of the share of test outputs that one of the first attempts solves (`arc_prize`)."""
    return float(
        np.mean([np.mean([any(each["right"] for each in out[:attempts]) for out in row["outputs"]]) for row in rows])
    )


def report(rows: Sequence[dict]) -> None:
    """Print the scores and how often the first program is right, by source and cost."""
    parts = {"all": rows, f"at most {SMALL}x{SMALL}": [row for row in rows if row["side"] <= SMALL]}
    for name, some in parts.items():
        if some:
            print(
                f"{name:<16} {len(some):>4} tasks   arc_prize, 2 attempts {100 * share(some, 2):5.1f} %   "
                f"first {100 * share(some, 1):5.1f} %   among the first 10 {100 * share(some, 10):5.1f} %"
            )
    seconds = [row["seconds"] for row in rows]
    print(f"seconds a task   {np.mean(seconds):.2f} mean, {max(seconds):.2f} most (target {TARGET})")
    right: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for row in rows:
        for output in row["outputs"]:
            if output:
                first = output[0]
                whole = first["fits"] == row["demonstrations"]
                source = first["source"] if whole else "fits in part"
                right[source, int(np.searchsorted(EDGES, first["cost"], side="right"))].append(first["right"])
    print("first answers that are right, by source and cost:")
    for (source, number), each in sorted(right.items()):
        low = EDGES[number - 1] if number else 0.0
        high = f"{EDGES[number]:.1f}" if number < len(EDGES) else "more"
        print(f"  {source:<14} {low:.1f} to {high:<5} {sum(each):>4} of {len(each)}")


def profile(tasks: Sequence[Task], seconds: float) -> None:
    """Print how many states a second the search makes, and which functions take the time."""
    spent: Counter[str] = Counter()
    states = tried = 0
    begin = time.thread_time()
    for task in tasks:
        steps = [replace(step, apply=timed(step.name, step.apply, spent)) for step in steps_for(task.train)]
        inputs = [pair.input for pair in (*task.train, *task.test)]
        found = Search(inputs, [pair.output for pair in task.train if pair.output is not None], steps).run(
            Bounds(seconds, clock=time.thread_time)
        )
        states, tried = states + len(found.nodes), tried + found.applied
    total = time.thread_time() - begin
    print(f"{states / total:.0f} states and {tried / total:.0f} functions tried a second")
    print(f"functions themselves {100 * spent.total() / total:.0f} % of the time; most of it:")
    for name, part in spent.most_common(15):
        print(f"  {name:<32} {100 * part / total:5.1f} %")


def timed(name: str, function, spent: Counter[str]):
    """A function that adds its time to ``spent``."""

    def run(value):
        begin = time.thread_time()
        result = function(value)
        spent[name] += time.thread_time() - begin
        return result

    return run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", default="arc-agi-1/training")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--part", default="chosen-on", choices=("all", "chosen-on", "kept-out", "small"))
    parser.add_argument("--seconds", type=float, default=TARGET)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    tasks = chosen(load_tasks(options.dataset, options.data_dir), options.part)[:: options.every]
    if options.profile:
        profile(tasks, options.seconds)
        return
    rows: list[dict] = []
    if options.out and options.out.exists():
        rows = [json.loads(line) for line in options.out.read_text(encoding="utf-8").splitlines()]
    done = {row["task"] for row in rows}
    asked = [options.dataset, options.part, options.seconds]
    if others := [row for row in rows if row.get("asked") != asked]:
        parser.error(f"{options.out} is of {others[0].get('asked')}; write to another file")
    for task in tasks:
        if task.id in done:
            continue
        rows.append({**measure(task, options.seconds), "asked": asked})
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    report(rows)


if __name__ == "__main__":
    main()
