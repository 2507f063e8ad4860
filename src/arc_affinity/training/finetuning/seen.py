"""What a model was trained on, by its own recipe: test inputs that it has seen would be no test."""

from __future__ import annotations

from dataclasses import dataclass

from arc_affinity.data.datasets.registry import store_at
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
    """Training examples: re-arc's first ``per_task`` of each of ``tasks`` by ``data_seed``."""

    tasks: frozenset[str]
    per_task: int
    data_seed: int


def examples_seen(loaded: LoadedModel) -> list[Seen]:
    """Return the training examples of a model and of those that it started from; none where no recipe is at hand.

    Raises:
        ArcAffinityError: its recipe is damaged, or names a start that is not to be found.
    """
    recipe = recipe_of(loaded)
    if recipe is None:
        return []
    own = _of_store(recipe.examples) if recipe.examples else [_generated(loaded, recipe)]
    return [*own, *(examples_seen(find_model(recipe.start)) if recipe.start else [])]


def _generated(loaded: LoadedModel, recipe: Recipe) -> Seen:
    more = BUNDLED.get(loaded.name, 0) if loaded.source == ZOO / loaded.name else 0
    return Seen(frozenset(TASK_SETS[recipe.tasks]()), max(recipe.per_task, more), recipe.data_seed)


def _of_store(name: str) -> list[Seen]:
    """What generated examples there are in a store, if it is still where it was."""
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
