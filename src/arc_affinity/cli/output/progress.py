"""Progress of training: steps with examples a second and the time left, and the figures of each validation."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console

from arc_affinity.cli.output.bars import Bar
from arc_affinity.training.recipes.recipe import Recipe


class ExampleRate(Callback):
    """A bar of steps on a terminal; elsewhere a line a validation and every half minute, for logs."""

    def __init__(self, console: Console, recipe: Recipe) -> None:
        self.console, self.recipe = console, recipe
        self.leads = False
        self.examples, self.begun = 0, 0.0
        self.bar = Bar(recipe.name, recipe.steps, "steps", console=console)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and the bar in the process that speaks for all."""
        self.leads, self.begun = trainer.is_global_zero, time.monotonic()
        if self.leads:
            self.bar.__enter__()
            self.bar.found(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the examples of all processes, as if each had a batch like this one's."""
        self.examples += len(batch) * trainer.world_size
        if self.leads:
            self.bar.at(trainer.global_step, words=self._rate())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how far training is."""
        if self.leads:
            figures = " ".join(f"{k} {float(v):.4f}" for k, v in sorted(trainer.callback_metrics.items()))
            told = f"step {trainer.global_step}/{self.recipe.steps} {self._rate()} {figures}"
            self.console.print(told, highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bar down."""
        self.bar.__exit__()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Take the bar down before an error is told."""
        self.bar.__exit__()

    def _rate(self) -> str:
        return f"{self.recipe.name} {self.examples / max(time.monotonic() - self.begun, 1e-9):.1f} examples/s"
