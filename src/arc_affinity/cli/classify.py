"""``arc-affinity classify``: tasks in, categories, reasons and confidences out."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.categories import agreement_document, agreement_tables, answer_table, distribution_tables
from arc_affinity.cli.output.files import check_outputs, words_beside
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.choosing import choose_ids, task_named
from arc_affinity.data.datasets.registry import RE_ARC, files_of, load_tasks
from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.errors import ArcAffinityError, UsageError
from arc_affinity.files import write_text
from arc_affinity.notebook.kinds import SECONDS, By, check_seconds, kinds_by_id, kinds_of
from arc_affinity.taxonomy.of_rearc import ORIGINALS
from arc_affinity.taxonomy.validation import Agreement, Answered, compare, read_labels
from arc_affinity.types import Task

LISTED = 20
"""Tasks that are shown one by one; of more, only how many each category has."""


def classify(
    *task: str,
    all: bool = False,
    by: By | None = None,
    dataset: str | None = None,
    validate: Path | None = None,
    out: Path | None = None,
    png: Path | None = None,
    seconds: float | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    json: bool = False,
) -> None:
    """Classify tasks by the kind of reasoning that they need.

    The categories are the nine of arXiv 2512.07109 (docs/taxonomy.md). A task of re-arc has the published category,
    beside the rule over its generator that speaks for it or for another, also where it lies in another dataset or file;
    a task that only has its id has not. By code: those rules alone. By program: what a program that solves the task is
    made of; that is a re-arc task's verifier, or, where a dataset or a file is named, the program that a search finds,
    or "not found". By grids: networks look at the demonstrations of any task; one of re-arc's 400 is judged only by
    networks that were trained without it.

    Args:
        task: Ids of tasks, or paths of task files.
        all: Every task of the dataset.
        by: What to look at. Unless given, each task of re-arc has its published category, and each other one is judged
            by its grids.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or a store; not by code.
        validate: Labels to compare with, JSON: {"TASK": "S3", …}, or what --out wrote. Its tasks are classified, or
            those that are named, by code (of another dataset than re-arc by grids) unless told otherwise. Subtypes are
            judged by their category where no answer decides one.
        out: File for the answers, JSON.
        png: File for a picture: of each category, the task it is surest of.
        seconds: How long a program is searched for, for each task: 3 unless given. By program alone, and not where the
            verifier is looked at.
        data_dir: Folder of datasets that do not come with the package.
        json: Print one JSON document and nothing else.
    """
    _check_asked(task, all, by, dataset, validate)
    known = task_ids()
    # A task that re-arc lacks has no code. A misspelt id is looked for everywhere, and the nearest one is told.
    of_rearc = dataset == RE_ARC or (dataset is None and set(task) <= set(known))
    if seconds is not None:
        _check_seconds(seconds, by, of_rearc)
    named = [*task, dataset]
    read = [validate, *(file for each in named if each is not None for file in files_of(each, data_dir))]
    check_outputs([out, png], read)
    pictured: Sequence[Task]
    if by == "code" or (of_rearc and by != "grids"):
        labels = {} if validate is None else read_labels(validate, known)
        # What is published is no answer to judge by labels.
        found = kinds_by_id(
            choose_ids(known, task) if task or all else tuple(labels), by or ("code" if labels else None)
        )
        pictured = [] if png is None else load_tasks(ORIGINALS)
    else:
        chosen = [task_named(each, dataset, data_dir) for each in task] or load_tasks(dataset or RE_ARC, data_dir)
        labels = {}
        if validate is not None:
            # Labels may be of tasks beside those that are named.
            beside = load_tasks(dataset or RE_ARC, data_dir) if task else ()
            labels = read_labels(validate, {each.id for each in (*chosen, *beside)})
        pictured = [each for each in chosen if task or all or each.id in labels]
        way = by or ("grids" if labels else None)
        found = kinds_of(
            pictured, way, seconds or SECONDS, lambda each: Bar("Classifying", len(each), "tasks").over(each)
        )
    judged = {each: label for each, label in labels.items() if each in found.answers}
    if labels and not judged:
        raise ArcAffinityError(f"{validate} has a label of none of the tasks asked")
    agreement = compare(judged, found.answers) if judged else None
    document = {
        task_id: {**asdict(answer), "confidence": round(answer.confidence, 4), **found.details.get(task_id, {})}
        for task_id, answer in found.answers.items()
    }
    if out is not None:
        write_text(out, jsonlib.dumps(document, indent=1) + "\n")
    drawn = False
    if png is not None:
        # Imported here because few runs draw, and Pillow takes a while.
        from arc_affinity.cli.output.surest import save_picture

        drawn = save_picture(found.answers, png, {each.id: each for each in pictured})
        if not drawn:
            say_path(Console(stderr=True), "note: no task has a category to draw, so nothing is written to ", png)
    if json:
        print(jsonlib.dumps(document if agreement is None else agreement_document(agreement), indent=1))
        return
    with words_beside(out, png):
        _show(found, agreement, [path for path in (out, png if drawn else None) if path is not None])


def _check_asked(task: Sequence[str], all: bool, by: By | None, dataset: str | None, validate: Path | None) -> None:
    """Refuse flags that name nothing to classify, or do not go together."""
    if not (task or all or validate):
        raise UsageError("nothing to classify: name tasks, or give --all or --validate")
    if task and all:
        raise UsageError("name tasks, or give --all, not both")
    if by == "code" and dataset not in (None, RE_ARC):
        raise UsageError(f"only {RE_ARC} has generators; classify {dataset} by program or grids")


def _check_seconds(seconds: float, by: By | None, of_rearc: bool) -> None:
    """Refuse a time where nothing is searched for, or in which nothing can be."""
    if by != "program":
        raise UsageError("--seconds is how long a program is searched for, which is by program alone (--by program)")
    if of_rearc:
        raise UsageError(f"--seconds is how long a program is searched for; tasks of {RE_ARC} have verifiers")
    with wrong_usage():
        check_seconds(seconds)


def _show(found: Answered, agreement: Agreement | None, written: Sequence[Path]) -> None:
    console = Console(highlight=False)
    if agreement is not None:
        shown: Iterator[Table | Text] = agreement_tables(agreement)
    elif len(found.answers) <= LISTED:
        shown = iter([answer_table(found.answers)])
    else:
        shown = distribution_tables(found.answers)
    for each in shown:
        console.print(each)
    for path in written:
        say_path(console, "written: ", path)
