"""The demonstration: its reports on records as it makes them, and, slowly, the whole of it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from arc_affinity.cli import demo
from arc_affinity.cli.output.terminal import Console
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.generation import rearc
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.diagnosis.report.outputs import pack
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Origin, Record, make_record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.storage import folders
from arc_affinity.models.storage.folders import find_model
from arc_affinity.notebook.answers import Answers
from arc_affinity.training.finetuning.seen import examples_seen
from arc_affinity.training.recipes.recipe import RECIPES
from arc_affinity.types import Example, Pair, Task


def record(task: str, pair: Pair, prediction: np.ndarray | None, index: int = 0) -> Record:
    origin = Origin("model", "0123", "toy", Protocol.ARC_PRIZE, 0)
    return make_record(origin, Example(task, index, pair, ()), 1, prediction)


def block(rows: int, cols: int, colour: int = 1) -> np.ndarray:
    return np.full((rows, cols), colour, np.uint8)


def test_its_tasks_are_small_and_unseen() -> None:
    tasks = demo.unseen_tasks()
    kept = set(kept_out_tasks(load_tasks("arc-agi-1/training")))
    assert len(tasks) == demo.SOLVED and {task.id for task in tasks} <= kept
    sizes = sorted(demo._cells(task) for task in load_tasks("arc-agi-1/training") if task.id in kept)
    assert [demo._cells(task) for task in tasks] == sizes[: demo.SOLVED]


def test_no_held_out_example_is_asked_and_shown() -> None:
    tasks = demo.held_out_tasks(3)
    assert len(tasks) == 18 and {(len(task.train), len(task.test)) for task in tasks} == {(3, demo.HELD_OUT_SHOWN)}
    for task in tasks:
        shown = {pack(pair.input) for pair in task.train}
        assert not shown & {pack(pair.input) for pair in task.test}


def test_the_base_that_is_adapted_was_not_trained_on_what_it_is_asked() -> None:
    task = demo.task_to_adapt_to()
    assert (len(task.train), len(task.test)) == (demo.TAUGHT, demo.ASKED)
    for seen in examples_seen(find_model(demo.ADAPTED_MODEL)):
        known = rearc.generate_task(task.id, seen.per_task, seen.data_seed).pairs
        assert task.id in seen.tasks and {pack(pair.input) for pair in known} & {
            pack(pair.input) for pair in task.train
        }
        assert not {pack(pair.input) for pair in (*known, *task.train)} & {pack(pair.input) for pair in task.test}


def test_a_run_of_ones_own_is_not_removed(cli, tmp_path):
    (tmp_path / "solve").mkdir()
    (tmp_path / "solve" / "run.json").write_text("{}")
    done = cli("demo", "--out", tmp_path)
    assert done.code == 1 and "holds a run with dataset None" in done.err
    mine = json.dumps(replace(RECIPES["smoke"], steps=7).to_dict())
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "recipe.json").write_text(mine)
    (tmp_path / "smoke" / "last.ckpt").touch()
    with pytest.raises(ArcAffinityError, match="holds a run of another recipe"):
        demo._train_smoke(Console(), tmp_path / "smoke")
    assert (tmp_path / "smoke" / "recipe.json").read_text() == mine


def test_small_answers_are_pictured(capsys: pytest.CaptureFixture[str]) -> None:
    wide, asked, withheld = Pair(block(2, 11), block(2, 3)), Pair(block(10, 2), block(2, 3)), Pair(block(1, 2), None)
    half = np.array([[1, 1, 1], [2, 2, 2]], np.uint8)
    shown = [
        record("wide", wide, block(2, 3)),
        record("silent", asked, None),
        record("right", asked, block(2, 3)),
        record("right", asked, half, 1),
        record("half", asked, half),
        record("withheld", withheld, half),
        record("fourth", asked, half),
    ]
    demo._show(Console(width=100), Answers(tuple(shown)))
    # Titles are as narrow as their tables.
    told = re.findall(r"(\w+): ((?:not )?exact.*?\))", " ".join(capsys.readouterr().out.split()))
    assert told == [
        ("right", "exact, 100% of cells (protocol arc_prize)"),
        ("half", "not exact, 50% of cells (protocol arc_prize)"),
        ("withheld", "not exact (protocol arc_prize)"),
    ]


def test_the_smallest_tasks_are_those_of_fewest_cells() -> None:
    task = Task("t", (Pair(block(2, 3), block(5, 1)), Pair(block(1, 1), None)), (Pair(block(7, 1), block(9, 9)),))
    assert demo._cells(task) == (6 + 5 + 1 + 7, "t")


def test_the_adapted_task_is_asked_what_it_was_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [Pair(block(8, 8 + number % 2), block(1, 1, number % 10)) for number in range(30)]
    monkeypatch.setattr(demo, "GENERATED", 10)
    monkeypatch.setattr(demo, "OTHERS", 20)
    made = {0: pairs[20:], 1: pairs[:20]}
    monkeypatch.setattr(rearc, "generate_task", lambda task, count, seed=0, **_: SimpleNamespace(pairs=made[seed]))
    monkeypatch.setattr(folders, "find_model", str)
    monkeypatch.setattr(demo.aa, "finetune", lambda model, task, **settings: (model, task, settings))
    model, task, settings = demo.adapted()  # type: ignore[misc]
    assert model == "rotary" and (settings["method"], settings["steps"]) == ("full", 60)
    # Every other pair has an input of 72 cells.
    assert [pair.output[0, 0] for pair in task.test] == [number % 10 for number in range(0, 20, 2)]
    assert [pair.output[0, 0] for pair in task.train] == [number % 10 for number in range(20, 30, 2)]


@pytest.mark.parametrize("folder", ["[draft]", "x[/y]"])
def test_what_it_leaves_and_tells(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    tmp_path = tmp_path / folder
    tmp_path.mkdir(parents=True)

    def answered(_: object, tasks: list[Task]) -> Answers:
        return Answers(tuple(record(t.id, p, p.output, i) for t in tasks for i, p in enumerate(t.test)), tuple(tasks))

    def solved(tasks: list[Task], *, seconds: float, out: Path, report: object) -> Answers:
        assert (seconds, out) == (60.0, tmp_path / "solve")
        return answered(None, tasks)

    def diagnosed(answers: Answers) -> SimpleNamespace:
        page = f"{len(answers.records)} records"
        return SimpleNamespace(
            save=lambda path: path.write_text(page),
            to_json=lambda: page,
            report=SimpleNamespace(dataset="toy"),
            headline=page,
        )

    def tasks(*names: str) -> list[Task]:
        return [Task(name, (), (Pair(block(1, 2), block(2, 1)),) * 3, "toy") for name in names]

    (asked,) = tasks("d511f180")
    real = tasks(*demo.REAL_TASKS)
    worth = [SimpleNamespace(by_protocol={"sized": SimpleNamespace(solved=share)}) for share in (0.034, 0.976)]
    tuned = SimpleNamespace(trained=SimpleNamespace(seconds=7.4), base=worth[0], final=worth[1])
    made = SimpleNamespace(task=asked, tuned=tuned, after=answered(None, [asked]))
    model = SimpleNamespace(model=SimpleNamespace(config=SimpleNamespace(context_pairs=3)))
    for name, stand_in in (("solve", solved), ("predict", answered), ("diagnose", diagnosed)):
        monkeypatch.setattr(demo.aa, name, stand_in)
    monkeypatch.setattr(folders, "find_model", lambda name: model if name == demo.MODEL else None)
    monkeypatch.setattr(demo.aa, "load_tasks", lambda name: [*tasks("other"), *real])
    monkeypatch.setattr(demo, "unseen_tasks", lambda: tasks("s1", "s2"))
    monkeypatch.setattr(demo, "held_out_tasks", lambda pairs: tasks(*"abcdefg"[:pairs]))
    monkeypatch.setattr(demo, "adapted", lambda: made)
    monkeypatch.setattr(demo, "_train_smoke", lambda console, folder: console.print(f"trained in {folder.name}"))
    (tmp_path / "index.html").write_text("of an earlier demo")
    done = cli("demo", "--out", tmp_path)
    assert done.code == 0, done.err
    assert "index.html" in done.err
    pages = {"index": 3 * 3, "arc-agi-1": 3 * len(real), "solve": 3 * 2}
    for name, count in pages.items():
        words = f"{count} records"
        assert words == (tmp_path / f"{name}.html").read_text() == (tmp_path / f"{name}.json").read_text()
        assert f"Diagnosis, toy: {words}" in done.out
    lines = {
        name: (tmp_path / f"{name}.jsonl").read_text().splitlines() for name in ("held-out", "arc-agi-1", "adapted")
    }
    assert [json.loads(line)["task_id"] for line in lines["adapted"]] == ["d511f180"] * 3
    assert {json.loads(line)["task_id"] for line in lines["arc-agi-1"]} == set(demo.REAL_TASKS)
    assert len(lines["held-out"]) == pages["index"]
    assert set(json.loads((tmp_path / "submission.json").read_text())) == set(demo.REAL_TASKS)
    told = " ".join(done.out.split())
    assert "Fine-tuned to d511f180 in 7 s: exact match on 3 others, %" in told and "trained in smoke" in told
    assert re.search(r"sized │ 3 │ 98 ", told)
    assert told.count("toy, 2 attempts, %") == 2, "each prediction with its score by task"
    assert told.count("exact, 100% of cells") == 2 + 3
    assert re.search(r"Done in [0-9]+ s\. Look at ", done.out)
    assert f"Submission: {tmp_path / 'submission.json'}\n" in done.out


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
