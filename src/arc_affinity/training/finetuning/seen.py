"""What a model was trained on, by its own recipe: test inputs that it has seen would be no test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from arc_affinity.data.datasets.registry import DATASETS, KAGGLE, RE_ARC, RE_ARC_PAIRS, RE_ARC_SEED, files_of, store_at
from arc_affinity.data.generation import rearc
from arc_affinity.data.generation.generate import JSON_MANIFEST, read_manifest
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.storage.folders import LoadedModel, base_of, find_model, read_checkpoint
from arc_affinity.models.storage.names import RUN_MODEL, ZOO
from arc_affinity.training.finetuning.reading import read_dataset
from arc_affinity.training.pretraining.stores import TASK_SETS
from arc_affinity.training.recipes.files import RECIPE, read_recipe
from arc_affinity.training.recipes.recipe import RECIPES, Recipe
from arc_affinity.types import Grid, Task

BUNDLED = {"champion": 402, "rotary": 402}
"""Examples of each task that bundled weights had seen in the end, two to validate among them: `runs/longer.sh` went on
with more than their recipes say (model cards)."""


@dataclass(frozen=True)
class Seen:
    """Examples that a model was trained on, or that chose its weights: those that a source holds, or re-arc's.

    ``source`` is the path of a store or of task files, all inputs of ``tasks`` in which were seen. Where it is "", the
    examples are re-arc's first ``per_task`` of each of ``tasks`` by ``data_seed``, and ``validation`` are how many
    others of each, and their seed, by which the weights were chosen.
    """

    tasks: frozenset[str]
    per_task: int
    data_seed: int
    validation: tuple[int, int] = (0, 0)
    source: str = ""


def examples_seen(loaded: LoadedModel) -> list[Seen]:
    """Return the training examples of a model and of those that it started from, as far as recipes tell.

    Raises:
        ArcAffinityError: a recipe is damaged, or names a start or examples that are not where they were.
    """
    return [seen for model, recipe in _lineage(loaded) if recipe is not None for seen in _of_recipe(model, recipe)]


def without_recipe(loaded: LoadedModel) -> str | None:
    """Return the name of the model, this one or one that it started from, of whose training nothing is known.

    Copies of a model's folder and merged models are such. None where all is known.

    Raises:
        ArcAffinityError: as `examples_seen`.
    """
    return next((model.name for model, recipe in _lineage(loaded) if recipe is None), None)


def tasks_seen(
    loaded: LoadedModel, dataset: str, tasks: Iterable[str], inputs: Callable[[str], Iterable[Grid]]
) -> frozenset[str]:
    """Return those of the ``tasks`` of a dataset some of whose ``inputs`` a model was trained on, as far as known.

    What re-arc's generators made is told by its seed. Of what was made without the inputs of another store nothing is
    told by it, since that may have left out what the model has seen.

    Raises:
        ArcAffinityError: as `examples_seen`, or the dataset is damaged.
    """
    if dataset != RE_ARC and dataset in (*DATASETS, *KAGGLE):
        # Of a dataset all is trained on, tests too; what else holds some of it is not looked for.
        named = {name for _, recipe in _lineage(loaded) if recipe for name in (recipe.examples, recipe.validate_on)}
        return frozenset(tasks) if dataset in named else frozenset()
    found, made = examples_seen(loaded), _generated_as(dataset)
    alike = {task for each in found if not each.source and _covers(each, made) for task in each.tasks}
    sources = [each for each in found if each.source]

    def held(task: str) -> bool:
        holding = [read_dataset(each.source).input_keys(task) for each in sources if task in each.tasks]
        return bool(holding) and not frozenset[bytes]().union(*holding).isdisjoint(map(rearc.input_key, inputs(task)))

    return frozenset(task for task in tasks if task in alike or held(task))


def note_of_seen(
    loaded: LoadedModel, dataset: str, chosen: Sequence[str], source: ExampleStore | Sequence[Task]
) -> str:
    """Return a line on how many of the ``chosen`` tasks are asked by examples that a model was trained on.

    Asked are all examples of a store, and the tests of a dataset's tasks. "" where none is known to be of these.
    """
    try:
        seen = tasks_seen(loaded, dataset, chosen, _inputs_asked(source))
    except ArcAffinityError as error:
        return f"{error}, so that it may have seen what is asked here"
    if not seen:
        return ""
    return (
        f"{loaded.name} was trained on examples that are asked here, of {len(seen):,} of {len(chosen):,} tasks; how it "
        "answers them says nothing of others"
    )


def _inputs_asked(source: ExampleStore | Sequence[Task]) -> Callable[[str], Iterable[Grid]]:
    """What gives the inputs that are asked of a task."""
    if isinstance(source, ExampleStore):
        return lambda task_id: (source.pair(i).input for i in source.indices(task_id))
    tests = {task.id: task.test for task in source}
    return lambda task_id: (pair.input for pair in tests[task_id])


def _generated_as(dataset: str) -> tuple[object, int] | None:
    """The seed of what re-arc's generators made, and which example of its task is the first one asked, from 1."""
    if dataset == RE_ARC:
        return RE_ARC_SEED, RE_ARC_PAIRS
    store, beside = store_at(dataset), Path(dataset) / JSON_MANIFEST
    if store is not None:
        made, first = store.manifest if store.of_rearc else {}, 1
    else:
        made = read_manifest(beside) if beside.is_file() else {}
        # The last one of each task is its test.
        first = made.get("per_task", 0)
    return (made["seed"], first) if "seed" in made and made.get("excluded") is None else None


def _covers(seen: Seen, made: tuple[object, int] | None) -> bool:
    return made is not None and seen.data_seed == made[0] and seen.per_task >= made[1]


def _lineage(loaded: LoadedModel) -> Iterator[tuple[LoadedModel, Recipe | None]]:
    """Yield a model and those that it started from, each with its recipe; an adapter's base stands for it."""
    model = loaded if loaded.adapter is None else find_model(base_of(loaded.source))
    passed = set[Path]()
    # A run that was made anew from what it had started may be its own beginning.
    while model.source not in passed:
        passed.add(model.source)
        recipe = recipe_of(model)
        yield model, recipe
        if recipe is None or not recipe.start:
            return
        try:
            model = find_model(recipe.start)
        except ArcAffinityError as error:
            raise ArcAffinityError(f"{model.name} went on from another model: {error}") from error


def _of_recipe(loaded: LoadedModel, recipe: Recipe) -> list[Seen]:
    named = [_of_source(loaded.name, name) for name in (recipe.examples, recipe.validate_on) if name]
    return [*([] if recipe.examples else [_generated(loaded, recipe)]), *(seen for seen in named if seen is not None)]


def _generated(loaded: LoadedModel, recipe: Recipe) -> Seen:
    per_task, validation = recipe.per_task, (recipe.validation_per_task, recipe.validation_seed)
    if loaded.source == ZOO / loaded.name:
        per_task = max(per_task, BUNDLED.get(loaded.name, 0))
    if recipe.validate_on:
        # None of these is among what was generated, under whichever id, so that at most as many later ones are.
        validation = (0, 0)
        per_task += _number_of_pairs(recipe.validate_on)
    return Seen(frozenset(TASK_SETS[recipe.tasks]()), per_task, recipe.data_seed, validation)


def _number_of_pairs(name: str) -> int:
    if name in (*DATASETS, *KAGGLE) or not _is_there(name):
        return RE_ARC_PAIRS if name == RE_ARC else 0
    read = read_dataset(name)
    return sum(len(read.pairs(task)) for task in read.ids)


def _of_source(model: str, name: str) -> Seen | None:
    """What a store, a file or a folder of examples holds; None of a dataset that no generator made.

    Raises:
        ArcAffinityError: nothing is there any more.
    """
    if name == RE_ARC:
        return Seen(frozenset(rearc.task_ids()), RE_ARC_PAIRS, RE_ARC_SEED)
    if name in (*DATASETS, *KAGGLE):
        return None
    if not _is_there(name):
        raise ArcAffinityError(f"{model} was trained or validated on {name}, where nothing is any more")
    return Seen(frozenset(read_dataset(name).ids), 0, 0, source=name)


def _is_there(name: str) -> bool:
    return any(path.exists() for path in files_of(name))


def recipe_of(loaded: LoadedModel) -> Recipe | None:
    """Return the recipe that a model was trained by: of its name, its run's folder or its checkpoint.

    Raises:
        ArcAffinityError: it is damaged.
    """
    if loaded.source == ZOO / loaded.name:
        return RECIPES.get(loaded.name)
    if loaded.source.is_file():
        return Recipe.from_saved(read_checkpoint(loaded.source)["recipe"], str(loaded.source))
    beside = loaded.source.resolve().parent / RECIPE
    return read_recipe(beside) if loaded.source.resolve().name == RUN_MODEL and beside.is_file() else None
