"""``arc-affinity sweep``: a recipe and settings to vary in, a table and a picture of what mattered out."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.flags import ExecutorName
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_text
from arc_affinity.training.recipes.files import load_recipe


def sweep(
    recipe: str,
    /,
    *,
    vary: Annotated[list[str], Parameter(consume_multiple=True)],
    trials: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    share: Annotated[float, Parameter(validator=Number(gt=0, lte=1))] = 0.1,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    out: Path | None = None,
    executor: ExecutorName = "processes",
    workers: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
) -> None:
    """Search over a recipe's settings.

    Trains the recipe again and again for a part of its steps, with settings that Optuna draws, and tells which were
    best and how much each mattered. Stopped at any moment, the same command goes on. OUT/trials.csv has every trial,
    OUT/importance.svg the picture, where there are enough trials to tell, OUT/trials/N the run of each.

    Args:
        recipe: A named recipe, a TOML file of one, or the folder of a run.
        vary: FIELD=LOW:HIGH, FIELD=LOW:HIGH:log (evenly by the logarithm), or FIELD=ONE,OTHER for choices.
        trials: Trainings in all. Where all fields have choices, of which there are no more combinations than that, each
            is tried once.
        share: Of the recipe's steps that each has, above 0 and at most 1.
        seed: Of what is drawn.
        out: Folder of the search; out/sweep-NAME unless given.
        executor: processes, dask:local, or dask:ADDRESS of a scheduler whose workers see OUT.
        workers: Trials beside each other. With one, the same command gives the same trials.
        data_dir: Folder with the datasets that are not installed, of which the recipe's may be some.
    """
    base = load_recipe(recipe)
    from arc_affinity.training.sweeps.space import read_space
    from arc_affinity.training.sweeps.sweep import SettingsSweep
    from arc_affinity.training.sweeps.trial import Trial

    with wrong_usage():
        search = SettingsSweep(base, read_space(vary, base), trials, share, seed)
    from arc_affinity.drawing.charts import Line, estimates
    from arc_affinity.drawing.plot import standalone
    from arc_affinity.statistics import Estimate
    from arc_affinity.training.executors import choose_workers
    from arc_affinity.training.pretraining.trainer import quiet_lightning

    quiet_lightning()
    folder = out or Path("out") / f"sweep-{base.name}"
    console, watched = Console(), Console(stderr=True)
    trials = len(search.grid) or trials
    bar = Bar("Searching", trials, "trials", console=watched)
    names = tuple(search.space)

    def report(trial: Trial) -> None:
        loss = f"{trial.loss:.4f}" if trial.loss is not None else f"failed: {trial.why}"
        settings = ", ".join(f"{name} {_shown(trial.settings[name])}" for name in names)
        watched.print(f"trial {trial.number}: {loss} ({settings})", highlight=False, markup=False)
        if not bar.done:
            bar.found(min(trial.number, trials - 1))
        bar.at(min(trial.number + 1, trials))

    with choose_workers(executor, workers) as hands, bar:
        found = search.run(folder, hands, report, data_dir)
    table = Table(title="the ten best: lowest validation loss, nats a token")
    for name in ("trial", "loss", *names):
        table.add_column(name, justify="right")
    for trial in found.ranked[:10]:
        table.add_row(str(trial.number), f"{trial.loss:.4f}", *(_shown(trial.settings[name]) for name in names))
    console.print(table)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["trial", "loss", *names])
    for trial in found.trials:
        rows.writerow([trial.number, trial.loss, *(trial.settings[name] for name in names)])
    write_text(folder / "trials.csv", text.getvalue())
    if found.importance:
        number = len(found.ranked)
        lines = [Line(name, Estimate(value, None, None, number)) for name, value in found.importance.items()]
        picture = estimates(lines, "share of what the loss depends on, %", "What mattered")
        write_text(folder / "importance.svg", standalone(picture))
        said = ", ".join(f"{name} {100 * value:.0f} %" for name, value in found.importance.items())
        console.print(f"what mattered (PED-ANOVA over the better half): {said}", highlight=False)
    else:
        console.print(f"what mattered is not known: {found.untold}", highlight=False)
        # Earlier versions drew one of trials that say nothing of it.
        (folder / "importance.svg").unlink(missing_ok=True)
    say_path(console, "trials: ", folder / "trials.csv")
    if not found.ranked:
        raise ArcAffinityError(f"none of {len(found.trials)} trials came to a loss; what each says is told above")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
