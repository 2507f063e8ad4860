"""``arc-affinity score``: records or a submission in, scores out."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table
from rich.text import Text

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.evaluation.reading import Reading
from arc_affinity.evaluation.records.record import name_in_records
from arc_affinity.evaluation.scoring.scores import Mean, Score
from arc_affinity.text import counted, printable

LABELS, COLUMN = 22, 19
"""Characters that the names of a score's figures take in a table, and that one score does."""

LEGEND = """\
%: mean over tasks / mean over outputs
score: ARC Prize's rule, credit for each output; strict: all outputs of a task
accuracies: of attempt 1, where defined; copy: of
cells as in the input, change: of the others
as published: all cells but the first, which arXiv 2512.07109 did not score
exposure: transductive if weights were trained on the demonstrations
of the tasks asked, inductive if they never saw the tasks, - if not told"""


def score(
    path: Path,
    /,
    *,
    dataset: str | None = None,
    tasks: tuple[str, ...] = (),
    name: str | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    attempts: Annotated[int, Parameter(validator=Number(gte=1))] = 2,
    allow_missing: bool = False,
    strict: bool = False,
    by_task: bool = False,
    json: bool = False,
) -> None:
    """Score records or a submission.

    Every test output counts 1 if one of its attempts is exact; a task is the mean of its outputs, the score
    the mean of the tasks (the rule of ARC Prize). Each protocol is scored apart.

    Args:
        path: Records (JSON lines, gzip or not), a submission.json by any solver, or a folder of results, one file a
            task (ARC Prize's benchmarking).
        dataset: Whose tasks to score; those without attempts count 0. Without it records are scored over the
            tasks that they hold (as for examples held out in a store).
        tasks: Ids of the tasks that count, or files of ids; all unless given.
        name: What the solver is called, in place of what the records say.
        data_dir: Folder with the datasets that are not installed.
        attempts: How many ranked attempts count; 1 needs no second one.
        allow_missing: Let a submission lack tasks, which count 0.
        strict: Refuse a submission with attempts that are no grid, records that lack outputs (unless --allow-missing),
            and answers of another edition; otherwise the first two count as wrong, and all are told.
        by_task: Show each task as well.
        json: Print one JSON document and nothing else.
    """
    with wrong_usage():
        called = None if name is None else name_in_records(name, "--name")
    gridless: list[ArcAffinityError] = []
    reading = Reading(dataset, data_dir, tasks, attempts, allow_missing, strict)
    scores = reading.score(path, gridless.append)
    notes = reading.edition_notes(
        {(s.subject.dataset, s.subject.edition): {o.task_id for o in s.outputs if o.attempted} for s in scores}
    )
    if strict and notes:
        raise ArcAffinityError("; ".join(notes))
    if called is not None:
        scores = [replace(each, subject=replace(each.subject, model=called)) for each in scores]
    if gridless:
        many = f"{len(gridless):,} attempts are no grid and count as wrong; the first: {gridless[0]}"
        one = f"1 attempt is no grid and counts as wrong: {gridless[0]}"
        say_path(Console(stderr=True), f"note: {one if len(gridless) == 1 else many}", "")
    for note in notes:
        say_path(Console(stderr=True), f"note: {note}", "")
    if json:
        plain = {"path": str(path), "notes": notes, "scores": [_plain(s, by_task) for s in scores]}
        print(jsonlib.dumps(plain, indent=2))
        return
    console = Console()
    for table in _summaries(scores, console.width):
        console.print(table)
    console.print(LEGEND, highlight=False)
    for each in scores:
        if by_task:
            console.print(task_table(each))
        if each.missing:
            console.print(f"{each.subject.protocol}: {listing('tasks without attempts, counted 0', each.missing)}")


def _summaries(scores: Sequence[Score], width: int) -> Iterator[Table]:
    """Tables of as many scores as have room beside each other, ``width`` characters in all."""
    beside = max(1, (width - LABELS) // COLUMN)
    for first in range(0, len(scores), beside):
        yield _summary(scores[first : first + beside])


def _summary(scores: Sequence[Score]) -> Table:
    """One column for each score, headed by its protocol."""
    table = Table()
    table.add_column("protocol", no_wrap=True)
    for each in scores:
        table.add_column(str(each.subject.protocol), justify="right", overflow="fold")
    forced = any(each.exact_but_first.outputs for each in scores)
    columns = [dict(_rows(each, forced=forced)) for each in scores]
    for label in columns[0]:
        # Names come from outside, where brackets are no markup.
        table.add_row(label, *(Text(printable(column[label])) for column in columns))
    return table


def _rows(score: Score, *, forced: bool) -> Iterator[tuple[str, str]]:
    """The figures by their labels; with the published ones where a score beside this one has them."""
    subject, outputs = score.subject, score.outputs
    yield "dataset", subject.dataset
    yield "edition", subject.edition or "-"
    yield "model", (subject.model or "a submission") + (" + adapters" if subject.adapted else "")
    yield "weights", subject.model_digest or "-"
    yield "exposure", subject.exposure or "-"
    # Coverage first: a score over a part of the tasks is easily taken for one over all.
    answered = len(score.by_task) - len(score.missing)
    yield "tasks attempted", f"{answered} of {len(score.by_task)}"
    yield "outputs attempted", f"{sum(o.attempted for o in outputs)} of {len(outputs)}"
    yield f"score, {counted(score.attempts, 'attempt')}", _both(score.solved)
    yield "of those attempted", _both(score.solved_of_attempted)
    yield "strict score", _percent(score.strict)
    yield "pass@1", _both(score.first_solved)
    yield "cell accuracy", _both(score.cell_accuracy)
    if forced:
        yield "exact, as published", _both(score.exact_but_first)
        yield "cells, as published", _both(score.cells_but_first)
    yield "size accuracy", _both(score.size_accuracy)
    yield "copy accuracy", _both(score.copy_accuracy)
    yield "change accuracy", _both(score.change_accuracy)
    yield "outputs solved", f"{sum(o.solved for o in outputs)} of {len(outputs)}"
    yield "tasks solved whole", f"{len(score.solved_tasks)} of {len(score.by_task)}"


def task_table(score: Score) -> Table:
    """One row for each task; means over its outputs."""
    title = f"{score.subject.protocol}: {score.subject.dataset}, {counted(score.attempts, 'attempt')}, %"
    table = Table(title=Text(printable(title)))
    for name in ("task", "outputs solved", "score", "pass@1", "cell", "size"):
        table.add_column(name, justify="left" if name == "task" else "right")
    for task_id, outputs in score.by_task.items():
        task = score.only(task_id)
        means = (task.solved, task.first_solved, task.cell_accuracy, task.size_accuracy)
        solved = f"{sum(o.solved for o in outputs)} of {len(outputs)}"
        table.add_row(Text(task_id), solved, *(_percent(mean.over_outputs) for mean in means))
    return table


def _plain(score: Score, by_task: bool) -> dict[str, object]:
    """A score as JSON values; shares are 0-1 and null where undefined."""
    tasks = {task_id: _numbers(score.only(task_id)) for task_id in score.by_task} if by_task else {}
    return {
        **asdict(score.subject),
        "attempts": score.attempts,
        **_numbers(score),
        "missing_tasks": list(score.missing),
        **({"by_task": tasks} if by_task else {}),
    }


def _numbers(score: Score) -> dict[str, object]:
    return {
        "tasks": len(score.by_task),
        "tasks_solved": len(score.solved_tasks),
        "outputs": len(score.outputs),
        "outputs_attempted": sum(o.attempted for o in score.outputs),
        "outputs_solved": sum(o.solved for o in score.outputs),
        "score": score.solved.over_tasks,
        "strict_score": score.strict,
        "solved": asdict(score.solved),
        "solved_of_attempted": asdict(score.solved_of_attempted),
        "pass_at_1": asdict(score.first_solved),
        "cell_accuracy": asdict(score.cell_accuracy),
        "exact_but_first": asdict(score.exact_but_first),
        "cells_but_first": asdict(score.cells_but_first),
        "size_accuracy": asdict(score.size_accuracy),
        "copy_accuracy": asdict(score.copy_accuracy),
        "change_accuracy": asdict(score.change_accuracy),
    }


def _both(mean: Mean) -> str:
    if mean.over_tasks is None:
        return "undefined"
    return f"{_percent(mean.over_tasks)} / {_percent(mean.over_outputs)}"


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{100 * share:.2f}"
