"""What a training run keeps in its folder: metrics and checkpoints, each whole at any moment."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from arc_affinity.errors import ArcAffinityError, os_errors
from arc_affinity.files import write_bytes, write_text
from arc_affinity.locks import LOCK
from arc_affinity.training.recipes.recipe import UntrainableError

DATA, METRICS, MODEL = "data", "metrics.csv", "model"
MEASURE = "nats a token"
"""What the validation loss is."""

BEST, LAST = "best.ckpt", "last.ckpt"
"""What lies in the folder of a run, besides its recipe."""

PROCESSES = "processes"
"""Entry of a checkpoint: how many trained side by side."""

COLUMNS = ("step", "train/loss", "val/loss", "val/exact", "val/cell_teacher_forced")
"""Columns of the metrics; ``step`` counts the optimiser steps behind a row."""


@contextlib.contextmanager
def unless_begun(run: Path, claim: str) -> Iterator[None]:
    """Free the folder of a run whose examples are not to be found: remove the file that claims it, if all is as it was.

    Nothing of a run that went on from an earlier one is removed: its examples were there.
    """
    try:
        yield
    except ArcAffinityError:
        if {path.name for path in run.iterdir()} <= {claim, DATA, LOCK} and not any((run / DATA).glob("*")):
            (run / claim).unlink(missing_ok=True)
        raise


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint aside and renames it, so that a kill or a full disk leaves the one before.

    Lightning's own writing goes by way of the folder for temporary files, from which a file cannot be renamed
    where that is another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Write ``checkpoint`` to ``path`` in one step.

        Raises:
            ArcAffinityError: it cannot be written; a checkpoint already there is untouched.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(Path(path), content.getvalue())


class Checkpoints(Checkpoint):
    """Saves ``last.ckpt`` at every validation, and before it ``best.ckpt`` if ``val/loss`` was never lower.

    Unlike Lightning's ModelCheckpoint, which saves the last state only where it is the best as well, and forgets
    the best loss when the folder is moved. Where the loss is no number nothing is saved, and the run ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best: float | None = None

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Have the end of training validated and saved, even where the last stretch is a short one."""
        if trainer.global_step >= trainer.max_steps:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save, by the loss that the first process found.

        Raises:
            UntrainableError: in the first process: it is not finite.
        """
        loss = float(trainer.strategy.broadcast(trainer.callback_metrics["val/loss"]))
        # The first process tells it, and ends the others.
        if not math.isfinite(loss) and trainer.is_global_zero:
            raise UntrainableError(f"the loss is {loss} at step {trainer.global_step}")
        if self.best is None or loss < self.best:
            self.best = loss
            trainer.save_checkpoint(self.folder / BEST)
        trainer.save_checkpoint(self.folder / LAST)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the number of processes: in another the run would go on to other numbers."""
        checkpoint[PROCESSES] = trainer.world_size

    def state_dict(self) -> dict[str, Any]:
        """Return the lowest loss so far."""
        return {"best": self.best, "of": MEASURE}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the lowest loss up again, if it is of the same measure: earlier versions weighed batches by examples."""
        self.best = state_dict["best"] if state_dict.get("of") == MEASURE else None


def last_figures(path: Path) -> dict[str, float]:
    """Return the last figure of each kind in the metrics of a run; none where their file is gone.

    Raises:
        ArcAffinityError: the file cannot be read, or holds something else.
    """
    if not path.exists():
        return {}
    found: dict[str, float] = {}
    try:
        with os_errors(f"cannot read {path}"), path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                # A row has the figures of its step alone.
                found |= {name: float(row[name]) for name in COLUMNS[1:] if row.get(name)}
    except (ValueError, csv.Error) as error:
        raise ArcAffinityError(f"{path} holds something else than metrics: {error}") from error
    return found


class MetricsFile(Logger):
    """Metrics as a CSV file that a resumed run goes on with.

    Every row is on disk as soon as it is known; those after the checkpoint that a run resumes from are dropped, as
    they will come again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "metrics"

    @property
    def version(self) -> str:
        """Lightning asks for one."""
        return ""

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Keep the rows up to ``step``, of a file that may be missing or end in half a row.

        Raises:
            ArcAffinityError: the file cannot be written.
        """
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        rows = text.split("\n")[1:-1]
        numbers = [row.partition(",")[0] for row in rows]
        kept = [row for row, number in zip(rows, numbers, strict=True) if number.isdigit() and int(number) <= step]
        write_text(self.path, "\n".join([",".join(COLUMNS), *kept, ""]))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a row for ``step``, which Lightning counts from 0.

        Raises:
            ArcAffinityError: the file cannot be written.
            ValueError: a metric has no column.
        """
        assert step is not None
        row = {name: value for name, value in metrics.items() if name != "epoch"}
        with os_errors(f"cannot write {self.path}"), self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow({"step": step + 1, **row})

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Lightning offers them; the recipe lies beside the metrics already."""
