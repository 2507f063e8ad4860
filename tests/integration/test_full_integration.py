"""Load, configure, build, load weights, predict, score and submit: the real command line on real tasks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import load_model, save_model
from arc_affinity.types import PAD, Task

# Small ones, with two, three and one test inputs.
TASKS = ("25ff71a9", "27a28665", "d511f180")


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    """Three real tasks of ARC-AGI-1, in the order of their ids."""
    return [task for task in load_tasks("arc-agi-1/training") if task.id in TASKS]


@pytest.fixture
def dataset(tmp_path: Path, tasks: list[Task]) -> Path:
    """The same as task files."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task in tasks:
        parts = {
            name: [{"input": p.input.tolist(), "output": p.output.tolist()} for p in pairs]
            for name, pairs in (("train", task.train), ("test", task.test))
        }
        (folder / f"{task.id}.json").write_text(json.dumps(parts))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The champion's configuration, built, with weights that were never trained, as a model folder."""
    torch.manual_seed(7)
    built = EncoderDecoder(ModelConfig())
    with torch.no_grad():
        built.context_to_logits.bias[PAD] = 9.0  # so that its grids stay small
    save_model(built, tmp_path / "champion")
    return tmp_path / "champion"


def test_the_whole_way(cli, tmp_path: Path, model: Path, dataset: Path, tasks: list[Task]) -> None:
    assert [task.id for task in tasks] == sorted(TASKS)
    info = json.loads(cli("model", "info", model, "--json").out)
    assert info["parameters"] == 1_644_975
    assert load_model(model).config == ModelConfig()

    scores = {}
    for protocol in ("arc_prize", "sized", "teacher_forced"):
        out = tmp_path / f"{protocol}.jsonl"
        done = cli("predict", model, "--dataset", dataset, "--protocol", protocol, "--out", out)
        assert (done.code, done.out) == (0, f"{out}\n")
        told = json.loads(cli("score", out, "--dataset", dataset, "--json").out)
        [scores[protocol]] = told["scores"]
    outputs = sum(len(task.test) for task in tasks)
    assert outputs == 6
    for protocol, score in scores.items():
        assert (score["protocol"], score["tasks"], score["outputs"]) == (protocol, 3, outputs)
        assert score["outputs_attempted"] == outputs
    assert scores["sized"]["size_accuracy"]["over_outputs"] == 1
    assert scores["sized"]["pass_at_1"] == scores["teacher_forced"]["pass_at_1"]

    # The score is what the records' own grids say.
    records = read_records(tmp_path / "arc_prize.jsonl")
    solved = {
        (r.task_id, r.test_index)
        for r in records
        if r.prediction is not None and np.array_equal(r.prediction, r.target)
    }
    shares = [np.mean([(task.id, i) in solved for i in range(len(task.test))]) for task in tasks]
    assert scores["arc_prize"]["score"] == pytest.approx(float(np.mean(shares)))

    submission = tmp_path / "submission.json"
    records_file = tmp_path / "arc_prize.jsonl"
    assert cli("submit", records_file, "--dataset", dataset, "--out", submission).code == 0
    answers = json.loads(submission.read_text())
    assert {task: len(each) for task, each in answers.items()} == {task.id: len(task.test) for task in tasks}
    for record in records:
        assert answers[record.task_id][record.test_index][f"attempt_{record.attempt}"] == record.prediction.tolist()
    [again] = json.loads(cli("score", submission, "--dataset", dataset, "--json").out)["scores"]
    assert again["score"] == scores["arc_prize"]["score"]


def test_only_honest_records_are_submitted(cli, tmp_path: Path, model: Path, dataset: Path) -> None:
    out = tmp_path / "r.jsonl"
    assert cli("predict", model, "--dataset", dataset, "--protocol", "teacher_forced", "--out", out).code == 0
    done = cli("submit", out, "--dataset", dataset, "--out", tmp_path / "submission.json")
    assert done.code == 1 and "teacher_forced" in done.err and done.err.count("\n") == 1
    assert not (tmp_path / "submission.json").exists()
