"""What the shell scripts call: flags that the program understands, each once, the caller's before the script's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from arc_affinity.cli.main import build_app
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer

RUNS = Path(__file__).parents[2] / "runs"
RECORDER = """#!/bin/bash
# Writes down its words, one line a call, and leaves the split that scripts read.
printf '%s\\x1f' "$@" >>"$CALLS"; echo >>"$CALLS"
while [[ $# -gt 0 && $1 != --out ]]; do shift; done
[[ ${2:-} != *split.json ]] || echo '{"train": ["00d62c1b"], "validation": ["d511f180"]}' >"$2"
"""
MOST_PARAMETERS = 25_000_000
TASKS = 656
"""Of the bundled base's second stage."""


class Called:
    """How a script ended, and the words of each call of a program by it."""

    def __init__(self, done: subprocess.CompletedProcess[str], calls: Sequence[list[str]]) -> None:
        self.done = done
        self.calls = calls

    def of(self, *words: str) -> list[list[str]]:
        """The calls that begin with the words."""
        return [call for call in self.calls if tuple(call[: len(words)]) == words]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The scripts, and in place of the program one that writes down how it is called."""
    (tmp_path / "runs").mkdir()
    for script in RUNS.glob("*.sh"):
        shutil.copy(script, tmp_path / "runs")
    program = tmp_path / ".venv" / "bin" / "arc-affinity"
    program.parent.mkdir(parents=True)
    program.write_text(RECORDER)
    program.chmod(0o755)
    return tmp_path


def run(tree: Path, script: str, *words: str, **variables: str) -> Called:
    calls = tree / "calls"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    settings = {"PATH": path, "CALLS": str(calls), "DATASETS": "arc1", "ARC_AFFINITY_DATA": str(tree), **variables}
    command = ["bash", str(tree / "runs" / script), *words]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    lines = calls.read_text().splitlines() if calls.exists() else []
    return Called(done, [line.split("\x1f")[:-1] for line in lines])


def value(call: Sequence[str], flag: str) -> str:
    """The value of a flag, which the program refuses to take twice; a call that it does not understand raises."""
    build_app().parse_args(list(call), print_error=False, exit_on_error=False)
    (at,) = [number for number, word in enumerate(call) if word == flag]
    return call[at + 1]


def test_flags_of_the_caller_go_before_those_of_a_fine_tuning(tree: Path) -> None:
    (plain,) = run(tree, "finetune.sh", WHICH="small-arc-1").calls
    assert (value(plain, "--optimiser"), value(plain, "--learning-rate"), value(plain, "--steps")) == (
        "adamw",
        "4e-3",
        "120",
    )
    (tree / "calls").unlink()
    (tuned,) = run(tree, "finetune.sh", WHICH="small-arc-1", TUNE="--optimiser muon --steps=7 --rank 3").calls
    assert (value(tuned, "--optimiser"), value(tuned, "--learning-rate"), value(tuned, "--rank")) == (
        "muon",
        "4e-3",
        "3",
    )
    assert "--steps=7" in tuned and "--steps" not in tuned and "120" not in tuned
    (tree / "calls").unlink()
    # What a method leaves unread the program refuses.
    (chosen,) = run(tree, "finetune.sh", WHICH="small-arc-1", METHOD="context-only").calls
    assert value(chosen, "--votes") == "8" and not {"--steps", "--optimiser", "--learning-rate"} & {*chosen}


def test_flags_of_the_caller_go_before_those_of_a_training(tree: Path) -> None:
    (trained,) = run(tree, "gpu.sh", RECIPES="rotary", TRAIN="--steps 100 --resume --pad-weight 2").of("train")
    assert trained[:4] == ["train", "rotary", "--out", "out/gpu/rotary"] and trained.count("--resume") == 1
    assert (value(trained, "--steps"), value(trained, "--batch-cells")) == ("100", "65536")
    (tree / "calls").unlink()
    (plain,) = run(tree, "train.sh", RECIPES="rotary").of("train")
    assert plain == ["train", "rotary", "--out", "out/models/rotary", "--resume"]


def test_the_published_table_is_asked_for_before_the_work(tree: Path) -> None:
    called = run(tree, "finetune.sh")
    assert called.done.returncode == 2 and not called.calls
    assert called.done.stderr.count("\n") == 1 and "REFERENCE" in called.done.stderr
    (tree / "table.csv").write_text("task_id,seconds\n00d62c1b,3\nd511f180,4\n")
    called = run(tree, "finetune.sh", WHICH="published", REFERENCE="table.csv")
    assert called.done.returncode == 0
    assert Path(tree, value(called.calls[0], "--set")).read_text() == "00d62c1b\nd511f180\n"
    (tree / "earlier.csv").write_text("task_id,method\n00d62c1b,lora\n")
    called = run(tree, "finetune.sh", WHICH="published", REFERENCE="table.csv", DONE="earlier.csv", OUT="out/rest")
    assert Path(tree, value(called.calls[-1], "--set")).read_text() == "d511f180\n"
    (tree / "calls").unlink()
    called = run(tree, "finetune.sh", WHICH="published", REFERENCE="table.csv", DONE="earlier.csv typo.csv")
    assert called.done.returncode == 2 and "typo.csv" in called.done.stderr and not called.calls
    called = run(tree, "finetune.sh", WHICH="published", REFERENCE="table.csv", DONE="table.csv")
    assert called.done.returncode == 0 and "all tasks are in table.csv" in called.done.stdout and not called.calls


def test_models_go_on_from_the_bundled_weights_or_from_a_run(tree: Path) -> None:
    called = run(tree, "longer.sh")
    trained = {call[1]: call for call in called.of("train")}
    assert called.done.returncode == 0 and trained.keys() == {"rotary", "champion"}
    assert all(value(call, "--start") == name and value(call, "--seed") == "0" for name, call in trained.items())
    (tree / "calls").unlink()
    given = {"START": "out/rotary/model", "SEED": "3", "TRAIN": "--augment all --pad-weight 2"}
    (again,) = run(tree, "longer.sh", "rotary", **given).of("train")
    assert (value(again, "--augment"), value(again, "--pad-weight")) == ("all", "2")
    assert again.count("--pad-weight") == 1 and "--curriculum" in again
    assert (value(again, "--start"), value(again, "--seed"), value(again, "--out")) == (
        "out/rotary/model",
        "3",
        "out/longer/rotary",
    )
    (tree / "calls").unlink()
    refused = run(tree, "longer.sh", START="out/rotary/model")
    assert refused.done.returncode == 2 and "one MODEL" in refused.done.stderr and not refused.calls


def test_the_base_for_a_gpu_is_small_enough_to_submit(tree: Path) -> None:
    (tree / ".venv" / "bin" / "python").symlink_to("arc-affinity")
    (call,) = run(tree, "gpu_solve.sh").of("runs/base.py")
    width, layers, hidden = (int(call[call.index(flag) + 1]) for flag in ("--width", "--layers", "--hidden"))
    with torch.device("meta"):
        model = PairTransformer(PairConfig(width, width // 32, layers, hidden, TASKS))
    assert MOST_PARAMETERS - model.parameter_count() == 720_000
