"""One training of a search, and whether its settings are at fault where it fails."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.processes import WorkersLostError
from arc_affinity.training.executors import ClusterLostError
from arc_affinity.training.recipes.recipe import Recipe, UntrainableError

LOSS = "val/loss"

OUT_OF_MEMORY = re.compile("out of memory|can't allocate memory|ALLOC_FAILED")
"""What torch says of it: CUDA's allocator, the CPU's, and cuBLAS."""


@dataclass(frozen=True)
class Trial:
    """A training that ended: its number, settings, and lowest validation loss in nats a token (None if it failed)."""

    number: int
    settings: Mapping[str, Any]
    loss: float | None
    why: str = ""


def train_trial(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
    """Train in ``folder`` on the examples in ``shared``; return the lowest validation loss, in nats a token.

    It takes its share of a machine on which so many trials run ``at_a_time``.
    """
    from arc_affinity.training.hardware import find_machine
    from arc_affinity.training.pretraining.pretrain import train
    from arc_affinity.training.pretraining.run_folder import DATA, METRICS
    from arc_affinity.training.pretraining.trainer import quiet_lightning

    # A worker process has not heard it yet.
    quiet_lightning()
    # A trial that was cut off begins anew: it is short.
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(shared / DATA, folder / DATA, copy_function=os.link)
    machine = find_machine(recipe.batch_cells, processes=1, at_a_time=at_a_time)
    train(recipe, folder, progress=False, machine=machine)
    with (folder / METRICS).open(encoding="utf-8", newline="") as file:
        return min(float(row[LOSS]) for row in csv.DictReader(file) if row[LOSS])


def of_a_killing(error: BaseException) -> bool:
    """Return whether a worker process was killed amid its work; a cluster that is gone says nothing of it."""
    if isinstance(error, WorkersLostError):
        return not isinstance(error, ClusterLostError)
    # Dask's word for work that ended several of its workers; Dask need not be installed.
    return type(error).__name__ == "KilledWorker"


def of_the_settings(error: BaseException) -> bool:
    """Return whether a trial's own settings are at fault, which would fail again: no loss, or too much memory.

    What lies in its surroundings (a full disk, a lost cluster) says nothing of them.
    """
    # In torch memory runs out under several names; its OutOfMemoryError is a RuntimeError too.
    short = isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error)) is not None
    return short or isinstance(error, UntrainableError | MemoryError)
