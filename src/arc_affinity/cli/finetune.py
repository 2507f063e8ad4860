"""``arc-affinity finetune``: a model and tasks in, specialists and their scores before and after out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from cyclopts.validators import Number
from rich.table import Table

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.flags import ExecutorName
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.exposure import tell_what_was_seen
from arc_affinity.cli.output.files import check_folder
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.cli.train import _changed, _flags, _like
from arc_affinity.data.datasets.choosing import choose_ids, read_ids
from arc_affinity.data.datasets.registry import RE_ARC
from arc_affinity.data.splits import foundational_tasks
from arc_affinity.diagnosis.gap import TaskAccuracy, has_gap
from arc_affinity.errors import ArcAffinityError, UsageError, unknown
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.files import is_input
from arc_affinity.models.storage.names import check_name
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.finetuning.config import FineTuneConfig, Method, config_for, refuse_unread
from arc_affinity.training.finetuning.reading import read_dataset
from arc_affinity.training.finetuning.source import Source
from arc_affinity.types import Task

SHOWN = 40
"""Rows of the table of tasks; summary.csv has all."""

if TYPE_CHECKING:
    from arc_affinity.models.storage.folders import LoadedModel
    from arc_affinity.training.finetuning.many_tasks import Ended, Results

    Changes = Any
else:
    SETTINGS = Group.create_ordered("Settings")
    Changes = make_dataclass(
        "ConfigChanges",
        _flags(FineTuneConfig, SETTINGS, left_out=("method", "unlike_also", "unlike_in")),
        namespace=_like(FineTuneConfig),
    )


def finetune(
    model: str,
    /,
    *,
    out: Path = Path("out/finetune"),
    tasks: tuple[str, ...] = (),
    set: str | None = None,
    dataset: str = RE_ARC,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    max_side: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    method: Method | None = None,
    protocols: tuple[str, ...] = (),
    executor: ExecutorName = "processes",
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    threads: Annotated[int, Parameter(validator=Number(gte=0))] = 1,
    changes: Annotated[Changes | None, Parameter(name="*")] = None,
) -> None:
    """Fine-tune a model to single tasks.

    Each task leaves its adapter (or model, or which demonstrations were chosen), the records of its test part before
    and after, and its curve in OUT/tasks/ID; all records and a table come at the end. An interrupted run resumes with
    the same command after the last finished task. A task that fails is reported, makes the exit code 1 once the others
    are done, and is tried again next time.

    Args:
        model: A bundled model's name, a model folder, or a checkpoint.
        out: Folder of the results.
        tasks: Ids of the tasks, or files of ids.
        set: foundational (18 tasks), all, or a file of ids: a JSON list, or one a line.
        dataset: re-arc (examples are generated), an example store, or a dataset or task file, whose tasks are
            adapted to by their demonstrations alone.
        data_dir: Folder of datasets that do not come with the package.
        max_side: Leave out tasks with a grid of more rows or columns than this.
        method: lora, full, or context-only. Unless given lora, but for tasks adapted to by their demonstrations alone
            full, with every view and votes of four (--method full --optimiser adamw --learning-rate 4e-3 --augment all
            --steps 60 --votes 4).
        protocols: What the test part is scored by, before and after: teacher_forced, sized, arc_prize; all three unless
            given. Writing large outputs, as the latter two do, can take longer than the training.
        executor: processes, dask:local, or dask:ADDRESS of a scheduler.
        workers: Processes; one for each GPU, or for each processor where there is none, but no more than tasks, unless
            given. One works in this process.
        threads: Of each process; 0 leaves the number to torch.
    """
    source = Source(dataset, data_dir)
    with wrong_usage():
        given = _changed(changes)
        config = replace(config_for(method, by_demonstrations=source.by_demonstrations), **given)
        named = [Protocol.named(name) for name in protocols]
    _refuse_ignored(given, config, source)
    if "unlike_seed" in given and "unlike" not in given:
        raise UsageError("--unlike-seed goes with --unlike, which says how many examples of that seed are meant")
    _check_which(source, tasks, set, max_side)
    check_folder(out)
    check_name(model, solvers=False)
    wanted = choose_tasks(source, tasks, set, max_side)
    # Imported once the names are known: torch takes seconds, which help and typos need not wait for.
    from arc_affinity.models.storage.folders import find_model
    from arc_affinity.training.finetuning.held_out import Scoring
    from arc_affinity.training.finetuning.many_tasks import FAILED, fine_tune_tasks
    from arc_affinity.training.finetuning.work import ManyTasks, workers_for

    loaded = find_model(model)
    if loaded.adapter is not None:
        raise ArcAffinityError(f"{model} is an adapter; fine-tune its base, {loaded.name}")
    console = Console(stderr=True)
    if source.by_demonstrations:
        tell_what_was_seen(loaded, dataset, wanted, tuple(read_dataset(dataset, data_dir).tasks.values()))
    elif "unlike" not in given:
        config = unlike_what_was_seen(config, loaded, wanted, console)
    processes = workers_for(len(wanted)) if workers is None else workers
    # Each once and in one order, so that the same protocols are the same settings.
    scored = tuple(each for each in Scoring.protocols if each in named) or Scoring.protocols
    many = ManyTasks(wanted, model, loaded.name, loaded.digest, config, source, scored, threads)
    try:
        bar = Bar("Fine-tuning", len(wanted), "tasks", console=console)
        with choose_workers(executor, processes) as chosen, bar:

            def advance(task: str, error: str | None) -> None:
                bar.advance()
                if error is not None:
                    console.print(f"{task} failed: {error}", markup=False, highlight=False, soft_wrap=True)

            ended = fine_tune_tasks(many, out, chosen, advance, bar.found)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command resumes") from error
    _report(ended, console)
    say_path(Console(), "", ended.records)
    if ended.failed:
        raise ArcAffinityError(
            f"{len(ended.failed)} of {len(wanted)} tasks failed; {out / FAILED} says why, and the same command tries "
            "them again"
        )


def _refuse_ignored(given: Mapping[str, Any], config: FineTuneConfig, source: Source) -> None:
    """Refuse settings that were ``given`` on purpose, where others or the examples leave them unread."""
    beside = dict.fromkeys(source.unread, f"--dataset {source.dataset}")
    with wrong_usage("finetune"):
        refuse_unread(given, config, beside, lambda name: f"--{name.replace('_', '-')}")


def _check_which(source: Source, tasks: tuple[str, ...], set: str | None, max_side: int | None) -> None:
    """Refuse flags that choose no tasks, or choose them twice."""
    if tasks and set is not None:
        raise UsageError("give --tasks or --set, not both")
    if source.dataset == RE_ARC and not tasks and set is None:
        raise UsageError("give --tasks ID… or --set foundational, all or a file of ids")
    if max_side is not None and not source.by_demonstrations:
        raise UsageError("--max-side chooses among a dataset's tasks; generated ones have grids of all sizes")


def unlike_what_was_seen(
    config: FineTuneConfig, loaded: LoadedModel, tasks: tuple[str, ...], console: Console
) -> FineTuneConfig:
    """Return the settings with test inputs kept apart from what the model's own recipe trained it on.

    Where there is no recipe, a note on ``console`` says so.

    Raises:
        ArcAffinityError: it was trained on examples of several seeds, of which one can be named, or what it was trained
            on cannot be found out.
    """
    from arc_affinity.training.finetuning.seen import examples_seen, without_recipe

    try:
        found = [each for each in examples_seen(loaded) if not each.tasks.isdisjoint(tasks)]
        unknown_one = without_recipe(loaded)
    except ArcAffinityError as error:
        raise ArcAffinityError(
            f"{error}; --unlike and --unlike-seed say which examples of re-arc it has seen (--unlike 0: none)"
        ) from error
    if unknown_one is not None:
        note = f"note: nothing is known of what {unknown_one} was trained on, so it may have seen the tests"
        say_path(console, note, "; --unlike and --unlike-seed say which")
    sources = {each.source for each in found if each.source}
    # Once each and in one order, so that the same examples are the same settings.
    config = replace(config, unlike_in=tuple((name, read_dataset(name).edition) for name in sorted(sources)))
    found = [each for each in found if not each.source]
    if not found:
        return config
    seeds = {each.data_seed for each in found}
    if len(seeds) > 1:
        listed = ", ".join(map(str, sorted(seeds)))
        raise ArcAffinityError(
            f"{loaded.name} was trained on examples of seeds {listed}; give --unlike and --unlike-seed"
        )
    also = tuple(sorted({each.validation for each in found if each.validation[0]}))
    return replace(config, unlike=max(each.per_task for each in found), unlike_seed=seeds.pop(), unlike_also=also)


def choose_tasks(source: Source, tasks: tuple[str, ...], set: str | None, max_side: int | None) -> tuple[str, ...]:
    """Return the ids of the tasks asked for, once each, in order; all of a dataset that is not re-arc if none are.

    Raises:
        ArcAffinityError: a task is not there, the file of ids cannot be read, or nothing is left.
    """
    known = source.known()
    wanted = tasks or (_set(set, known) if set is not None else ())
    chosen = choose_ids(known, wanted, source.data_dir)
    if max_side is not None:
        read = read_dataset(source.dataset, source.data_dir)
        fitting = {task.id for task in read.tasks.values() if _side(task) <= max_side}
        chosen = tuple(task for task in chosen if task in fitting)
    if not chosen:
        raise ArcAffinityError("no tasks are left to fine-tune")
    return chosen


def _set(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    if name in ("foundational", "all"):
        return foundational_tasks() if name == "foundational" else known
    if not is_input(Path(name)):
        raise unknown("set or file of ids", name, ("foundational", "all"))
    return read_ids(Path(name))


def _side(task: Task) -> int:
    grids = [grid for pair in (*task.train, *task.test) for grid in (pair.input, pair.output) if grid is not None]
    return max(max(grid.shape) for grid in grids)


def _report(ended: Ended, console: Console) -> None:
    results = ended.results
    if len(results) <= SHOWN:
        console.print(_task_table(results))
    if any(result["final"] for result in results.values()):
        console.print(_mean_table(results))
    seconds = [result["seconds"] + result["scoring_seconds"] for result in results.values()]
    console.print(
        f"{len(results)} tasks, {sum(seconds) / len(seconds):.1f} s each, {len(ended.failed)} failed", highlight=False
    )


def _task_table(results: Results) -> Table:
    table = Table(title="Exact, %: before, after", title_justify="left")
    for name in ("task", *_protocols(results), "examples", "seconds"):
        table.add_column(name, justify="left" if name == "task" else "right")
    for task, result in results.items():
        pairs = [f"{_percent(result['base'], name)}, {_percent(result['final'], name)}" for name in _protocols(results)]
        table.add_row(task, *pairs, f"{result['examples_seen']:,}", f"{result['seconds']:.1f}")
    return table


def _percent(means: Mapping[str, Mapping[str, float]], protocol: str) -> str:
    return f"{100 * means[protocol]['solved']:.1f}" if protocol in means else "withheld"


def _protocols(results: Results) -> list[str]:
    return sorted({name for result in results.values() for name in result["final"]})


def _mean_table(results: Results) -> Table:
    """Means over tasks; a gap is cells above 80 % and exact below 10 % (arXiv 2512.07109)."""
    table = Table(title="Means over tasks, %", title_justify="left")
    for name in ("protocol", "when", "solved", "exact, attempt 1", "cells", "tasks with a gap"):
        table.add_column(name, justify="left" if name in ("protocol", "when") else "right")
    for protocol in _protocols(results):
        for when, word in (("base", "before"), ("final", "after")):
            found = {task: result[when][protocol] for task, result in results.items() if protocol in result[when]}
            means = [sum(each[what] for each in found.values()) / len(found) for what in ("solved", "exact", "cells")]
            gaps = sum(has_gap(TaskAccuracy(task, each["cells"], each["exact"])) for task, each in found.items())
            table.add_row(protocol, word, *(f"{100 * mean:.2f}" for mean in means), f"{gaps} of {len(found)}")
    return table
