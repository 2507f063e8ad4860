"""Training from scratch: a recipe, a run folder, Lightning in between; the same command again resumes."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher

from arc_affinity.data import splits
from arc_affinity.data.batching.datamodule import Feeding, StoreDataModule
from arc_affinity.data.batching.sampling import BatchRules, fewest_batches, smaller
from arc_affinity.data.generation import rearc
from arc_affinity.data.generation.generate import OnTask, generate_store
from arc_affinity.data.own_examples import copy_apart, copy_examples, split_examples
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.documents import shown
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.models.storage.folders import (
    find_model,
    forget_pad_weight,
    model_of_checkpoint,
    read_checkpoint,
    save_model,
)
from arc_affinity.processes import cores
from arc_affinity.training.hardware import Machine, precision, room
from arc_affinity.training.pretraining.module import GridModule
from arc_affinity.training.pretraining.run_folder import (
    BEST,
    DATA,
    LAST,
    METRICS,
    MODEL,
    PROCESSES,
    Checkpoints,
    MetricsFile,
    WholeCheckpoints,
    unless_begun,
)
from arc_affinity.training.recipes.files import RECIPE, read_recipe, where_moved, with_whole_paths
from arc_affinity.training.recipes.recipe import OF_THE_DATA, Recipe, UntrainableError

logger = logging.getLogger(__name__)

ONE = Machine()
"""One process, as many threads as torch takes."""

Spread = Callable[[int], Machine]
"""Gives the machine for a number of processes."""


@dataclass(frozen=True)
class Outcome:
    """What a run ended with: the folder of its best model, and the last figures it logged.

    ``was_over`` says that it had ended before, so that nothing was left to do.
    """

    model: Path
    metrics: dict[str, float]
    was_over: bool = False


def quiet_lightning() -> None:
    """Keep Lightning's hints, about products and settings that were chosen on purpose, off the screen from now on."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    on_task: OnTask | None = None,
    progress: bool = True,
    machine: Machine = ONE,
    spread: Spread | None = None,
    data_dir: Path | None = None,
) -> Outcome:
    """Train a model by ``recipe`` in the folder ``out``, and save it as ``out/model``.

    The recipe saved there has whole paths, so that the run can be used from any working directory.

    Args:
        recipe: everything the run depends on.
        out: folder of the run: recipe, data, metrics, checkpoints, model.
        resume: go on from the last checkpoint in ``out``, if there is one, to the numbers of an unbroken run.
        callbacks: Lightning callbacks (progress display and the like).
        on_task: told of each task whose examples were generated.
        progress: whether Lightning may show its own progress bar.
        machine: how to spread the work (see `hardware.find_machine`). With several processes this very script is
            started again for each. A run that goes on with another number of them ends with other weights, and says so.
        spread: the machine for another number of processes, where that of ``machine`` was not asked for: as many as the
            run had that goes on, and no more than there are batches for.
        data_dir: folder with the datasets that are not installed, of which the recipe's may be some.

    Raises:
        UntrainableError: ``start`` has other parts than the recipe's model, or the loss is no number any more.
        ArcAffinityError: there are no such examples, or none as small as the curriculum asks for, or too few for so
            many processes; the machine cannot do it; another process is at work in ``out``; it holds another run, other
            files or a damaged checkpoint, or cannot be written.
        KeyboardInterrupt: the run was interrupted (Ctrl-C or SIGTERM).
    """
    machine.check()
    if recipe.start and not (out / LAST).exists():
        # Told before the examples are made, which takes longer.
        _new_model(recipe)
    given, recipe = recipe, with_whole_paths(recipe)
    # The processes that train beside the first one are started by it, and work in its name.
    with working_in(out) if _environment().local_rank() == 0 else contextlib.nullcontext():
        _settle(recipe, out, resume=resume)
        start, had = _read_start(recipe, out / LAST) if resume else (0, 0)
        if start >= recipe.steps:
            _save_best(out)
            return Outcome(out / MODEL, {}, was_over=True)
        with unless_begun(out, RECIPE):
            train_store, validation_store = prepare_stores(given, out / DATA, on_task, cores(), data_dir)
        stages = _stages(recipe, train_store)
        # Of a run that began before checkpoints told it nobody knows, and it goes on as it is asked to.
        machine = machine if start and not had else _settled(recipe, machine, spread, stages, had)
        seed_everything(recipe.seed, verbose=False)
        # A checkpoint's weights take the place of those of ``start``, which may be gone by now.
        module = GridModule(EncoderDecoder(recipe.model) if start else _new_model(given), recipe)
        trainer = make_trainer(recipe, out, callbacks, start, progress=progress, machine=machine)
        examples = StoreDataModule(train_store, validation_store, feeding(recipe, machine))
        restoring = _restoring(trainer, out / LAST, start) if start else contextlib.nullcontext()
        with _interrupts_raised(trainer), restoring, computing_in(machine.threads):
            trainer.fit(module, datamodule=examples, ckpt_path=out / LAST if start else None, weights_only=True)
        if trainer.is_global_zero:
            _save_best(out)
        return Outcome(out / MODEL, {name: float(value) for name, value in trainer.callback_metrics.items()})


def _stages(recipe: Recipe, store: ExampleStore) -> list[ExampleStore]:
    """Return the examples of each stage of the curriculum, and all of them; what lacks would be found after hours.

    Raises:
        ArcAffinityError: a stage has none.
    """
    stages = [store]
    for cells, validations in recipe.curriculum:
        try:
            stages.append(smaller(store, cells))
        except ArcAffinityError as error:
            told = f"curriculum: nothing for its stage of {cells} tokens for {validations} validations, as {error}"
            raise ArcAffinityError(f"{told}; name other stages, or none (--no-curriculum)") from error
    return stages


def _settled(
    recipe: Recipe, machine: Machine, spread: Spread | None, stages: Sequence[ExampleStore], had: int
) -> Machine:
    """Return the machine for a run that begins, or goes on from ``had`` processes.

    Raises:
        ArcAffinityError: so many processes were asked for that some pass of a stage may have too few batches.
    """
    if spread and 0 < had <= room():
        machine = spread(had)
    elif spread and (most := _most_processes(recipe, stages, machine.processes)) < machine.processes:
        machine = spread(most)
    if had not in (0, machine.processes) and _environment().local_rank() == 0:
        logger.warning(
            "the run had %d processes and goes on in %d, so it ends with other numbers; --processes %d keeps to them",
            had, machine.processes, had,
        )  # fmt: skip
    if (most := _most_processes(recipe, stages, machine.processes)) < machine.processes:
        raise ArcAffinityError(
            f"so few examples may make too few batches for {machine.processes} processes in some pass; ask for {most} "
            "(--processes)"
        )
    return machine


def _most_processes(recipe: Recipe, stages: Sequence[ExampleStore], wanted: int) -> int:
    """Return how many processes, ``wanted`` at most, have a batch each in every pass of every stage."""
    for processes in range(wanted, 1, -1):
        rules = feeding(recipe, Machine(processes)).rules
        if all(fewest_batches(stage.sizes, rules) >= processes for stage in stages):
            return processes
    return 1


def _save_best(out: Path) -> None:
    save_model(model_of_checkpoint(read_checkpoint(out / BEST), str(out / BEST)), out / MODEL)


def _new_model(recipe: Recipe) -> EncoderDecoder:
    """Return the model to train: a fresh one, or the recipe's ``start``."""
    if not recipe.start:
        return EncoderDecoder(recipe.model)
    model = find_model(recipe.start).model
    if model.config != recipe.model:
        raise UntrainableError(f"{recipe.start} has other parts than the recipe's model: {model.config}")
    forget_pad_weight(model, 1 / recipe.pad_weight)
    return model.train()


WORTH_PROCESSES = 200
"""Fewer examples are made sooner than the processes start that would make them."""


def prepare_stores(
    recipe: Recipe,
    folder: Path,
    on_task: OnTask | None = None,
    workers: int = 2,
    data_dir: Path | None = None,
) -> tuple[ExampleStore, ExampleStore]:
    """Make the recipe's training and validation examples in ``folder``, or open them; none is on both sides.

    Raises:
        ArcAffinityError: there are no such examples, too few, or some on both sides; a store cannot be written or read.
    """
    if recipe.examples and recipe.validate_on:
        return copy_apart(recipe.examples, recipe.validate_on, folder, data_dir)
    if recipe.examples:
        return split_examples(recipe.examples, recipe.validation_per_task, folder, data_dir)
    places = folder / "train", folder / "validation"

    def generate(place: Path, per_task: int, seed: int, exclude: ExampleStore | None) -> ExampleStore:
        tasks = TASK_SETS[recipe.tasks]()
        some = workers if len(tasks) * per_task > WORTH_PROCESSES else 1
        # Examples to validate by that were given may be of generated tasks, whatever they are called.
        given = bool(recipe.validate_on)
        return generate_store(place, tasks, per_task, seed, some, exclude, on_task, under_any_id=given)

    if recipe.validate_on:
        # Given ones come first, and what is generated is none of them.
        validation = copy_examples(recipe.validate_on, places[1], data_dir)
        return generate(places[0], recipe.per_task, recipe.data_seed, validation), validation
    training = generate(places[0], recipe.per_task, recipe.data_seed, None)
    return training, generate(places[1], recipe.validation_per_task, recipe.validation_seed, training)


TASK_SETS: dict[str, Callable[[], Sequence[str]]] = {
    "foundational": splits.foundational_tasks,
    "published-train": lambda: splits.published_split().train,
    "all": rearc.task_ids,
}


def feeding(recipe: Recipe, machine: Machine = ONE) -> Feeding:
    """Return how the recipe's examples become batches, each process's share of every batch its own."""
    cells, examples = (max(1, each // machine.processes) for each in (recipe.batch_cells, recipe.batch_examples))
    return Feeding(
        pairs=recipe.model.context_pairs,
        rules=BatchRules(cells, examples, recipe.seed),
        steps=recipe.validate_every,
        policy=recipe.context,
        augment=recipe.augment,
        workers=machine.loaders,
        stages=recipe.curriculum,
    )


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
    environment = _environment()
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


def _environment() -> LightningEnvironment:
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
def _interrupts_raised(trainer: Trainer) -> Iterator[None]:
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
def _restoring(trainer: Trainer, path: Path, step: int) -> Iterator[None]:
    """Say in a line that what Lightning or torch cannot take up again is a damaged checkpoint."""
    restored = _Restored(path, step)
    trainer.callbacks.append(restored)  # type: ignore[attr-defined]  # Lightning sets it where mypy does not look
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if restored.done:
            raise
        raise ArcAffinityError(f"{path} is no whole checkpoint: {shown(str(error))}") from error


def _settle(recipe: Recipe, out: Path, *, resume: bool) -> None:
    """Write the recipe into a new run folder, or make sure that an old one is this recipe's.

    One where no step was saved yet takes any recipe of the same examples.
    """
    path = out / RECIPE
    if not path.exists():
        others = sorted({entry.name for entry in out.iterdir()} - {DATA, LOCK}) if out.is_dir() else []
        if any(not name.startswith(f".{RECIPE}") for name in others):
            raise ArcAffinityError(f"{out} holds {others[0]}, which is not of a run; choose an empty folder")
        write_text(path, json.dumps(recipe.to_dict(), indent=2) + "\n")
        return
    mine, theirs = recipe.flat(), where_moved(with_whole_paths(read_recipe(path)), recipe).flat()
    other = [name for name in mine if mine[name] != theirs[name]]
    if other and ((out / LAST).exists() or not {*OF_THE_DATA}.isdisjoint(other)):
        told = ", ".join(f"{name} was {theirs[name]!r}" for name in other)
        raise ArcAffinityError(f"{out} holds a run of another recipe ({told}); choose another folder")
    if other:
        write_text(path, json.dumps(recipe.to_dict(), indent=2) + "\n")
    if (out / LAST).exists() and not resume:
        raise ArcAffinityError(f"{out} holds a run already; add --resume to go on, or choose another folder")
    for cut_off in (*out.glob(f".{BEST}.*"), *out.glob(f".{LAST}.*")):
        cut_off.unlink()


def _read_start(recipe: Recipe, path: Path) -> tuple[int, int]:
    """Return the step that a checkpoint was saved at, and by how many processes, 0 where it does not say.

    The step is 0, to start anew, where a run never reached one.

    Raises:
        ArcAffinityError: the checkpoint is damaged, or of another run.
    """
    if not path.exists():
        return 0, 0
    content = read_checkpoint(path)
    saved = content.get("recipe")
    whole = with_whole_paths(Recipe.from_saved(saved, str(path))) if isinstance(saved, dict) else None
    if whole is None or where_moved(whole, recipe) != recipe:
        raise ArcAffinityError(f"{path} is not a checkpoint of this run")
    step = content.get("global_step")
    if type(step) is not int or step < 0:
        raise ArcAffinityError(f"{path} is no whole checkpoint: its step is {shown(step)}")
    processes = content.get(PROCESSES, 0)
    if type(processes) is not int or processes < 0:
        raise ArcAffinityError(f"{path} is no whole checkpoint: its processes are {shown(processes)}")
    return step, processes
