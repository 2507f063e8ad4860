"""``arc-affinity doctor``: what a report of a fault should say, and whether anything is missing or damaged here."""

from __future__ import annotations

import json as jsonlib
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from arc_affinity.cli.data.show import DataDir
from arc_affinity.cli.output.terminal import Console
from arc_affinity.data.datasets.editions import describe_edition, edition_of
from arc_affinity.data.datasets.registry import (
    DATASETS,
    RE_ARC,
    bundles_here,
    default_data_dir,
    find_folder,
    load_tasks,
)
from arc_affinity.errors import ArcAffinityError
from arc_affinity.text import printable


def doctor(*, data_dir: DataDir = None, json: bool = False) -> None:
    """Tell what is here: versions, device, datasets, bundled weights.

    A report of a fault should hold what this prints. Exit code 1 if something that comes with the package is damaged or
    missing.

    Args:
        data_dir: Folder with the datasets that are not installed.
        json: Print one JSON document and nothing else.
    """
    found: dict[str, Any] = {
        "versions": _versions(),
        "machine": _machine(),
        "datasets": _datasets(data_dir or default_data_dir()),
        "weights": _weights(),
    }
    if json:
        print(jsonlib.dumps(found, indent=2))
    else:
        table = Table(show_header=False, box=None)
        table.add_column(style="bold")
        table.add_column()
        table.add_column(overflow="fold")
        for part, rows in found.items():
            for number, (name, value) in enumerate(rows.items()):
                table.add_row("" if number else part, Text(name), Text(printable(value or "missing")))
        Console(highlight=False).print(table)
    damaged = [name for name, state in found["weights"].items() if state != INTACT]
    if damaged:
        raise ArcAffinityError(f"bundled weights are damaged: {', '.join(damaged)}; install the package again")


INTACT = "intact"


def _versions() -> dict[str, str | None]:
    """The package, Python, and what the package needs, by name."""
    needed = [each for each in requires("arc-affinity") or () if "extra ==" not in each]
    names = [name for each in needed for name in re.findall(r"\A[\w.-]+", each)]
    found: dict[str, str | None] = {"arc-affinity": version("arc-affinity"), "python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _datasets(folder: Path) -> dict[str, str]:
    """Of each dataset its tasks and its edition (a hash of its content), or that it is not here."""
    states = {RE_ARC: "generated"}
    for name in (*DATASETS, *bundles_here(folder)):
        if name in states:
            continue
        if name in DATASETS and DATASETS[name].fetched_as and find_folder(DATASETS[name], folder) is None:
            states[name] = f"not here; arc-affinity data fetch {DATASETS[name].fetched_as}"
            continue
        try:
            tasks = load_tasks(name, folder)
            states[name] = f"{len(tasks)} tasks, edition {describe_edition(edition_of(tasks))}"
        except ArcAffinityError as error:
            states[name] = str(error)
    return states


def _machine() -> dict[str, str]:
    """System, processor and GPU as torch sees them."""
    import torch

    from arc_affinity.processes import cores
    from arc_affinity.training.hardware import computes_bfloat16

    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    fast = "yes" if computes_bfloat16(torch.device("cuda" if gpus else "cpu")) else "no"
    return {
        "system": platform.platform(),
        "cores": str(cores()),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "GPU": ", ".join(gpus) or "none",
        "bfloat16 is fast": fast,
    }


def _weights() -> dict[str, str]:
    """Whether each bundled model, and the classifier of grids, can be read and is what was bundled."""
    from arc_affinity.models.pair_transformer.storage import find_solver
    from arc_affinity.models.storage.folders import find_model
    from arc_affinity.models.storage.names import bundled_models, bundled_solvers
    from arc_affinity.taxonomy.by_grids.classifier import WEIGHTS, load

    readers: dict[str, Any] = {
        **dict.fromkeys(bundled_models(), find_model),
        **dict.fromkeys(bundled_solvers(), find_solver),
        "classifier of grids": lambda _: load(Path(WEIGHTS)),
    }
    states = {}
    for name, read in readers.items():
        try:
            read(name)
            states[name] = INTACT
        except ArcAffinityError as error:
            states[name] = str(error)
    return states
