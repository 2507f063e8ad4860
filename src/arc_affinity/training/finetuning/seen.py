"""What a model was trained on, by its own recipe: test inputs that it has seen would be no test."""

from __future__ import annotations

from dataclasses import dataclass

from arc_affinity.data.datasets.registry import DATASETS, KAGGLE, files_of, store_at
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.storage.folders import LoadedModel, find_model, read_checkpoint
from arc_affinity.models.storage.names import RUN_MODEL, ZOO
from arc_affinity.training.pretraining.pretrain import TASK_SETS
from arc_affinity.training.recipes.files import RECIPE, read_recipe
from arc_affinity.training.recipes.recipe import RECIPES, Recipe

BUNDLED = {"champion": 402, "rotary": 402}
"""Examples of each task that bundled weights had seen in the end, two to validate among them: `runs/longer.sh` went on
with more than their recipes say (model cards)."""


@dataclass(frozen=True)
class Seen:
    """Training examples: re-arc's first ``per_task`` of each of ``tasks`` by ``data_seed``.

    ``validation`` are how many others of each, and their seed, by which the weights were chosen.
    """

    tasks: frozenset[str]
    per_task: int
    data_seed: int
    validation: tuple[int, int] = (0, 0)


def examples_seen(loaded: LoadedModel) -> list[Seen]:
    """Return the training examples of a model and of those that it started from; none where no recipe is at hand.

    Raises:
        ArcAffinityError: its recipe is damaged, or names a start or examples that are not where they were.
    """
    recipe = recipe_of(loaded)
    if recipe is None:
        return []
    own = _of_store(loaded.name, recipe.examples) if recipe.examples else [_generated(loaded, recipe)]
    if recipe.validate_on:
        seed = own[0].data_seed if own else recipe.data_seed
        own += [
            Seen(each.tasks, 0, seed, validation=(each.per_task, each.data_seed))
            for each in _of_store(loaded.name, recipe.validate_on)
        ]
    if not recipe.start:
        return own
    try:
        begun = find_model(recipe.start)
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{loaded.name} went on from another model: {error}") from error
    return [*own, *examples_seen(begun)]


def _generated(loaded: LoadedModel, recipe: Recipe) -> Seen:
    more = BUNDLED.get(loaded.name, 0) if loaded.source == ZOO / loaded.name else 0
    validation = (0, 0) if recipe.validate_on else (recipe.validation_per_task, recipe.validation_seed)
    return Seen(frozenset(TASK_SETS[recipe.tasks]()), max(recipe.per_task, more), recipe.data_seed, validation)


def _of_store(model: str, name: str) -> list[Seen]:
    """What generated examples there are in a store; none in a dataset.

    Raises:
        ArcAffinityError: nothing is there any more.
    """
    if name in (*DATASETS, *KAGGLE):
        return []
    if not any(path.exists() for path in files_of(name)):
        raise ArcAffinityError(f"{model} was trained or validated on {name}, where nothing is any more")
    store = store_at(name)
    if store is None or not store.of_rearc:
        return []
    return [Seen(frozenset(store.tasks), store.manifest["per_task"], store.manifest["seed"])]


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
