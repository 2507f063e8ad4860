"""``arc-affinity data generate`` and ``data split``: examples from re-arc, and which tasks to hold out."""

from __future__ import annotations

import json as jsonlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import ArgumentCollection, Group, Parameter
from cyclopts.validators import Number
from rich.table import Table

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_outputs, words_beside
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.choosing import named_ids
from arc_affinity.data.datasets.registry import files_of, load_tasks
from arc_affinity.data.generation.generate import Rejections, generate_json, generate_store
from arc_affinity.data.generation.rearc import REASONS, task_ids
from arc_affinity.data.generation.sealed import CHALLENGES, SEALED, generate_sealed
from arc_affinity.data.splits import (
    SHARE,
    BalanceRow,
    balance,
    foundational_tasks,
    output_cells_of_store,
    output_cells_of_tasks,
    published_split,
    size_bins,
    stratified_split,
)
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.documents import fit, read_object
from arc_affinity.errors import ArcAffinityError, UsageError
from arc_affinity.files import write_text
from arc_affinity.processes import cores
from arc_affinity.taxonomy.categories import category_of
from arc_affinity.taxonomy.validation import UNKNOWN, label_in
from arc_affinity.text import counted

SHOWN = 20
"""Rows of the table of rejections; the manifest has all."""


def _exactly_one(arguments: ArgumentCollection) -> None:
    """Refuse both or none of a group's options."""
    if len(arguments.filter_by(value_set=True)) != 1:
        raise ValueError(f"Give one of {' and '.join(argument.name for argument in arguments)}.")


WHICH = Group("Tasks (one of these)", validator=_exactly_one)
WHERE = Group("Tasks (one of these)", validator=_exactly_one)


def generate(
    *,
    out: Path,
    per_task: Annotated[int, Parameter(validator=Number(gte=1))],
    tasks: Annotated[tuple[str, ...], Parameter(group=WHICH)] = (),
    set: Annotated[Literal["foundational", "all"] | None, Parameter(group=WHICH)] = None,
    seed: int | None = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    exclude: Path | None = None,
    format: Literal["store", "json"] = "store",
    sealed: bool = False,
) -> None:
    """Generate examples.

    Each example comes from one of re-arc's generators. It is kept only if re-arc's solver of the task maps
    its input to its output, the two differ, and the input is new. The same options give the same bytes,
    whatever the number of workers. An interrupted run resumes with the same command.

    Args:
        out: Folder to make.
        per_task: Examples of each task.
        tasks: Ids of the tasks, or files of ids.
        set: The 18 foundational tasks, or all 400.
        seed: Another seed gives other examples; 0 unless given, but drawn anew for a sealed benchmark.
        workers: Processes; one for each processor unless given.
        exclude: A store whose inputs must not come again, for a set to test on.
        format: A store, or one ARC task file a task (the last pair under "test", the others under "train").
        sealed: Make a benchmark: OUT/challenges.json for solvers, with new ids and no answers, and OUT/sealed with the
            answers and the seed; score takes OUT/sealed/challenges.json.
    """
    if sealed and format == "json":
        raise UsageError("--sealed has a format of its own; leave --format out")
    if (sealed or format == "json") and per_task < 2:
        raise UsageError(f"--per-task must be 2 or more, not {per_task}: one example to learn from, one to test")
    begin = time.monotonic()
    wanted = named_ids(tasks, task_ids()) or (foundational_tasks() if set == "foundational" else task_ids())
    known = None if exclude is None else ExampleStore.open(exclude)
    console = Console()
    with Bar("Generating", len({*wanted}), "tasks") as bar:

        def advance(_task: str, _rejections: Counter[str]) -> None:
            bar.advance()

        processes = cores() if workers is None else workers
        try:
            if sealed:
                rejections = generate_sealed(out, wanted, per_task, seed, processes, known, advance)
            else:
                settings = (out, wanted, per_task, seed or 0, processes, known, advance)
                manifest = generate_json(*settings) if format == "json" else generate_store(*settings).manifest
                rejections = manifest["rejections"]
        except KeyboardInterrupt as error:
            again = "interrupted; nothing is left" if sealed else "interrupted; the same command continues"
            raise KeyboardInterrupt(again) from error
    if rejections:
        console.print(_rejection_table(rejections))
    number = len({*wanted})
    told = f"{counted(per_task * number, 'example')} of {counted(number, 'task')} in "
    say_path(console, told, out, f" ({time.monotonic() - begin:.1f} s)")
    if sealed:
        say_path(console, "for solvers: ", out / CHALLENGES)
        say_path(console, "to be kept from them: ", out / SEALED)


def split(
    *,
    store: Annotated[Path | None, Parameter(group=WHERE)] = None,
    dataset: Annotated[str | None, Parameter(group=WHERE)] = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    published: bool = False,
    labels: Path | None = None,
    share: Annotated[float | None, Parameter(validator=Number(gt=0, lt=1))] = None,
    bins: Annotated[int, Parameter(validator=Number(gte=1))] = 4,
    seed: int | None = None,
    out: Path | None = None,
) -> None:
    """Split tasks.

    The split is stratified by category, where it is known, and by the size of the outputs; the tables show how well
    both sides agree.

    Args:
        store: Split the tasks of this store of examples.
        dataset: Split the tasks of this dataset, such as arc-agi-1/training.
        data_dir: Folder with the datasets that are not installed.
        published: Show the published split of 308 and 92 tasks in place of a new one.
        labels: JSON file with the category of each task: {"00d62c1b": "S3", …}, or what classify wrote. Unless given,
            tasks of re-arc have their published category.
        share: Share of the tasks to hold out; 0.23 unless given.
        bins: Number of size bins.
        seed: Another seed gives another split; 0 unless given.
        out: JSON file for the split: {"train": […], "validation": […]}.
    """
    if published and (share is not None or seed is not None):
        raise UsageError("--published is a split that is there: --share and --seed would change nothing")
    given = str(store) if store is not None else dataset
    check_outputs([out], [labels, *([] if given is None else files_of(given, data_dir))])
    if store is not None:
        cells = output_cells_of_store(ExampleStore.open(store))
    else:
        cells = output_cells_of_tasks(load_tasks(dataset or "", data_dir))
    categories = _published(cells) if labels is None else read_categories(labels)
    if published:
        made = published_split().among(cells)
    else:
        made = stratified_split(cells, categories, share or SHARE, bins, seed or 0)
    if not made.train and not made.validation:
        raise ArcAffinityError(f"none of the tasks of {given} are of the published split")
    console = Console()
    with words_beside(out):
        if categories:
            console.print(_balance_table("category", balance(made, categories)))
        console.print(_balance_table("output size", balance(made, size_bins(cells, bins))))
        if out is not None:
            text = jsonlib.dumps({"train": made.train, "validation": made.validation}, indent=1)
            write_text(out, text + "\n")
            say_path(console, "written to ", out)


def _published(tasks: Iterable[str]) -> dict[str, str]:
    """The published categories of those of some tasks that have one."""
    # Imported here because scipy comes along, which takes as long as all else.
    from arc_affinity.paper.published import published_reference

    known = published_reference(None, task_ids()).labels or {}
    return {task: known[task] for task in tasks if task in known}


def _rejection_table(rejections: Rejections) -> Table:
    """Rejected tries by task and reason, the worst tasks first."""
    over_all: Counter[str] = Counter()
    for reasons in rejections.values():
        over_all.update(reasons)
    used = [reason for reason in REASONS if over_all[reason]]
    table = Table("task", title="Rejected tries", title_justify="left")
    for name in (*used, "all"):
        table.add_column(name, justify="right")

    def add(name: str, reasons: Mapping[str, int]) -> None:
        numbers = (*(reasons.get(reason, 0) for reason in used), sum(reasons.values()))
        table.add_row(name, *(f"{number:,}" for number in numbers))

    others = Counter(over_all)
    worst = sorted(rejections, key=lambda task: (-sum(rejections[task].values()), task))
    for task in worst[:SHOWN]:
        add(task, rejections[task])
        others.subtract(rejections[task])
    if len(worst) > SHOWN:
        add(f"{len(worst) - SHOWN} others", others)
    table.add_section()
    add("all", over_all)
    return table


def _balance_table(what: str, rows: list[BalanceRow]) -> Table:
    table = Table(title=f"Balance by {what}", title_justify="left")
    table.add_column(what)
    table.add_column(f"train ({sum(row.train for row in rows)})", justify="right")
    table.add_column(f"validation ({sum(row.validation for row in rows)})", justify="right")
    table.add_column("difference", justify="right")
    for row in rows:
        table.add_row(
            row.stratum,
            f"{row.train} ({row.train_share:.1%})",
            f"{row.validation} ({row.validation_share:.1%})",
            f"{100 * row.difference:+.1f} points",
        )
    return table


def read_categories(path: Path) -> dict[str, str]:
    """Return what a file says of the category of each task; any words will do, as only their equality counts.

    Of what ``classify --out`` wrote the category is taken; a subtype stands for its category, and "unknown" for none.
    """
    found = {task: fit(label_in(entry), str, f"{path}: task {task}") for task, entry in read_object(path).items()}
    return {task: category_of(label) for task, label in found.items() if label != UNKNOWN}
