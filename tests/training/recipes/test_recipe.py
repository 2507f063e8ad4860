"""Recipes: frozen, whole, and refused where a field is wrong."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import FrozenInstanceError

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.recipes.recipe import RECIPES, Recipe


def test_the_names_are_stable() -> None:
    assert list(RECIPES) == ["champion", "champion-foundational", "rotary-foundational", "rotary", "smoke"]
    assert all(name == recipe.name for name, recipe in RECIPES.items())


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())), "here") == recipe


def test_the_champion_is_trained_as_published() -> None:
    # Trial 69 of arXiv 2512.07109: Adam, learning rate, beta1, no decay, restarts, 2 pairs; its batches of 32 were for
    # each of two processes here.
    champion = RECIPES["champion"]
    assert (champion.optimiser, champion.learning_rate, champion.beta1) == ("adam", 0.0018498849832733245, 0.95)
    assert (champion.weight_decay, champion.batch_examples) == (0.0, 2 * 32)
    assert (champion.schedule, champion.model.context_pairs) == ("cosine-restarts", 2)
    assert champion.tasks == "published-train"
    assert RECIPES["champion-foundational"].model == champion.model
    rotary = RECIPES["rotary"]
    assert (rotary.model.width, rotary.model.decoder_layers) == (champion.model.width, champion.model.decoder_layers)


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        RECIPES["smoke"].steps = 3  # type: ignore[misc]


def test_text_stays_text_in_toml() -> None:
    values = tomllib.loads('name = "00576224"\ntasks = "all"\nsteps = 7\nlearning_rate = 1\n[model]\nwidth = 32\n')
    recipe = Recipe.from_dict(values, "r.toml")
    assert recipe.name == "00576224"
    assert (recipe.steps, recipe.learning_rate, recipe.model.width) == (7, 1.0, 32)
    assert type(recipe.learning_rate) is float


def test_no_dropout_is_written_as_people_write_it() -> None:
    values = tomllib.loads("[model]\nencoder_dropout = 0\ndecoder_dropout = 0\n")
    assert Recipe.from_dict(values, "r.toml").model.encoder_dropout == 0.0


def test_stages_come_as_lists() -> None:
    recipe = Recipe.from_dict({"curriculum": [[256, 3], [512, 1]]}, "r.toml")
    assert recipe.curriculum == ((256, 3), (512, 1))


def test_fields_of_the_model_are_overridden_by_their_full_name() -> None:
    recipe = RECIPES["smoke"].overridden({"steps": 3, "model.positions": "rotary", "curriculum": ()})
    assert (recipe.steps, recipe.model.positions, recipe.curriculum) == (3, "rotary", ())
    assert recipe.flat()["model.positions"] == "rotary"
    assert RECIPES["smoke"].steps == 20


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"stepz": 3}, "unknown recipe field 'stepz'; did you mean 'steps'?"),
        ({"steps": "3"}, 'steps must be a whole number, not "3"'),
        ({"steps": 3.0}, "steps must be a whole number, not 3.0"),
        ({"steps": True}, "steps must be a whole number, not true"),
        ({"steps": 0}, "steps must be a whole number of 1 or more, not 0"),
        ({"steps": 2**32 + 1}, "steps must be a whole number of at most 4294967296, not 4294967297"),
        ({"validate_every": 0}, "validate_every must be a whole number of 1 or more, not 0"),
        ({"per_task": 1}, "per_task must be a whole number of 2 or more, not 1"),
        ({"learning_rate": -0.5}, "learning_rate must be a number of 0.0 or more, not -0.5"),
        ({"learning_rate": math.nan}, "learning_rate must be a number of 0.0 or more, not NaN"),
        ({"learning_rate": math.inf}, "learning_rate must be a number of at most 4294967296.0, not Infinity"),
        ({"beta1": 1.0}, "beta1 must be a number of at most 0.999999, not 1.0"),
        ({"weight_decay": -0.5}, "weight_decay must be a number of 0.0 or more, not -0.5"),
        ({"weight_decay": math.nan}, "weight_decay must be a number of 0.0 or more, not NaN"),
        ({"warmup_steps": -1}, "warmup_steps must be a whole number of 0 or more, not -1"),
        ({"seed": -1}, "seed must be a whole number of 0 or more"),
        ({"optimiser": "sgd"}, 'optimiser must be one of adam, adamw, muon, not "sgd"'),
        ({"tasks": "00576224"}, 'tasks must be one of foundational, published-train, all, not "00576224"'),
        ({"curriculum": 5}, "curriculum must be a list, not 5"),
        ({"curriculum": [5, 6]}, "curriculum: number 1 must be a list, not 5"),
        ({"curriculum": [[5]]}, "curriculum: number 1 must be a list of length 2"),
        ({"curriculum": [[5, 0]]}, "curriculum: number 1, number 2 must be a whole number of 1 or more, not 0"),
        ({"curriculum": [[5, "6"]]}, "curriculum: number 1, number 2 must be a whole number"),
        ({"processes": 2}, "processes is of the machine, not of a recipe; `train` takes --processes"),
        ({"threads": 1}, "threads is of the machine"),
        ({"model": 5}, "model must be a table of its settings, not 5"),
        ({"model": {"widht": 5}}, "unknown model setting 'widht'; did you mean 'width'?"),
        ({"model": {"positions": "polar"}}, "positions must be one of sinusoid, rotary"),
    ],
)
def test_a_wrong_field_is_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        Recipe.from_dict({"name": "mine", **values}, "mine.toml")


def test_a_recipe_saved_with_its_machine_is_the_same_run() -> None:
    """Each of so many processes had a batch of its own; together they had what is shared now."""
    old = RECIPES["rotary"].to_dict() | {"processes": 2, "threads": 1, "batch_cells": 3_072, "batch_examples": 32}
    assert Recipe.from_saved(old, "recipe.json") == RECIPES["rotary"]
    assert Recipe.from_saved(RECIPES["rotary"].to_dict(), "recipe.json") == RECIPES["rotary"]


def test_the_name_is_no_field_to_override() -> None:
    with pytest.raises(ArcAffinityError, match="unknown recipe field 'name'"):
        RECIPES["smoke"].overridden({"name": "other"})
