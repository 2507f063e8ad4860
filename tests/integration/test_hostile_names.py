"""Ids and names from outside never become places: nothing is written or removed beside the folder that was named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.datasets.registry import load_tasks, parse_task
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.store.files import _manifest_hash
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.models.storage.names import ZOO
from arc_affinity.training.recipes.recipe import Recipe
from arc_affinity.types import Pair

HOSTILE = ("../x", "/abs/x", "a/b", "..", ".", ".hidden", "", "a\n", "a b", "~", "x" * 129, "[/x]", "\x1b", "é", "a.")
PAIR = {"input": [[1]], "output": [[2]]}
TASK = {"train": [PAIR, PAIR], "test": [PAIR]}


@pytest.mark.parametrize("name", HOSTILE)
def test_ids_of_tasks(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArcAffinityError, match="is no task id"):
        parse_task(TASK, name, "d", "d.json")
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps({name: TASK, "fine": TASK}))
    with pytest.raises(ArcAffinityError, match=r"bundle\.json: .* is no task id"):
        load_tasks(str(bundle))


@pytest.mark.parametrize("name", HOSTILE)
def test_ids_of_a_store(tmp_path: Path, name: str) -> None:
    grid = np.ones((1, 1), np.uint8)
    with pytest.raises(ArcAffinityError, match="is no task id"):
        write_store(tmp_path / "never", {name: [Pair(grid, grid)]})
    write_store(tmp_path / "s", {"fine": [Pair(grid, grid)]})
    path = tmp_path / "s" / "manifest.json"
    manifest = {**json.loads(path.read_text()), "tasks": [name]}
    manifest["sha256"]["manifest.json"] = _manifest_hash(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(ArcAffinityError, match="is damaged: manifest.json: tasks, number 1"):
        ExampleStore.open(tmp_path / "s")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_recipes(name: str) -> None:
    with pytest.raises(ArcAffinityError, match="is no name of a recipe"):
        Recipe(name)
    with pytest.raises(ArcAffinityError, match=r"r\.toml: .* is no name of a recipe"):
        Recipe.from_dict({"name": name}, "r.toml")


@pytest.mark.parametrize("name", HOSTILE)
def test_ids_of_records(tmp_path: Path, name: str, cli) -> None:
    row = {"schema": 1, "task_id": name}
    (tmp_path / "r.jsonl").write_text(json.dumps(row))
    with pytest.raises(ArcAffinityError):
        read_records(tmp_path / "r.jsonl")


@pytest.mark.parametrize("name", ["../victim", "{folder}/victim"])
def test_finetune_leaves_other_folders_alone(tmp_path: Path, cli, name: str) -> None:
    victim = tmp_path / "out" / "victim"
    victim.mkdir(parents=True)
    (victim / "letter").write_text("dear")
    named = name.format(folder=victim.parent)
    (tmp_path / "bundle.json").write_text(json.dumps({named: TASK}))
    before = sorted(tmp_path.rglob("*"))
    done = cli(
        "finetune", "rotary-foundational", "--dataset", tmp_path / "bundle.json", "--out", tmp_path / "out" / "f"
    )
    assert done.code == 1 and "is no task id" in done.err
    assert sorted(tmp_path.rglob("*")) == before and (victim / "letter").read_text() == "dear"


@pytest.mark.parametrize("name", ["\x1b[31m", "a\nb", os.fsdecode(b"\xff")])
def test_files_of_names_that_no_record_may_hold_are_refused_before_any_work(tmp_path: Path, cli, name: str) -> None:
    dataset, model = tmp_path / f"{name}.json", tmp_path / name
    dataset.write_text(json.dumps({"aaaa0001": TASK}))
    shutil.copytree(ZOO / "rotary-foundational", model)
    before = sorted(tmp_path.rglob("*"))
    out = tmp_path / "out"
    for line in (
        ("predict", "rotary-foundational", "--dataset", dataset, "--out", out / "r.jsonl"),
        ("predict", model, "--dataset", dataset, "--out", out / "r.jsonl"),
        ("solve", "--dataset", dataset, "--steps", 1, "--sources", "search", "--out", out),
        ("finetune", "rotary-foundational", "--dataset", dataset, "--steps", 1, "--workers", 1, "--out", out),
    ):
        done = cli(*line)
        assert done.code == 1 and done.err.count("\n") == 1, done.err
        assert sorted(path for path in tmp_path.rglob("*") if path != out) == before, line


def test_records_of_such_a_name_are_diagnosed(tmp_path: Path, cli) -> None:
    (tmp_path / "d.json").write_text(json.dumps({"aaaa0001": TASK}))
    for name in (b"\xff.jsonl", b"\x1b[2J.jsonl"):
        own, page = tmp_path / os.fsdecode(name), tmp_path / "p.html"
        assert cli("predict", "rotary-foundational", "--dataset", tmp_path / "d.json", "--out", own).code == 0
        assert cli("diagnose", own, "--out", page).code == 0
        assert "\x1b" not in page.read_text(encoding="utf-8")


def test_a_recipe_that_no_file_could_hold_is_refused(tmp_path: Path, cli) -> None:
    for line in (("train", "smoke", "--start", "\udcff"), ("sweep", "smoke", "--vary", "start=\udcff,x")):
        done = cli(*line, "--out", tmp_path / "out")
        assert done.code == 2 and "half a character" in done.err and not (tmp_path / "out").exists()
