"""``arc-affinity doctor``: what a report of a fault should say, and whether anything is missing or damaged here."""

from __future__ import annotations

import json as jsonlib
import platform
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TypeVar

from rich.table import Table
from rich.text import Text

from arc_affinity.cli.data.show import DataDir
from arc_affinity.cli.model.merge import HELD_OUT
from arc_affinity.cli.output.terminal import Console
from arc_affinity.data.datasets.editions import EDITIONS, describe_edition, edition_of
from arc_affinity.data.datasets.registry import (
    DATASETS,
    RE_ARC,
    bundles_here,
    default_data_dir,
    find_folder,
    load_tasks,
)
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.text import printable

INTACT = "intact"

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """What is told of something, None where it is missing; ``fault`` if the package does not work without it."""

    told: str | None
    fault: bool = False


States = Mapping[str, State]


def doctor(*, data_dir: DataDir = None, json: bool = False) -> None:
    """Tell what is here: versions, device, datasets, bundled weights.

    A report of a fault should hold what this prints. Exit code 1 if something that comes with the package, the packages
    that it needs included, is damaged or missing.

    Args:
        data_dir: Folder with the datasets that are not installed.
        json: Print one JSON document and nothing else.
    """
    found: dict[str, States] = {
        "versions": _versions(),
        "machine": _looked_at(_machine),
        "datasets": _looked_at(lambda: _datasets(data_dir or default_data_dir())),
        "examples": _looked_at(_examples),
        "weights": _looked_at(_weights),
    }
    if json:
        told = {part: {name: state.told for name, state in states.items()} for part, states in found.items()}
        print(jsonlib.dumps(told, indent=2))
    else:
        table = Table(show_header=False, box=None)
        table.add_column(style="bold")
        table.add_column()
        table.add_column(overflow="fold")
        for part, states in found.items():
            for number, (name, state) in enumerate(states.items()):
                table.add_row("" if number else part, Text(name), Text(printable(state.told or "missing")))
        Console(highlight=False).print(table)
    faults = dict.fromkeys(name for states in found.values() for name, state in states.items() if state.fault)
    if faults:
        raise ArcAffinityError(f"damaged or missing: {', '.join(faults)}; install the package again")


def _looked_at(part: Callable[[], States]) -> States:
    """What is told of a part, or that a package is missing without which it cannot be looked at."""
    try:
        return part()
    except ImportError as error:
        return {error.name or "a package": State(f"cannot be looked at without it: {error}", fault=True)}


def _versions() -> States:
    """The package, Python, and what the package needs, by name."""
    needed = [each for each in requires("arc-affinity") or () if "extra ==" not in each]
    names = [name for each in needed for name in re.findall(r"\A[\w.-]+", each)]
    found = {"arc-affinity": State(version("arc-affinity")), "python": State(sys.version.split()[0])}
    for name in names:
        try:
            found[name] = State(version(name))
        except PackageNotFoundError:
            found[name] = State(None, fault=True)
    return found


def _datasets(folder: Path) -> States:
    """Of each dataset its tasks and its edition (a hash of its content), or that it is not here."""
    states = {RE_ARC: State("generated")}
    for name in (*DATASETS, *bundles_here(folder)):
        if name in states:
            continue
        fetched_as = DATASETS[name].fetched_as if name in DATASETS else ""
        if fetched_as and find_folder(DATASETS[name], folder) is None:
            states[name] = State(f"not here; arc-affinity data fetch {fetched_as}")
            continue
        # The others are the user's own files.
        installed = name in DATASETS and not fetched_as
        try:
            tasks = load_tasks(name, folder)
        except ArcAffinityError as error:
            states[name] = State(str(error), fault=installed)
            continue
        edition = edition_of(tasks)
        told = f"{len(tasks)} tasks, edition {describe_edition(edition)}"
        states[name] = State(told, fault=installed and edition not in EDITIONS)
    return states


def _machine() -> States:
    """System, processor and GPU as torch sees them."""
    import torch

    from arc_affinity.processes import cores
    from arc_affinity.training.hardware import computes_bfloat16

    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    fast = "yes" if computes_bfloat16(torch.device("cuda" if gpus else "cpu")) else "no"
    return {
        "system": State(platform.platform()),
        "cores": State(str(cores())),
        "processor": State(torch.backends.cpu.get_cpu_capability()),
        "GPU": State(", ".join(gpus) or "none"),
        "bfloat16 is fast": State(fast),
    }


def _examples() -> States:
    """Whether the held-out examples of the foundational tasks are what was bundled."""
    return {HELD_OUT.stem: _read(ExampleStore.open, HELD_OUT)}


def _weights() -> States:
    """Whether each bundled model, and the classifier of grids, can be read and is what was bundled."""
    from arc_affinity.models.pair_transformer.storage import find_solver
    from arc_affinity.models.storage.folders import find_model
    from arc_affinity.models.storage.names import bundled_models, bundled_solvers
    from arc_affinity.taxonomy.by_grids.classifier import WEIGHTS, load

    return {
        **{name: _read(find_model, name) for name in bundled_models()},
        **{name: _read(find_solver, name) for name in bundled_solvers()},
        "classifier of grids": _read(load, WEIGHTS),
    }


def _read(reader: Callable[[T], object], of: T) -> State:
    """Whether something that was bundled can be read."""
    try:
        reader(of)
    except ArcAffinityError as error:
        return State(str(error), fault=True)
    return State(INTACT)
