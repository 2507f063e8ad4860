"""The demonstration: its reports on records as it makes them, and, slowly, the whole of it."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from arc_affinity.cli import demo
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.diagnosis.report.outputs import pack
from arc_affinity.evaluation.records.record import Origin, make_record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.storage.folders import find_model
from arc_affinity.types import Example


def test_it_ends_with_a_report_that_names_categories(tmp_path):
    tasks = [task for task in load_tasks("arc-agi-1/training") if task.id in demo.REAL_TASKS]
    origin = Origin("toy", "0123", "arc-agi-1/training", Protocol.ARC_PRIZE, seed=7)
    records = [
        make_record(origin, Example(task.id, 0, task.test[0], ()), attempt, np.zeros((3, 5), np.uint8))
        for task in tasks
        for attempt in (1, 2)
    ]
    said = io.StringIO()
    demo._diagnose(Console(file=said, width=200), tmp_path / "page.html", tmp_path / "records.jsonl", records, tasks)
    assert "Diagnosis, arc-agi-1/training: toy solves none of 5 tasks" in said.getvalue()
    numbers = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert numbers["sets"][0]["source"] == "records.jsonl"
    assert numbers["notes"] == []
    assert "unlabelled" not in numbers["sets"][0]["categories"]
    assert "Demonstrations" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_page_shows_what_the_model_was_shown_and_numbers_outputs_within_their_task(tmp_path):
    """Not the first examples of the store, which are asked themselves."""
    loaded = find_model(demo.MODEL)
    asked = demo._held_out_questions(loaded)
    origin = Origin("toy", "0123", "re-arc, held out", Protocol.ARC_PRIZE, seed=0)
    records = [make_record(origin, first, 1, first.query.input) for first, *_ in asked]
    said = Console(file=io.StringIO(), width=200)
    demo._diagnose(said, tmp_path / "page.html", tmp_path / "r.jsonl", records, [], demo.given_with(asked))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    tasks = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["tasks"]
    given = {(first.task_id, pack(first.query.input)): first.demonstrations for first, *_ in asked}
    for task_id, task in tasks.items():
        assert task["train"] == [] and task["outputs"] == demo.HELD_OUT_SHOWN
        assert [test["number"] for test in task["tests"]] == list(range(1, 1 + len(task["tests"])))
        for test in task["tests"]:
            shown = [[pack(pair.input), pack(pair.output)] for pair in given[task_id, test["input"]]]
            assert test["given"] == shown and [test["input"], test["target"]] not in shown


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
    }
    with (tmp_path / "smoke" / "metrics.csv").open() as file:
        losses = [float(row["val/loss"]) for row in csv.DictReader(file) if row["val/loss"]]
    assert losses[-1] < losses[0], "training is seen to work"
    held_out = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert held_out["sets"][0]["outputs"] == 18 * demo.HELD_OUT_SHOWN
