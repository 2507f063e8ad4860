"""What is made of a folder of scores: the table of a card, and the bundled scores with the run that made them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import card
import numpy as np
import our_scores
import pytest

from arc_affinity.evaluation.records.record import Origin, make_record, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.types import Example, Pair


def write_score(folder: Path, stem: str, tasks: int, outputs: int) -> Path:
    share = {"over_tasks": 0.25}
    names = ("solved", "pass_at_1", "cell_accuracy", "size_accuracy")
    score = {"tasks": tasks, "outputs": outputs, **dict.fromkeys(names, share)}
    path = folder / f"{stem}.score.json"
    path.write_text(json.dumps({"scores": [score]}))
    return path


@pytest.mark.parametrize(
    ("prize", "line"),
    [
        (["arc2"], "`arc_prize` was asked on ARC-AGI-2 public evaluation alone."),
        (
            ["held18", "arc2"],
            "`arc_prize` was asked on 18 foundational tasks and ARC-AGI-2 public evaluation alone.",
        ),
        (["held18", "arc1", "arc2"], None),
        ([], None),
    ],
)
def test_a_card_says_where_the_prize_was_not_asked(
    prize: list[str], line: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "README.md").write_text("# m\n\n## Scores\n\nold\n\n## Use\n\nas before\n")
    for dataset in ("held18", "arc1", "arc2"):
        write_score(tmp_path, f"m.{dataset}.sized", 3, 15)
    for dataset in prize:
        write_score(tmp_path, f"m.{dataset}.arc_prize", 3, 15)
    monkeypatch.setattr(card, "ZOO", tmp_path)
    monkeypatch.setattr(sys, "argv", ["card.py", "m", str(tmp_path)])
    card.main()
    written = (tmp_path / "m" / "README.md").read_text()
    assert written.startswith("# m\n\n## Scores\n\nMeans over tasks;") and written.endswith("\n\n## Use\n\nas before\n")
    assert "old" not in written and written.count("| sized | 25.00 (1) |") == 3
    assert [each for each in written.splitlines() if each.startswith("`arc_prize`")] == ([line] if line else [])
    assert "as arXiv 2512.07109 measured" not in written
    path = write_score(tmp_path, "m.arc1.teacher_forced", 3, 15)
    (scored,) = json.loads(path.read_text())["scores"]
    path.write_text(json.dumps({"scores": [{**scored, "exact_but_first": {"over_tasks": 0.015}}]}))
    card.main()
    written = (tmp_path / "m" / "README.md").read_text()
    told = "\n\nExact as arXiv 2512.07109 measured, without the first cell: ARC-AGI-1 evaluation 1.50 %.\n\n## Use\n"
    assert told in written and written.endswith("\n\nas before\n")


def test_the_run_that_made_a_score_says_how_many_examples_it_asked(tmp_path: Path) -> None:
    for name, outputs in (("few", 276), ("many", 1840)):
        write_score(tmp_path, f"{name}.unseen92.sized", 92, outputs)
        write_score(tmp_path, f"{name}.arc1.sized", 400, 419)
    write_score(tmp_path, "none.arc1.sized", 400, 419)
    commands = {path.name: our_scores.entry(path)["command"] for path in sorted(tmp_path.glob("*.score.json"))}
    assert commands == {
        "few.arc1.sized.score.json": "UNSEEN=3 runs/score.sh few",
        "few.unseen92.sized.score.json": "UNSEEN=3 runs/score.sh few",
        "many.arc1.sized.score.json": "runs/score.sh many",
        "many.unseen92.sized.score.json": "runs/score.sh many",
        "none.arc1.sized.score.json": "runs/score.sh none",
    }


def test_scores_of_before_stay_unless_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_score(tmp_path, "rotary.arc1.teacher_forced", 2, 2)
    origin = Origin("rotary", "0123", "toy", Protocol.TEACHER_FORCED, seed=0)
    target, but_first = np.array([[1, 2]], np.uint8), np.array([[3, 2]], np.uint8)
    rows = [
        make_record(origin, Example(task, 0, Pair(target, target), ()), 1, answer)
        for task, answer in (("a", target), ("b", but_first))
    ]
    write_records(tmp_path / "rotary.arc1.teacher_forced.jsonl.gz", rows)
    bundled = tmp_path / "bundled.json"
    monkeypatch.setattr(our_scores, "BUNDLED", bundled)
    monkeypatch.setattr(sys, "argv", ["our_scores.py", str(tmp_path)])
    kept = {"model": "champion", "dataset": "arc1", "protocol": "sized", "context": "drawn", "exact": 0.5}
    old = {"model": "rotary", "dataset": "arc1", "protocol": "teacher_forced", "context": "drawn", "exact": 0.75}
    bundled.write_text(json.dumps({"scores": [kept, old]}))
    our_scores.main()
    made, after = json.loads(bundled.read_text())["scores"]
    assert after == kept and (made["exact"], made["right"]) == (0.25, "2")
    assert made["but_first"] == {"exact": 1.0, "cells": 1.0, "right": "3", "counted": "3"}


def test_unless_told_as_many_examples_are_asked_as_the_script_says() -> None:
    script = (Path(__file__).parents[2] / "runs" / "score.sh").read_text()
    assert f"UNSEEN=${{UNSEEN:-{our_scores.UNSEEN}}}" in script


def test_the_bundled_scores_name_the_run_of_as_many_examples() -> None:
    rows = json.loads(our_scores.BUNDLED.read_text())["scores"]
    unseen = {row["model"]: row["outputs"] // row["tasks"] for row in rows if row["dataset"] == "unseen92"}
    for row in rows:
        more = "" if unseen[row["model"]] == our_scores.UNSEEN else f"UNSEEN={unseen[row['model']]} "
        assert row["command"] == f"{more}runs/score.sh {row['model']}"
