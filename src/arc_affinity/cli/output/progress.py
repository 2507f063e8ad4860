"""Progress on the terminal: generation by task, training by step with examples a second and time left."""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arc_affinity.cli.output.bars import Lines
from arc_affinity.training.recipes.recipe import Recipe


class TaskBar:
    """Counts tasks as their examples are ready; off a terminal a line every half minute."""

    def __init__(self, console: Console) -> None:
        self.console, self.tasks = console, 0
        self.lines = Lines(console)

    def advance(self, _task: str, _rejections: Counter[str]) -> None:
        """Note one task."""
        self.tasks += 1
        words = f"examples of {self.tasks} tasks ready"
        if self.console.is_terminal:
            self.console.print(words, end="\r", highlight=False)
        self.lines.tell(words)


class ExampleRate(Callback):
    """A bar of steps on a terminal; elsewhere a line a validation and every half minute, for logs."""

    def __init__(self, console: Console, recipe: Recipe) -> None:
        self.console, self.recipe = console, recipe
        self.lines = Lines(console)
        self.leads = False
        self.examples, self.begun = 0, 0.0
        self.bar: Progress | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and the bar where somebody watches."""
        self.leads = trainer.is_global_zero
        self.begun = time.monotonic()
        if self.leads and self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=self.console)
            self.bar.add_task(self.recipe.name, total=self.recipe.steps, completed=trainer.global_step)
            self.bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the examples of all processes, as if each had a batch like this one's."""
        self.examples += len(batch) * trainer.world_size
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=trainer.global_step, description=self._rate())
        elif self.leads:
            self.lines.tell(f"step {trainer.global_step}/{self.recipe.steps} {self._rate()}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how far training is."""
        if not self.leads:
            return
        figures = " ".join(f"{k} {float(v):.4f}" for k, v in sorted(trainer.callback_metrics.items()))
        self.console.print(
            f"step {trainer.global_step}/{self.recipe.steps} {self._rate()} {figures}",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bar down."""
        if self.bar is not None:
            self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Take the bar down before an error is told."""
        if self.bar is not None:
            self.bar.stop()

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self.begun, 1e-9)
        return f"{self.recipe.name} {self.examples / seconds:.1f} examples/s"


def quiet_lightning() -> None:
    """Keep hints about products and about settings chosen on purpose off the screen."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
