"""A recipe's examples, made or copied into the folder of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from arc_affinity.data import splits
from arc_affinity.data.generation import rearc
from arc_affinity.data.generation.generate import OnTask, generate_store
from arc_affinity.data.own_examples import copy_apart, copy_examples, split_examples
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.training.recipes.recipe import Recipe

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
