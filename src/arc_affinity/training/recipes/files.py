"""Recipes in files: TOML of one's own, which may build on another recipe, and what a run saved; never torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from arc_affinity.data.datasets.registry import DATASETS, KAGGLE
from arc_affinity.documents import read_object, read_toml
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.files import is_input
from arc_affinity.models.storage.names import BUNDLED_MODELS
from arc_affinity.training.recipes.recipe import DECIDING, RECIPES, Recipe

RECIPE = "recipe.json"
"""The recipe of a run, in its folder."""

BASE = "base"
"""Entry of a TOML file: the recipe whose fields hold where the file says nothing."""


def load_recipe(name: str) -> Recipe:
    """Return a named recipe, or read one: a TOML file, what a run saved, or that of a run's folder.

    Raises:
        ArcAffinityError: no such recipe, or a file that does not hold one.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return _read_toml(path, ())
    if path.suffix == ".json":
        return read_recipe(path)
    if is_run(path):
        return read_recipe(path / RECIPE)
    if name in RECIPES:
        return RECIPES[name]
    if is_input(path):
        raise ArcAffinityError(f"{name}: the name of a recipe's file ends in .toml, or in .json where a run saved it")
    raise unknown("recipe", name, RECIPES)


def fields_in_file(name: str) -> frozenset[str]:
    """Return the fields that a TOML file itself gives, but for those of the model; none of a recipe of another kind.

    Raises:
        ArcAffinityError: it cannot be read.
    """
    return frozenset(read_toml(Path(name))) - {BASE, "name", "model"} if Path(name).suffix == ".toml" else frozenset()


def refuse_unread_in_file(name: str, recipe: Recipe, given: Collection[str]) -> None:
    """Refuse fields that the TOML file ``name`` itself gives, where ``recipe``, made of it, leaves them unread.

    Where one of the fields ``given`` beside it decides that, they are no mistake of the file.

    Raises:
        ArcAffinityError: as `Recipe.refuse_ignored`, or the file cannot be read.
    """
    if DECIDING.isdisjoint(given):
        recipe.refuse_ignored(fields_in_file(name), name)


def is_run(folder: Path) -> bool:
    """Return whether a folder is that of a run."""
    return (folder / RECIPE).is_file()


def read_recipe(path: Path) -> Recipe:
    """Return the recipe that a run saved.

    Raises:
        ArcAffinityError: it cannot be read, or is none.
    """
    return Recipe.from_saved(read_object(path), str(path))


def with_whole_paths(recipe: Recipe) -> Recipe:
    """Return the recipe with paths that mean the same from any working directory; names of models and datasets stay."""
    start = _whole(recipe.start, BUNDLED_MODELS)
    examples, validate_on = (_whole(name, (*DATASETS, *KAGGLE)) for name in (recipe.examples, recipe.validate_on))
    return replace(recipe, start=start, examples=examples, validate_on=validate_on)


def where_moved(recipe: Recipe, to: Recipe) -> Recipe:
    """Return the recipe with the paths of ``to`` in place of those that lead nowhere any more: what was there may lie
    elsewhere now, and a run that has its examples needs it no longer."""
    named = ("start", "examples", "validate_on")
    paths = {name: getattr(to, name) if _is_gone(getattr(recipe, name)) else None for name in named}
    return replace(recipe, **{name: path for name, path in paths.items() if path})


def _is_gone(path: str) -> bool:
    return Path(path).is_absolute() and not Path(path).exists()


def _whole(name: str, names: Collection[str]) -> str:
    if not name or name in names:
        return name
    try:
        return str(Path(name).expanduser().resolve())
    except (OSError, RuntimeError):
        # A loop of links, or the home of nobody; whoever looks for it tells.
        return name


def recipe_to_go_on(chosen: Recipe, given: Collection[str], folder: Path) -> tuple[Recipe, str]:
    """Return the recipe that a run goes on by, and in words where it is not ``chosen``.

    That is the run's own: what was changed when it began need not be said again. Where the run has another name, or one
    of the fields ``given`` now has another value there, it is ``chosen``, which training then refuses.

    Raises:
        ArcAffinityError: the saved recipe cannot be read, or is none.
    """
    if not is_run(folder):
        return chosen, ""
    begun = read_recipe(folder / RECIPE)
    chosen_whole = with_whole_paths(chosen)
    own, mine = where_moved(with_whole_paths(begun), chosen_whole).flat(), chosen_whole.flat()
    others = [name for name in own if own[name] != mine[name]]
    if not others or not {"name", *given}.isdisjoint(others):
        return chosen, ""
    return begun, f"the run goes on by the recipe that it began with: {', '.join(f'{n} {own[n]!r}' for n in others)}"


def _read_toml(path: Path, above: tuple[Path, ...]) -> Recipe:
    """The recipe in a TOML file, over the one that it builds on; ``above`` are the files that build on this one."""
    if path.resolve() in above:
        raise ArcAffinityError(f"{path}: the recipe builds on itself")
    content: dict[str, Any] = {"name": path.stem, **read_toml(path)}
    named = content.pop(BASE, None)
    return Recipe.from_dict(content, str(path), None if named is None else _below(named, path, above))


def _below(named: object, path: Path, above: tuple[Path, ...]) -> Recipe:
    """The recipe that the file ``path`` builds on."""
    if not isinstance(named, str):
        raise ArcAffinityError(f"{path}: {BASE} must be a recipe's name or file, not {named!r:.60}")
    if named.endswith(".toml"):
        return _read_toml(path.parent / named, (*above, path.resolve()))
    if named in RECIPES:
        return RECIPES[named]
    raise ArcAffinityError(f"{path}: {unknown('recipe', named, RECIPES)}")
