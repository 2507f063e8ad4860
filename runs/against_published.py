"""Compare answers to re-arc tasks with the 302 published specialists, and print a Markdown table.

    python runs/against_published.py RECORDS … --reference FOLDER

RECORDS are files of records, a table each, or summaries of `finetune` (summary.csv) of different tasks, which are one
set that was tuned in parts. FOLDER has the table of arXiv 2512.07109 (lora_302_tasks.csv). Figures are of the first
attempt (`sized` and `teacher_forced` have no other by which they are judged), but for the column of two attempts;
published ones are teacher forced, and leave the first cell of each grid out, as the column "but the first cell" does.
Tasks without records are left out on both sides.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.diagnosis.affinity import theoretical
from arc_affinity.diagnosis.gap import TaskAccuracy, by_category, group_gap
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.evaluation.scoring.scores import score_each
from arc_affinity.paper.published import FineTune, published_reference
from arc_affinity.statistics import mean, paired


@dataclass(frozen=True)
class Ours:
    """One task: cells and grids of the first attempt, the share solved in two, and grids as they were published, which
    leave the first cell out: None unless teacher forced."""

    first: TaskAccuracy
    two: float
    but_first: float | None


Answered = dict[str, Ours]


def main() -> None:
    """Print one table a protocol and set of records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--reference", type=Path, required=True)
    options = parser.parse_args()
    training = load_tasks("arc-agi-1/training")
    reference = published_reference(options.reference, {task.id for task in training})
    assert reference.fine_tunes and reference.labels
    summaries = [path for path in options.records if path.suffix == ".csv"]
    found = [*from_summaries(summaries)]
    for path in options.records:
        found += [] if path in summaries else from_records(path)
    for name, answered in found:
        known = {task_id: each for task_id, each in answered.items() if task_id in reference.fine_tunes}
        print(f"\n{name}, {len(known)} tasks\n")
        print_table(
            known, [reference.fine_tunes[task_id] for task_id in known], reference.labels, kept_out_tasks(training)
        )


def from_records(path: Path) -> Iterator[tuple[str, Answered]]:
    """Yield what the records of each protocol and set come to."""
    for result in score_each(read_records(path)):
        answered = {}
        for task_id in result.by_task:
            one = result.only(task_id)
            cells, grids, two = (m.over_tasks for m in (one.cell_accuracy, one.first_solved, one.solved))
            assert cells is not None and grids is not None and two is not None
            answered[task_id] = Ours(TaskAccuracy(task_id, cells, grids), two, one.exact_but_first.over_tasks)
        yield f"{path.parent.name}, {result.subject.protocol}", answered


def from_summaries(paths: Sequence[Path]) -> Iterator[tuple[str, Answered]]:
    """Yield what all summaries of `finetune` together come to, before and after, by each protocol that they tell."""
    rows: dict[str, dict[str, str]] = {}
    for path in paths:
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row["task_id"] in rows:
                    raise SystemExit(f"{path}: {row['task_id']} is in another summary too")
                rows[row["task_id"]] = row
    suffix = "_solved_pct"
    for each in sorted({name.removesuffix(suffix) for row in rows.values() for name in row if name.endswith(suffix)}):
        answered = {}
        for task_id, row in rows.items():
            cells, grids, two = (float(row[f"{each}_{what}_pct"]) / 100 for what in ("cells", "exact", "solved"))
            but_first = row.get(f"{each}_exact_but_first_pct")
            answered[task_id] = Ours(
                TaskAccuracy(task_id, cells, grids), two, float(but_first) / 100 if but_first else None
            )
        yield f"summaries, {each}", answered


def print_table(
    ours: Answered,
    theirs: Sequence[FineTune],
    labels: dict[str, str],
    kept_out: Collection[str],
) -> None:
    """Print means over all tasks, those that no solver was written for, by affinity and by category, and what was
    published of the same tasks."""
    heads = ("tasks", "", "exact, %", "but the first cell, %", "two attempts, %", "cells, %", "gap", "at 0")
    print(f"| {' | '.join((*heads, 'exact, published', 'gap', 'at 0'))} |")
    print(11 * "|---" + "|")
    groups = {"all": [task.final for task in theirs]}
    groups["kept out"] = [task for task in groups["all"] if task.task_id in kept_out]
    groups["others"] = [task for task in groups["all"] if task.task_id not in kept_out]
    levels = {task: f"{level} affinity" for task, code in labels.items() if (level := theoretical(code))}
    groups |= by_category([task for task in groups["all"] if task.task_id in levels], levels)
    groups |= by_category(groups["all"], labels)
    for name, published in groups.items():
        mine = [ours[task.task_id].first for task in published]
        two = mean([ours[task.task_id].two for task in published])
        but_first = as_published([ours[task.task_id] for task in published])
        now, then = group_gap(mine), group_gap(published)
        zeros = [sum(task.grids == 0 for task in each) for each in (mine, published)]
        print(
            f"| {name} | {now.tasks} | {now.grids.percent()} | {but_first} | {two.percent()} | {now.cells.percent()} "
            f"| {now.count} | {zeros[0]} | {then.grids.percent()} | {then.count} | {zeros[1]} |"
        )
    print_difference("exact", {task: each.first.grids for task, each in ours.items()}, theirs)
    without = {task: each.but_first for task, each in ours.items() if each.but_first is not None}
    if len(without) == len(ours):
        print_difference("exact but for the first cell", without, theirs)


def as_published(ours: Sequence[Ours]) -> str:
    """Return the mean of grids as they were published; "" where it is not known of all."""
    known = [each.but_first for each in ours if each.but_first is not None]
    return mean(known).percent() if len(known) == len(ours) else ""


def print_difference(what: str, ours: Mapping[str, float], theirs: Sequence[FineTune]) -> None:
    """Print by how much ours are better, task by task."""
    found = paired({each.task_id: each.final_grids for each in theirs}, ours)
    told = f"{found.difference.points()}, p {found.p:.3f}, better in {found.better} tasks and worse in {found.worse}"
    print(f"\n{what}, ours less published, task by task: {told}")


if __name__ == "__main__":
    main()
