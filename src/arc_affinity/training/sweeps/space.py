"""What is varied of a recipe: ranges and choices, as they are written, checked and drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.storage.names import check_name
from arc_affinity.training.recipes.recipe import OF_THE_DATA, Recipe


@dataclass(frozen=True)
class Range:
    """Values between two numbers, both included; ``log`` draws their logarithms evenly."""

    low: float
    high: float
    whole: bool
    log: bool


Space = Mapping[str, Range | tuple[str, ...]]
"""For each field, its range or its choices as text."""


def read_space(varied: Sequence[str], recipe: Recipe) -> Space:
    """Return what is to be varied.

    Args:
        varied: each ``FIELD=LOW:HIGH``, ``FIELD=LOW:HIGH:log`` or ``FIELD=ONE,OTHER,…``; fields of the model are
            ``model.FIELD``.
        recipe: whose fields they are.

    Raises:
        ArcAffinityError: an unknown field, one of the data, or a value that the recipe would refuse.
    """
    space: dict[str, Range | tuple[str, ...]] = {}
    for each in varied:
        name, _, values = each.partition("=")
        if not values:
            raise ArcAffinityError(f"--vary {each}: write FIELD=LOW:HIGH, FIELD=LOW:HIGH:log or FIELD=ONE,OTHER")
        if name in (*OF_THE_DATA, "context", "steps", "validate_every"):
            raise ArcAffinityError(f"--vary {name}: losses of trainings that differ in it cannot be compared")
        if name in space:
            raise ArcAffinityError(f"--vary {name} is given twice")
        space[name] = _range(values, each) if ":" in values else tuple(values.split(","))
        ends = space[name]
        for value in (ends.low, ends.high) if isinstance(ends, Range) else ends:
            changed(recipe, {name: value})
            if name == "start":
                check_name(str(value), solvers=False)
        if isinstance(ends, Range):
            space[name] = replace(ends, whole=type(recipe.flat()[name]) is int)
    if not space:
        raise ArcAffinityError("nothing to vary: give --vary at least once")
    schedules = space.get("schedule", ())
    recipe.refuse_ignored(space, "--vary", schedules if isinstance(schedules, tuple) else ())
    return space


def _range(values: str, given: str) -> Range:
    low, high, *rest = values.split(":")
    try:
        found = Range(float(low), float(high), False, rest == ["log"])
    except ValueError as error:
        raise ArcAffinityError(f"--vary {given}: {error}") from error
    if rest not in ([], ["log"]) or not -math.inf < found.low < found.high < math.inf or (found.log and found.low <= 0):
        raise ArcAffinityError(f"--vary {given}: LOW must be below HIGH, and above 0 with :log")
    return found


def changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe with settings as a search draws them: choices are text, whole numbers may be written as 1e3."""
    now = recipe.flat()
    typed: dict[str, Any] = {}
    for name, value in settings.items():
        kind = type(now.get(name))
        if kind is bool and value in ("true", "false"):
            typed[name] = value == "true"
        elif kind in (int, float):
            try:
                number = float(value)
                typed[name] = kind(number)
            except (ValueError, OverflowError) as error:
                raise ArcAffinityError(f"--vary {name}: {value!r} is no number") from error
            if typed[name] != number:
                raise ArcAffinityError(f"--vary {name}: it is a whole number, not {value}")
        else:
            typed[name] = value
    return recipe.overridden(typed, "--vary")


def drawn(trial: Any, name: str, values: Range | tuple[str, ...]) -> Any:
    """Return a value for the field ``name`` of one of Optuna's trials."""
    if isinstance(values, tuple):
        return trial.suggest_categorical(name, values)
    if values.whole:
        return trial.suggest_int(name, round(values.low), round(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)
