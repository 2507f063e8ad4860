"""Recipes in files: built on others, read back from runs, and which of them a run goes on by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.recipes.files import fields_in_file, load_recipe, recipe_to_go_on, with_whole_paths
from arc_affinity.training.recipes.recipe import RECIPES


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_file_builds_on_a_named_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path / "mine.toml", 'base = "rotary"\nsteps = 7\n[model]\nwidth = 96\n'))
    rotary = RECIPES["rotary"]
    assert recipe == replace(rotary, name="mine", steps=7, model=replace(rotary.model, width=96))
    assert recipe.model.positions == "sinusoid+rotary", "what the file says nothing of is the base's"


def test_a_file_builds_on_another_file(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path / "below" / "first.toml", 'base = "smoke"\nseed = 3\nsteps = 5\n')
    recipe = load_recipe(write(tmp_path / "second.toml", 'base = "below/first.toml"\nsteps = 11\n'))
    assert recipe == replace(RECIPES["smoke"], name="second", seed=3, steps=11)


def test_what_a_file_itself_gives_is_told(tmp_path: Path) -> None:
    # The first file's warm-up is for those that build on it.
    write(tmp_path / "first.toml", 'base = "champion"\nwarmup_steps = 50\n')
    second = write(tmp_path / "second.toml", 'base = "first.toml"\nschedule = "warmup-linear"\n[model]\nwidth = 96\n')
    assert (load_recipe(second).warmup_steps, fields_in_file(second)) == (50, {"schedule"})
    assert fields_in_file("champion") == fields_in_file(str(tmp_path)) == frozenset()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('base = "rotaty"', "r.toml: unknown recipe 'rotaty'; did you mean 'rotary'?"),
        ("base = 3", "r.toml: base must be a recipe's name or file, not 3"),
        ('base = "r.toml"', "r.toml: the recipe builds on itself"),
        ('base = "none.toml"', "cannot read .*none.toml"),
    ],
)
def test_bad_bases(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        load_recipe(write(tmp_path / "r.toml", text))


def test_a_run_s_own_recipe_comes_back(tmp_path: Path) -> None:
    recipe = replace(RECIPES["champion"], name="run", steps=13)
    write(tmp_path / "recipe.json", json.dumps(recipe.to_dict()))
    assert load_recipe(str(tmp_path / "recipe.json")) == load_recipe(str(tmp_path)) == recipe


def test_paths_are_whole_and_names_stay_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    smoke = RECIPES["smoke"]
    for start, examples in (("", ""), ("rotary", "arc-agi-2/training"), ("champion", "kaggle/test"), ("", "re-arc")):
        named = replace(smoke, start=start, examples=examples, validate_on=examples)
        assert with_whole_paths(named) == named
    whole = with_whole_paths(replace(smoke, start="./rotary", examples="~/store", validate_on="unseen"))
    found = whole.start, whole.examples, whole.validate_on
    assert found == (str(tmp_path / "rotary"), str(tmp_path / "home" / "store"), str(tmp_path / "unseen"))
    assert with_whole_paths(whole) == whole


def test_a_run_goes_on_by_the_recipe_that_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smoke = RECIPES["smoke"]
    assert recipe_to_go_on(smoke, (), tmp_path) == (smoke, ""), "there is no run yet"
    begun = smoke.overridden({"steps": 13, "model.width": 96})
    write(tmp_path / "recipe.json", json.dumps(begun.to_dict()))
    found, told = recipe_to_go_on(smoke, (), tmp_path)
    assert found == begun and "steps 13" in told and "model.width 96" in told
    assert recipe_to_go_on(begun, ("steps",), tmp_path) == (begun, "")
    # Other words for the same place are no other value.
    (tmp_path / "m").mkdir()
    write(tmp_path / "recipe.json", json.dumps(replace(begun, start=str(tmp_path / "m")).to_dict()))
    monkeypatch.chdir(tmp_path)
    found, told = recipe_to_go_on(replace(smoke, start="m"), ("start",), tmp_path)
    assert found.steps == 13 and "start" not in told
    # What contradicts the run is left as it is, for training to refuse.
    other = smoke.overridden({"steps": 17})
    assert recipe_to_go_on(other, ("steps",), tmp_path) == (other, "")
    assert recipe_to_go_on(RECIPES["rotary"], (), tmp_path) == (RECIPES["rotary"], "")
