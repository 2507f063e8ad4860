"""Bundle the scores of our own models for `reproduce`: python runs/our_scores.py SCORES.

SCORES is the folder that runs/score.sh wrote: NAME.DATASET.PROTOCOL.score.json, with the records beside it, which tell
how many tasks have the compositional gap. NAME.DATASET.PROTOCOL.first.score.json holds the score of a model shown the
first two pairs of a task for every example, as in the published package (its leak).
"""

import json
import sys
from pathlib import Path

from card import told

from arc_affinity.diagnosis.gap import TaskAccuracy, has_gap
from arc_affinity.diagnosis.report.outputs import Collector
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.files import write_text

BUNDLED = Path(__file__).parents[1] / "src" / "arc_affinity" / "paper" / "audit" / "our_scores.json"
UNSEEN = 20
"""Examples of each unseen task in runs/score.sh, unless its variable of this name says otherwise."""


def entry(path: Path) -> dict[str, object]:
    """Return one bundled row: means over tasks of attempt 1."""
    stem = path.name.removesuffix(".score.json")
    name, dataset, protocol, *context = stem.split(".")
    (score,) = json.loads(path.read_text())["scores"]
    records = path.with_name(f"{stem}.jsonl.gz")
    return {
        "model": name,
        "dataset": dataset,
        "data": told(dataset, score),
        "protocol": protocol,
        "context": "".join(context) or "drawn",
        "tasks": score["tasks"],
        "outputs": score["outputs"],
        "exact": score["pass_at_1"]["over_tasks"],
        "cells": score["cell_accuracy"]["over_tasks"],
        "size": score["size_accuracy"]["over_tasks"],
        "gap": gaps(records) if records.exists() else None,
        "command": command(path.parent, name),
        "right": right(records) if records.exists() else None,
    }


def command(folder: Path, name: str) -> str:
    """Return the run that made all scores of a model: UNSEEN is said where it is not what runs/score.sh has."""
    for path in sorted(folder.glob(f"{name}.unseen92.*.score.json")):
        (score,) = json.loads(path.read_text())["scores"]
        if (asked := score["outputs"] // score["tasks"]) != UNSEEN:
            return f"UNSEEN={asked} runs/score.sh {name}"
    return f"runs/score.sh {name}"


def gaps(records: Path) -> int:
    """Return how many tasks have the compositional gap."""
    collector = Collector()
    collector.add(read_records(records), str(records))
    (found,) = collector.sets()
    return sum(has_gap(TaskAccuracy(t.task_id, t.cell_accuracy, t.first_solved)) for t in found.tasks.values())


def right(records: Path) -> str:
    """Return which outputs the first attempts solve, as `OurScore.right` holds it."""
    first = {(r.task_id, r.test_index): bool(r.exact) for r in read_records(records) if r.attempt == 1}
    return f"{int(''.join(str(int(first[place])) for place in sorted(first)), 2):x}"


def main() -> None:
    """Write the bundled file."""
    rows = [entry(path) for path in sorted(Path(sys.argv[1]).glob("*.score.json"))]
    rows.sort(key=lambda row: (str(row["model"]).startswith("champion"), row["model"] != "rotary-foundational"))
    write_text(BUNDLED, json.dumps({"scores": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
