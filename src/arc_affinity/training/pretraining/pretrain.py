"""Training from scratch: a recipe, a run folder, Lightning in between; the same command again resumes."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lightning.pytorch import Callback, seed_everything

from arc_affinity.data.batching.datamodule import Feeding, StoreDataModule
from arc_affinity.data.batching.sampling import BatchRules, fewest_batches, smaller
from arc_affinity.data.generation.generate import OnTask
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
from arc_affinity.training.hardware import Machine, room
from arc_affinity.training.pretraining.module import GridModule
from arc_affinity.training.pretraining.run_folder import (
    BEST,
    DATA,
    LAST,
    METRICS,
    MODEL,
    PROCESSES,
    last_figures,
    unless_begun,
)
from arc_affinity.training.pretraining.stores import prepare_stores
from arc_affinity.training.pretraining.trainer import ONE, interrupts_raised, make_trainer, restoring, run_environment
from arc_affinity.training.recipes.files import RECIPE, read_recipe, where_moved, with_whole_paths
from arc_affinity.training.recipes.recipe import OF_THE_DATA, Recipe, UntrainableError

logger = logging.getLogger(__name__)

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
    workers: int | None = None,
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
        workers: processes that generate the examples, if there are many; one a core unless given. With one, it is done
            in this process.

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
    with working_in(out) if run_environment().local_rank() == 0 else contextlib.nullcontext():
        _settle(recipe, out, resume=resume)
        start, had = _read_start(recipe, out / LAST) if resume else (0, 0)
        if start >= recipe.steps:
            _save_best(out)
            return Outcome(out / MODEL, last_figures(out / METRICS), was_over=True)
        with unless_begun(out, RECIPE):
            making = cores() if workers is None else workers
            train_store, validation_store = prepare_stores(given, out / DATA, on_task, making, data_dir)
        stages = _stages(recipe, train_store)
        # Of a run that began before checkpoints told it nobody knows, and it goes on as it is asked to.
        machine = machine if start and not had else _settled(recipe, machine, spread, stages, had)
        seed_everything(recipe.seed, verbose=False)
        # A checkpoint's weights take the place of those of ``start``, which may be gone by now.
        module = GridModule(EncoderDecoder(recipe.model) if start else _new_model(given), recipe)
        trainer = make_trainer(recipe, out, callbacks, start, progress=progress, machine=machine)
        examples = StoreDataModule(train_store, validation_store, feeding(recipe, machine))
        restored = restoring(trainer, out / LAST, start) if start else contextlib.nullcontext()
        with interrupts_raised(trainer), restored, computing_in(machine.threads):
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
    if had not in (0, machine.processes) and run_environment().local_rank() == 0:
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


DROPOUTS = ("encoder_dropout", "decoder_dropout")
"""Fields of a model that no weights depend on."""


def _new_model(recipe: Recipe) -> EncoderDecoder:
    """Return the model to train: a fresh one, or the recipe's ``start``."""
    if not recipe.start:
        return EncoderDecoder(recipe.model)
    model = find_model(recipe.start).model
    there, wanted = asdict(model.config), asdict(recipe.model)
    other = [name for name in there if there[name] != wanted[name]]
    if told := [f"{name} {there[name]!r}, here {wanted[name]!r}" for name in other if name not in DROPOUTS]:
        raise UntrainableError(f"{recipe.start} has other parts than the recipe's model: {'; '.join(told)}")
    if other:
        weights, model = model.state_dict(), EncoderDecoder(recipe.model)
        model.load_state_dict(weights)
    forget_pad_weight(model, 1 / recipe.pad_weight)
    return model.train()


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
