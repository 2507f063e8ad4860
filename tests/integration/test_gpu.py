"""On a GPU, where there is one: a network learns two steps and answers, another predicts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arc_affinity.evaluation.records.record import read_records

TASK = "25ff71a9"
SEEN = "ARC_AFFINITY_TEST_GPUS"
"""Where tests/conftest.py keeps which GPUs were to be seen."""


@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="needs a GPU")
def test_solve_and_predict_on_a_gpu(tmp_path: Path) -> None:
    # The other tests see none: tests/conftest.py.
    seen = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", SEEN)}
    if SEEN in os.environ:
        seen["CUDA_VISIBLE_DEVICES"] = os.environ[SEEN]
    of_task = ("--dataset", "arc-agi-1/training", "--tasks", TASK)
    for line in (
        ("solve", *of_task, "--steps", "2", "--views", "4", "--device", "cuda", "--out", tmp_path / "solve"),
        ("predict", "rotary", *of_task, "--device", "cuda", "--out", tmp_path / "records.jsonl"),
    ):
        command = [sys.executable, "-m", "arc_affinity.cli.main", *map(str, line)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=seen)
        assert done.returncode == 0, done.stderr
    for records in (tmp_path / "solve" / "records.jsonl", tmp_path / "records.jsonl"):
        assert {record.task_id for record in read_records(records)} == {TASK}
