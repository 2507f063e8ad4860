"""``arc-affinity classify``: tasks in, categories, reasons and confidences out."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from arc_affinity.cli.classify.answers import SECONDS, Answered, answers, default_dataset, searches
from arc_affinity.cli.classify.tables import (
    agreement_document,
    agreement_tables,
    answer_table,
    distribution_tables,
)
from arc_affinity.cli.output.files import check_outputs
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.registry import files_of
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_text

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
    seconds: float = SECONDS,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    json: bool = False,
) -> None:
    """Classify tasks by the kind of reasoning that they need.

    Nine categories of arXiv 2512.07109 (docs/taxonomy.md). By code: rules over the generator of a re-arc task. By
    program: what solves it is made of; that is a re-arc task's verifier, and where a dataset or a file is named the
    program that a search finds, or "not found". By grids: networks look at the demonstrations of any task; one of
    re-arc's 400 is judged only by networks that were trained without it.

    Args:
        task: Ids of tasks, or paths of task files.
        all: Every task of the dataset.
        by: What to look at; code where tasks of re-arc alone are named, else grids.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or a store; not by code.
        validate: Labels to compare with, JSON: {"TASK": "S3", …}. Its tasks are classified.
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
    named = [*task, dataset]
    read = [validate, *(file for each in named if each is not None for file in files_of(each, data_dir))]
    check_outputs([out, png], read)
    way = by or ("grids" if dataset or searches(task, None) else "code")
    found = answers(way, task, dataset, validate, data_dir, seconds)
    if out is not None:
        write_text(out, jsonlib.dumps(_document(found), indent=1) + "\n")
    if png is not None:
        # Imported here because few runs draw, and Pillow takes a while.
        from arc_affinity.cli.classify.picture import save_picture

        save_picture(found, png, dataset or default_dataset(way, task), data_dir)
    if json:
        document = _document(found) if found.agreement is None else agreement_document(found)
        print(jsonlib.dumps(document, indent=1))
        return
    _show(found, [str(path) for path in (out, png) if path is not None])


def _document(found: Answered) -> dict[str, object]:
    """Every answer by task id."""
    return {
        task: {
            "category": answer.category,
            "subtype": answer.subtype,
            "rule": answer.rule,
            "reason": answer.reason,
            "confidence": round(answer.confidence, 4),
            **found.details.get(task, {}),
        }
        for task, answer in found.answers.items()
    }


def _show(found: Answered, written: Sequence[str]) -> None:
    """Tables for a terminal."""
    console = Console(highlight=False)
    if found.agreement is not None:
        shown: Iterator[Table | Text] = agreement_tables(found.agreement)
    elif len(found.answers) <= LISTED:
        shown = iter([answer_table(found.answers)])
    else:
        shown = distribution_tables(found.answers)
    for each in shown:
        console.print(each)
    for path in written:
        say_path(console, "written: ", path)
