"""The demonstration: its reports on records as it makes them, and, slowly, the whole of it."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from arc_affinity.cli import demo
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.diagnosis.report.outputs import pack
from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.recipes.recipe import RECIPES


def test_its_tasks_are_small_and_unseen() -> None:
    tasks = demo.unseen_tasks()
    kept = set(kept_out_tasks(load_tasks("arc-agi-1/training")))
    assert len(tasks) == demo.SOLVED and {task.id for task in tasks} <= kept


def test_no_held_out_example_is_asked_and_shown() -> None:
    tasks = demo.held_out_tasks(3)
    assert len(tasks) == 18 and {(len(task.train), len(task.test)) for task in tasks} == {(3, demo.HELD_OUT_SHOWN)}
    for task in tasks:
        shown = {pack(pair.input) for pair in task.train}
        assert not shown & {pack(pair.input) for pair in task.test}


def test_a_run_of_ones_own_is_not_removed(cli, tmp_path):
    (tmp_path / "solve").mkdir()
    (tmp_path / "solve" / "run.json").write_text("{}")
    done = cli("demo", "--out", tmp_path)
    assert done.code == 1 and "holds a run with dataset None" in done.err
    mine = json.dumps(replace(RECIPES["smoke"], steps=7).to_dict())
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "recipe.json").write_text(mine)
    with pytest.raises(ArcAffinityError, match="holds a run of another recipe"):
        demo._train_smoke(Console(), tmp_path / "smoke")
    assert (tmp_path / "smoke" / "recipe.json").read_text() == mine


@pytest.mark.slow
def test_the_whole_demonstration(cli, tmp_path):
    done = cli("demo", "--out", tmp_path)
    assert done.code == 0, done.err
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {
        "held-out.jsonl",
        "index.html",
        "index.json",
        "arc-agi-1.jsonl",
        "arc-agi-1.html",
        "arc-agi-1.json",
        "submission.json",
        "smoke",
        "solve",
        "solve.html",
        "solve.json",
        "adapted.jsonl",
    }
    with (tmp_path / "smoke" / "metrics.csv").open() as file:
        losses = [float(row["val/loss"]) for row in csv.DictReader(file) if row["val/loss"]]
    assert losses[-1] < losses[0], "training is seen to work"
    held_out = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert held_out["sets"][0]["outputs"] == 18 * demo.HELD_OUT_SHOWN
    assert re.search(r"sized +│ +0 +│ +(9\d|100) ", done.out), "one task is seen to be learned"
