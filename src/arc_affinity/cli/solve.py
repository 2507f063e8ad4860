"""``arc-affinity solve``: tasks in, a submission out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from arc_affinity.cli.flags import ExecutorName
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.choosing import choose_tasks
from arc_affinity.data.datasets.editions import edition_here
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.errors import UsageError
from arc_affinity.evaluation.records.record import Sources
from arc_affinity.models.storage.names import check_base
from arc_affinity.text import counted

if TYPE_CHECKING:
    from arc_affinity.training.joint.solve import Solved

BASE = "solver-small"
"""The bundled base that is taken unless another is named."""

UNITS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}

STAGES = {"search": "Searching", "train": "Adapting", "write": "Answering", "judge": "Ranking"}


def solve(
    *,
    dataset: str,
    budget: str | None = None,
    steps: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    out: Path = Path("out/solve"),
    tasks: tuple[str, ...] = (),
    base: str | None = None,
    sources: Sources = "both",
    views: Annotated[int | None, Parameter(validator=Number(gte=1, lte=1000))] = None,
    seed: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    executor: ExecutorName = "processes",
    device: str | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
) -> None:
    """Solve tasks: tasks in, a submission out.

    Searches for programs that reproduce the demonstrations, trains a bundled base on those of all tasks together,
    answers every test input under many views, ranks the answers, and writes records, a submission and a summary.
    Where there is no time to train on all tasks, the smallest ones are trained on.
    An interrupted run resumes with the same command.

    Args:
        dataset: A dataset's name, a task file, a folder of them, or a competition bundle.
        budget: Time for all of it, such as 2h, 30m, 90s or 1h30m; a part is kept back for answering.
        steps: Training steps instead of a time; the same number gives the same bytes.
        out: Folder of the run.
        tasks: Ids of tasks, or files of ids; all unless given.
        base: A bundled base or the folder of one; solver-small unless given.
        sources: Where answers come from: the network, a search over programs of grid functions, or both, ranked by how
            often such answers were right.
        views: Views under which every test input is answered, at most; 64 unless given.
        seed: Seed of the training's draws and of the views; 0 unless given.
        workers: Processes; one a core, up to two for training, unless given.
        executor: Where answers are worked out: processes, dask:local or dask:ADDRESS (a cluster that sees OUT).
        device: cpu or cuda; a GPU is used where there is one unless given.
        data_dir: Folder of datasets that do not come with the package.
    """
    if (budget is None) == (steps is None):
        raise UsageError("give --budget (a time, such as 2h) or --steps, one of them")
    seconds = None if budget is None else parse_duration(budget)
    if sources == "search":
        _refuse_unread(base=base, views=views, seed=seed, device=device)
    base = BASE if base is None else base
    check_base(base)
    known = load_tasks(dataset, data_dir)
    chosen = choose_tasks(known, tasks, data_dir)
    # Imported here because torch takes seconds, and help and typos need none of it.
    from arc_affinity.models.pair_transformer.storage import find_solver
    from arc_affinity.training.hardware import pick_device
    from arc_affinity.training.joint.recipe import Budget
    from arc_affinity.training.joint.settings import SolveSettings, Where
    from arc_affinity.training.joint.solve import solve as solve_tasks

    place, network = pick_device(device), find_solver(base)
    settings = SolveSettings(Budget(steps, seconds), sources=sources)
    settings = replace(settings, seed=seed or 0, views=settings.views if views is None else views)
    where = Where(out, place, workers, executor)
    begun = time.monotonic()
    try:
        with Bar("Searching", 1.0) as bar:
            named = {"dataset": dataset, "edition": edition_here(dataset, known)}
            solved = solve_tasks(chosen, network, settings, where, **named, report=reporting(bar))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command resumes") from error
    _tell(Console(), solved, out, time.monotonic() - begun)


def _refuse_unread(**of_the_network: object) -> None:
    """Refuse what was given for the network on purpose, where programs alone are asked."""
    given = [f"--{name}" for name, value in of_the_network.items() if value is not None]
    if given:
        raise UsageError(f"{' and '.join(given)} would change nothing: --sources search asks no network")


def parse_duration(text: str) -> float:
    """Return the seconds that a person means by ``text``, such as "2h", "90s" or "1h30m".

    Raises:
        UsageError: it is no duration, or no time at all.
    """
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)\s*(h|min|m|s)", text, re.ASCII)
    if not parts or re.sub(r"\s", "", text) != "".join(number + unit for number, unit in parts):
        raise UsageError(f"budget {text!r:.40} is no duration; write it as 2h, 30m, 90s or 1h30m")
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if not 1 <= seconds <= 366 * 86400:
        raise UsageError(f"budget {text!r:.40} must be between a second and a year")
    return seconds


def reporting(bar: Bar) -> Callable[[str, float, str], None]:
    """Return what shows on ``bar`` how far a stage of `solve` is."""
    return lambda stage, share, words: bar.stage(f"{STAGES[stage]} {words}".strip(), share)


def _tell(console: Console, solved: Solved, out: Path, seconds: float) -> None:
    from arc_affinity.training.joint.solve import RECORDS, SUBMISSION

    figures = solved.summary
    trained = f" ({counted(figures['steps'], 'training step')}, {figures['views_median']:.0f} views)"
    if figures["sources"] == "search":
        trained = ""
    asked = f"{counted(figures['tasks'], 'task')}, {counted(figures['outputs'], 'test output')}"
    lines = [f"{asked} in {seconds:.0f} s{trained}"]
    if figures["learned"] < figures["tasks"] and figures["steps"]:
        more = "more --steps teach" if figures["budget"]["seconds"] is None else "a longer --budget teaches"
        lines.append(
            f"the network had time to learn {figures['learned']} of the {figures['tasks']} tasks, those with least to "
            f"learn; {more} it more"
        )
    if figures["outputs_unanswered"]:
        none = counted(figures["outputs_unanswered"], "output")
        lines.append(f"no answer to {none}; the submission has [[0]] there")
    exposure = f", {figures['exposure']}" if figures["exposure"] else ""
    if "score" in figures:
        lines.append(
            f"score {figures['score']:.1%} (arc_prize, two attempts{exposure}); first attempt "
            f"{figures['first']:.1%}; among all candidates {figures['among_candidates']:.1%}"
        )
    if solved.caution:
        lines.append(solved.caution)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    say_path(console, "Records:    ", out / RECORDS)
    say_path(console, "Submission: ", out / SUBMISSION)
