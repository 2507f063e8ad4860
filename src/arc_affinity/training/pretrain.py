"""Training from scratch: a recipe, a run folder, Lightning in between; the same command again resumes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from arc_affinity.data import rearc, splits
from arc_affinity.data.datamodule import Feeding, Stage, StoreDataModule
from arc_affinity.data.generate import OnTask, generate_store
from arc_affinity.data.sampling import BatchRules
from arc_affinity.data.store import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_text
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.training.checkpoint import read_checkpoint, save_model
from arc_affinity.training.module import GridModule
from arc_affinity.training.recipes import Recipe

logger = logging.getLogger(__name__)

RECIPE, BEST, LAST, MODEL = "recipe.json", "best.ckpt", "last.ckpt", "model"


@dataclass(frozen=True)
class Outcome:
    """What a run ended with: the folder of its best model, and the last figures it logged."""

    model: Path
    metrics: dict[str, float]


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    on_task: OnTask | None = None,
    progress: bool = True,
) -> Outcome:
    """Train a model by ``recipe`` in the folder ``out``, and save it as ``out/model``.

    Args:
        recipe: everything the run depends on.
        out: folder of the run: recipe, data, metrics, checkpoints, model.
        resume: go on from the last checkpoint in ``out``, to the same numbers as an unbroken run.
        callbacks: Lightning callbacks (progress display and the like).
        on_task: told of each task whose examples were generated.
        progress: whether Lightning may show its own progress bar.

    Raises:
        ArcAffinityError: ``out`` holds another run, or nothing to resume.
    """
    _settle(recipe, out, resume=resume)
    train_store, validation_store = prepare_stores(recipe, out / "data", on_task)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    seed_everything(recipe.seed, verbose=False)
    module = GridModule(EncoderDecoder(recipe.model), recipe)
    best = ModelCheckpoint(
        out, filename="best", monitor="val/loss", save_last=True, enable_version_counter=False
    )
    trainer = make_trainer(recipe, out, [*callbacks, best], progress=progress)
    examples = StoreDataModule(train_store, validation_store, feeding(recipe))
    trainer.fit(module, datamodule=examples, ckpt_path=_checkpoint(out, resume))
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.is_global_zero:
        save_model(_best_model(recipe, out), out / MODEL)
    return Outcome(out / MODEL, {name: float(value) for name, value in trainer.callback_metrics.items()})


def prepare_stores(
    recipe: Recipe, folder: Path, on_task: OnTask | None = None, workers: int = 2
) -> tuple[ExampleStore, ExampleStore]:
    """Generate the recipe's training and validation examples in ``folder``, or open them; inputs never shared."""
    tasks = TASK_SETS[recipe.tasks]()
    training = generate_store(
        folder / "train", tasks, recipe.per_task, recipe.data_seed, workers, on_task=on_task
    )
    validation = generate_store(
        folder / "validation",
        tasks,
        recipe.validation_per_task,
        recipe.validation_seed,
        workers,
        exclude=training,
        on_task=on_task,
    )
    return training, validation


TASK_SETS: dict[str, Callable[[], Sequence[str]]] = {
    "foundational": splits.foundational_tasks,
    "published-train": lambda: splits.published_split().train,
    "all": rearc.task_ids,
}


def feeding(recipe: Recipe) -> Feeding:
    """Return how the recipe's examples become batches."""
    return Feeding(
        pairs=recipe.model.context_pairs,
        rules=BatchRules(recipe.batch_cells, recipe.batch_examples, recipe.seed),
        steps=recipe.validate_every,
        policy=recipe.context,
        stages=tuple(Stage(cells, validations) for cells, validations in recipe.curriculum),
    )


def make_trainer(recipe: Recipe, out: Path, callbacks: Sequence[Callback], *, progress: bool) -> Trainer:
    """Return the Trainer of a run. Its "epoch" is the stretch between two validations (see `BatchStream`)."""
    averaging = [EMAWeightAveraging(decay=recipe.ema_decay)] if recipe.ema_decay else []
    loggers: list[Logger] = [CSVLogger(out, name="", version="metrics", flush_logs_every_n_steps=50)]
    if find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(out, name="", version="tensorboard"))
    spread: dict[str, Any] = {"devices": "auto", "strategy": "auto"}
    if recipe.processes > 1:
        # Some published tensors take no part in the loss, so their gradients never arrive.
        spread = {"devices": recipe.processes, "strategy": "ddp_find_unused_parameters_true"}
    return Trainer(
        accelerator="auto" if torch.cuda.is_available() else "cpu",
        **spread,
        precision=recipe.precision,
        max_steps=recipe.steps,
        limit_val_batches=1.0,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        gradient_clip_val=recipe.gradient_clip or None,
        log_every_n_steps=10,
        logger=loggers,
        callbacks=[*averaging, *callbacks],
        enable_progress_bar=progress,
        enable_model_summary=False,
        default_root_dir=out,
    )


def _settle(recipe: Recipe, out: Path, *, resume: bool) -> None:
    """Write the recipe into a new run folder, or make sure that an old one is this recipe's."""
    path = out / RECIPE
    if not path.exists():
        write_text(path, json.dumps(recipe.to_dict(), indent=2) + "\n")
        return
    before = Recipe.from_dict(json.loads(path.read_text()), str(path))
    if before != recipe:
        mine, theirs = recipe.flat(), before.flat()
        other = ", ".join(f"{name} was {theirs[name]!r}" for name in mine if mine[name] != theirs[name])
        raise ArcAffinityError(f"{out} holds a run of another recipe ({other}); choose another folder")
    if (out / LAST).exists() and not resume:
        raise ArcAffinityError(f"{out} holds a run already; add --resume to go on, or choose another folder")


def _checkpoint(out: Path, resume: bool) -> Path | None:
    """Return the checkpoint to start from; a run that never reached one starts anew."""
    if not resume or not (out / LAST).exists():
        return None
    read_checkpoint(out / LAST)
    return out / LAST


def _best_model(recipe: Recipe, out: Path) -> EncoderDecoder:
    """Return the model of the best checkpoint, with averaged weights where the recipe averages."""
    state = read_checkpoint(out / BEST)["state_dict"]
    model = EncoderDecoder(recipe.model)
    model.load_state_dict({name.removeprefix("model."): value for name, value in state.items()})
    return model
