"""Lightning's Trainer as runs need it: its processes and loggers, interrupts that are heard, whole checkpoints."""

from __future__ import annotations

import contextlib
import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher

from arc_affinity.documents import shown
from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.hardware import Machine, precision
from arc_affinity.training.pretraining.run_folder import (
    METRICS,
    Checkpoints,
    MetricsFile,
    WholeCheckpoints,
)
from arc_affinity.training.recipes.recipe import Recipe

ONE = Machine()
"""One process, as many threads as torch takes."""


def quiet_lightning() -> None:
    """Keep Lightning's hints, about products and settings that were chosen on purpose, off the screen from now on."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def make_trainer(
    recipe: Recipe,
    out: Path,
    callbacks: Sequence[Callback],
    start: int,
    *,
    progress: bool,
    machine: Machine = ONE,
) -> Trainer:
    """Return the Trainer of a run that starts at step ``start``.

    Its "epoch" is the stretch between two validations (see `BatchStream`).

    Raises:
        ArcAffinityError: it would train in another number of processes than ``machine`` says.
    """
    environment = run_environment()
    gpus = torch.cuda.device_count()
    averaging = [EMAWeightAveraging(decay=recipe.ema_decay)] if recipe.ema_decay else []
    trainer = Trainer(
        accelerator="cuda" if gpus else "cpu",
        devices=machine.processes,
        # Some published tensors take no part in the loss, so their gradients never arrive.
        strategy="ddp_find_unused_parameters_true" if machine.processes > 1 else "auto",
        precision=precision(recipe.precision, torch.device("cuda" if gpus else "cpu")),
        max_steps=recipe.steps,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        gradient_clip_val=recipe.gradient_clip or None,
        log_every_n_steps=10,
        logger=_loggers(out, start),
        callbacks=[*averaging, *callbacks, _EndTogether(), Checkpoints(out)],
        plugins=[WholeCheckpoints(), environment],
        enable_progress_bar=progress,
        enable_model_summary=False,
        default_root_dir=out,
    )
    if trainer.world_size != machine.processes:
        # Each would train on its share of a batch, and nobody on the rest.
        raise ArcAffinityError(f"processes is {machine.processes}, but Lightning counts {trainer.world_size}")
    return trainer


def run_environment() -> LightningEnvironment:
    """Return the processes of a run, which the first of them starts.

    Lightning would take those that Slurm or another launcher started for them, which may each be at a run of its own:
    it would share batches out among them, and leave the metrics to the first.
    """
    environment = LightningEnvironment()
    environment.set_global_rank(environment.local_rank())
    return environment


def _loggers(out: Path, start: int) -> list[Logger]:
    """Return the loggers, rid of what a broken run logged after step ``start``."""
    metrics = MetricsFile(out / METRICS)
    metrics.rewind(start)
    loggers: list[Logger] = [metrics]
    if find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(out, name="", version="tensorboard", purge_step=start))
    return loggers


class _EndTogether(Callback):
    """Ends the other processes before this one fails, lest they complain of their lost connection."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End them."""
        launcher = trainer.strategy.launcher
        if isinstance(launcher, _SubprocessScriptLauncher):
            # Lightning watches this list, and kills this process too when it sees one of them end.
            others, launcher.procs[:] = tuple(launcher.procs), ()
            for process in others:
                process.kill()


@contextlib.contextmanager
def interrupts_raised(trainer: Trainer) -> Iterator[None]:
    """Raise KeyboardInterrupt (silently leave a helping process), where Lightning exits and turns Ctrl-C off."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        signal.signal(signal.SIGINT, handler)
        if not trainer.is_global_zero:
            raise
        raise KeyboardInterrupt from error


class _Restored(Callback):
    """Makes sure that all of a checkpoint was taken up: Lightning and torch pass over what is missing."""

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.step, self.done = path, step, False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare steps, and the shapes of the optimiser's running means with those of the weights."""
        self.done = True
        steps = {trainer.global_step, *(config.scheduler.last_epoch for config in trainer.lr_scheduler_configs)}
        states = [state for optimiser in trainer.optimizers for state in optimiser.state.items()]
        # A tensor without axes counts steps.
        fit = all(
            bool(mean.isfinite().all()) and mean.shape in (weights.shape, ())
            for weights, state in states
            for mean in state.values()
            if isinstance(mean, torch.Tensor)
        )
        if steps != {self.step} or not states or not fit:
            raise ArcAffinityError(f"{self.path} is no whole checkpoint: its optimiser's state does not fit")


@contextlib.contextmanager
def restoring(trainer: Trainer, path: Path, step: int) -> Iterator[None]:
    """Say in a line that what Lightning or torch cannot take up again is a damaged checkpoint."""
    restored = _Restored(path, step)
    trainer.callbacks.append(restored)  # type: ignore[attr-defined]  # Lightning sets it where mypy does not look
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if restored.done:
            raise
        raise ArcAffinityError(f"{path} is no whole checkpoint: {shown(str(error))}") from error
