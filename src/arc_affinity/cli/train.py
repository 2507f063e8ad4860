"""``arc-affinity train``: a recipe in, a run folder and a model folder out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from arc_affinity.cli.progress import ExampleRate, TaskBar, quiet_lightning
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.training.pretrain import train as run
from arc_affinity.training.recipes import RECIPES, Recipe


def train(
    recipe: str,
    *,
    out: Path | None = None,
    resume: bool = False,
    set: Annotated[tuple[str, ...], Parameter(name=["--set", "-s"])] = (),
) -> None:
    """Train a model from scratch.

    The run folder keeps the recipe, the generated examples, the metrics as CSV, the best and the last checkpoint
    and, at the end, the best model as a model folder. Stopped at any moment, the same command with --resume goes on
    from the last validation to the numbers of an unbroken run.

    Args:
        recipe: A named recipe, or a TOML file of one.
        out: Folder of the run; runs/NAME unless given.
        resume: Go on with a run that was stopped.
        set: Fields of the recipe to change, as FIELD=VALUE; those of the model as model.FIELD=VALUE.
    """
    chosen = load_recipe(recipe).overridden(parse_overrides(set))
    folder = out or Path("out") / chosen.name
    quiet_lightning()
    console = Console(stderr=True)
    rate, bar = ExampleRate(console, chosen), TaskBar(console)
    try:
        outcome = run(chosen, folder, resume=resume, callbacks=[rate], on_task=bar.advance, progress=False)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command with --resume goes on") from error
    if rate.leads:
        for name, value in sorted(outcome.metrics.items()):
            console.print(f"{name}: {value:.4f}", highlight=False)
        Console().print(f"{outcome.model}", soft_wrap=True, highlight=False)


def load_recipe(name: str) -> Recipe:
    """Return a named recipe or read a TOML file of one.

    Raises:
        ArcAffinityError: no such recipe, or a file that does not hold one.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if name not in RECIPES:
            raise unknown("recipe", name, RECIPES)
        return RECIPES[name]
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArcAffinityError(f"{path} is not TOML: {error}") from error
    return Recipe.from_dict({"name": path.stem, **values}, str(path))


def parse_overrides(settings: tuple[str, ...]) -> Mapping[str, Any]:
    """Read ``FIELD=VALUE`` settings; a value is a number, true, false, a list or else text."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ArcAffinityError(f"{setting!r} is not FIELD=VALUE")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values
