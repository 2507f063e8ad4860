"""Bundle the scores of our own models for `reproduce`: python runs/our_scores.py SCORES.

SCORES is a folder of what `arc-affinity score --json --by-task` printed, named NAME.DATASET.PROTOCOL.score.json, or
NAME.DATASET.PROTOCOL.first.score.json for demonstrations chosen as in the published package (its leak). Without
--by-task the tasks with a compositional gap are not counted.
"""

import json
import sys
from pathlib import Path

from card import DATASETS

from arc_affinity.diagnosis.gap import TaskAccuracy, has_gap
from arc_affinity.files import write_text

BUNDLED = Path(__file__).parents[1] / "src" / "arc_affinity" / "diagnosis" / "our_scores.json"
COMMANDS = {"held18": "runs/foundational.sh"}


def entry(path: Path) -> dict[str, object]:
    """Return one bundled row: means over tasks of attempt 1."""
    name, dataset, protocol, *context = path.name.removesuffix(".score.json").split(".")
    (score,) = json.loads(path.read_text())["scores"]
    by_task = score.get("by_task")
    return {
        "model": name,
        "dataset": DATASETS[dataset],
        "protocol": protocol,
        "context": "".join(context) or "drawn",
        "tasks": score["tasks"],
        "outputs": score["outputs"],
        "exact": score["pass_at_1"]["over_tasks"],
        "cells": score["cell_accuracy"]["over_tasks"],
        "size": score["size_accuracy"]["over_tasks"],
        "gap": None if by_task is None else gaps(by_task),
        "command": COMMANDS.get(dataset, "runs/published-split.sh"),
    }


def gaps(by_task: dict[str, dict[str, dict[str, float]]]) -> int:
    """Return how many tasks have the compositional gap at the published thresholds."""
    tasks = (
        TaskAccuracy(task, each["cell_accuracy"]["over_tasks"], each["pass_at_1"]["over_tasks"])
        for task, each in by_task.items()
    )
    return sum(map(has_gap, tasks))


def main() -> None:
    """Write the bundled file."""
    paths = sorted(Path(sys.argv[1]).glob("*.score.json"))
    rows = [entry(path) for path in paths]
    write_text(BUNDLED, json.dumps({"scores": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
