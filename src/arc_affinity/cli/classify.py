"""``arc-affinity classify``: tasks in, categories, reasons and confidences out."""

from __future__ import annotations

import json as jsonlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.categories import agreement_document, agreement_tables, answer_table, distribution_tables
from arc_affinity.cli.output.files import check_outputs
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.choosing import choose_ids, task_named
from arc_affinity.data.datasets.registry import RE_ARC, files_of, load_tasks
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_text
from arc_affinity.taxonomy import answers
from arc_affinity.taxonomy.validation import Agreement, Answered, compare, read_labels

By = Literal["code", "program", "grids"]

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
    seconds: float = 3.0,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    json: bool = False,
) -> None:
    """Classify tasks by the kind of reasoning that they need.

    The categories are the nine of arXiv 2512.07109 (docs/taxonomy.md). A task of re-arc has the published category,
    beside the rule over its generator that speaks for it or for another. By code: those rules alone. By program: what a
    program that solves the task is made of; that is a re-arc task's verifier, or, where a dataset or a file is named,
    the program that a search finds, or "not found". By grids: networks look at the demonstrations of any task; one of
    re-arc's 400 is judged only by networks that were trained without it.

    Args:
        task: Ids of tasks, or paths of task files.
        all: Every task of the dataset.
        by: What to look at. Unless given, tasks of re-arc have their published category, and others are judged by
            their grids.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or a store; not by code.
        validate: Labels to compare with, JSON: {"TASK": "S3", …}. Its tasks are classified, by code unless told
            otherwise.
        out: File for the answers, JSON.
        png: File for a picture: of each category, the task it is surest of.
        seconds: How long a program is searched for, for each task.
        data_dir: Folder of datasets that do not come with the package.
        json: Print one JSON document and nothing else.
    """
    if not (task or all or validate):
        raise ArcAffinityError("nothing to classify: name tasks, or give --all or --validate")
    if task and (all or validate):
        raise ArcAffinityError("name tasks, or give --all or --validate, not both")
    if not seconds > 0:
        raise ArcAffinityError(f"a task must be searched for more than 0 seconds, not {seconds:g}")
    named = [*task, dataset]
    read = [validate, *(file for each in named if each is not None for file in files_of(each, data_dir))]
    check_outputs([out, png], read)
    from arc_affinity.data.generation.rearc import task_ids

    known = task_ids()
    # A task that re-arc lacks has no code. A misspelt id is looked for everywhere, and the nearest one is told.
    of_rearc = dataset == RE_ARC or (dataset is None and set(task) <= set(known))
    way = by or ("code" if of_rearc else "grids")
    if way == "code" or (way == "program" and of_rearc):
        if dataset not in (None, RE_ARC):
            raise ArcAffinityError(f"only {RE_ARC} has generators; classify {dataset} by program or grids")
        labels = {} if validate is None else read_labels(validate, known)
        ids = tuple(labels) or choose_ids(known, task)
        found = answers.by_code(ids) if way == "code" else answers.by_program(ids)
        if by is None and not labels:
            from arc_affinity.paper.published import published_first

            found = published_first(found, known)
        pictured = [] if png is None else load_tasks("arc-agi-1/training")
    else:
        chosen = [task_named(each, dataset, data_dir) for each in task] or load_tasks(dataset or RE_ARC, data_dir)
        labels = {} if validate is None else read_labels(validate, [each.id for each in chosen])
        chosen = [each for each in chosen if not labels or each.id in labels]
        if twice := [each for each, count in Counter(each.id for each in chosen).items() if count > 1]:
            raise ArcAffinityError(f"two tasks are called {twice[0]}; classify them one after the other")
        looked_at = Bar("Classifying", len(chosen), "tasks").over(chosen)
        found = answers.by_grids(looked_at) if way == "grids" else answers.by_search(looked_at, seconds)
        pictured = chosen
    agreement = compare(labels, found.answers) if labels else None
    document = {
        task_id: {**asdict(answer), "confidence": round(answer.confidence, 4), **found.details.get(task_id, {})}
        for task_id, answer in found.answers.items()
    }
    if out is not None:
        write_text(out, jsonlib.dumps(document, indent=1) + "\n")
    if png is not None:
        # Imported here because few runs draw, and Pillow takes a while.
        from arc_affinity.cli.output.surest import save_picture

        save_picture(found.answers, png, {each.id: each for each in pictured})
    if json:
        print(jsonlib.dumps(document if agreement is None else agreement_document(agreement), indent=1))
        return
    _show(found, agreement, [path for path in (out, png) if path is not None])


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
