"""Opening a store of 60,000 examples and drawing 10,000 at random, against parsing the same from JSON.

    python bench/store.py [STORE]

STORE is a folder made by ``arc-affinity data generate``; without one, 400 tasks x 150 examples are generated
first into a temporary folder (some minutes). Targets: opening at most 0.5 s with the imports, drawing at most
0.2 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from arc_affinity.data.generation.generate import generate_store
from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.data.store.examples import ExampleStore, write_json_tasks

DRAWS = 10_000
REPEATS = 5


def best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The least of some wall times, in seconds: the one with the least of other work in it."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def open_in_new_process(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from arc_affinity.data.store.examples import ExampleStore;"
        "ExampleStore.open(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


def parse(folder: Path) -> list[dict[str, Any]]:
    tasks = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    return [pair for task in tasks for pair in (*task["train"], *task["test"])]


def draw_from_store(store: ExampleStore, places: list[int]) -> int:
    return sum(store.pair(i).input.shape[0] for i in places)


def draw_from_lists(pairs: list[dict[str, Any]], places: list[int]) -> int:
    """As arrays, since that is what a store gives and a model takes."""
    total = 0
    for i in places:
        question, answer = (np.array(pairs[i][side], np.uint8) for side in ("input", "output"))
        total += question.shape[0] + 0 * answer.size
    return total


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "store"
        workers = os.cpu_count() or 1
        store = ExampleStore.open(made) if made.exists() else generate_store(made, task_ids(), 150, 0, workers)
        folder = Path(temporary) / "json"
        write_json_tasks(store, folder)
        places = np.random.default_rng(0).integers(len(store), size=DRAWS).tolist()
        new_process = best(lambda: open_in_new_process(made))
        opening = {
            "verified": best(lambda: ExampleStore.open(made)),
            "sizes only": best(lambda: ExampleStore.open(made, verify=False)),
        }
        drawing = best(lambda: draw_from_store(store, places))
        pairs = parse(folder)
        parsing = best(lambda: parse(folder), 2)
        drawing_lists = best(lambda: draw_from_lists(pairs, places), 2)
    print(f"{len(store):,} examples, {sum(path.stat().st_size for path in made.iterdir()) / 1e6:.1f} MB")
    print(f"open, new process with imports  {new_process:8.4f} s (target 0.5)")
    for how, seconds in opening.items():
        print(f"open, {how:<10}                {seconds:8.4f} s")
    print(f"parse JSON (baseline)           {parsing:8.4f} s   ratio {parsing / opening['verified']:.0f}x")
    print(f"draw {DRAWS:,}                     {drawing:8.4f} s (target 0.2)")
    print(f"draw from JSON (baseline)       {drawing_lists:8.4f} s   ratio {drawing_lists / drawing:.0f}x")
    whole = (parsing + drawing_lists) / (opening["verified"] + drawing)
    print(f"open and draw against parse and draw: {whole:.0f}x")


if __name__ == "__main__":
    main()
