"""Bundle the scores of our own models for `reproduce`: python runs/our_scores.py SCORES.

SCORES is the folder that runs/score.sh wrote: NAME.DATASET.PROTOCOL.score.json, with the records beside it, which tell
how many tasks have the compositional gap. NAME.DATASET.PROTOCOL.first.score.json holds the score of a model shown the
first two pairs of a task for every example, as in the published package (its leak). Bundled scores that are not among
these stay as they are.
"""

import json
import sys
from pathlib import Path

from card import told

from arc_affinity.diagnosis.gap import TaskAccuracy, has_gap
from arc_affinity.diagnosis.report.outputs import Collector
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.evaluation.scoring.scores import score_each
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
        "but_first": but_first(records) if records.exists() and protocol == "teacher_forced" else None,
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
    return bits({(r.task_id, r.test_index): bool(r.exact) for r in read_records(records) if r.attempt == 1})


def but_first(records: Path) -> dict[str, object]:
    """Return the published measurement, which leaves the first cell out."""
    (made,) = score_each(read_records(records))
    exact = {(o.task_id, o.test_index): o.but_first and o.but_first.exact for o in made.outputs}
    return {
        "exact": made.exact_but_first.over_tasks,
        "cells": made.cells_but_first.over_tasks,
        "right": bits({place: bool(each) for place, each in exact.items()}),
        "counted": bits({place: each is not None for place, each in exact.items()}),
    }


def bits(exact: dict[tuple[str, int], bool]) -> str:
    """Return a bit an output, in order of task and output, the first the highest, hexadecimal."""
    return f"{int(''.join(str(int(exact[place])) for place in sorted(exact)), 2):x}"


def place(row: dict[str, object]) -> tuple[object, ...]:
    """Return where a row stands: rotary models first, and the leak before what it is held against."""
    model = str(row["model"])
    first = (model.startswith("champion"), model != "rotary-foundational", f"{model}.")
    return (*first, row["dataset"], row["protocol"], row["context"] != "first")


def main() -> None:
    """Write the bundled file: rows of before that the folder has no score of stay."""
    rows = [entry(path) for path in sorted(Path(sys.argv[1]).glob("*.score.json"))]
    same = ("model", "dataset", "protocol", "context")
    measured = {tuple(row[name] for name in same) for row in rows}
    before = json.loads(BUNDLED.read_text())["scores"] if BUNDLED.exists() else []
    rows += [row for row in before if tuple(row[name] for name in same) not in measured]
    rows.sort(key=place)
    write_text(BUNDLED, json.dumps({"scores": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
