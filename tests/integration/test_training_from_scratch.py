"""Training from scratch through the real command line: killed and resumed, it ends as a straight run does."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from arc_affinity.models.storage.folders import read_checkpoint

# The champion itself on the foundational tasks, with a few small batches.
TRAIN = (
    "train", "smoke", "--per-task", "2", "--batch-cells", "1024", "--batch-examples", "4", "--steps", "4",
    "--validate-every", "2", "--threads", "1",
)  # fmt: skip


def killed_after_two_steps(run: Path) -> None:
    """Start training and end it, as only a kill can, once the checkpoint of step 2 is there."""
    command = [sys.executable, "-m", "arc_affinity.cli.main", *TRAIN, "--out", str(run)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while not (run / "last.ckpt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.many_steps
def test_two_steps_a_kill_and_two_more_are_four(cli, tmp_path: Path) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    killed_after_two_steps(broken)
    assert read_checkpoint(broken / "last.ckpt")["global_step"] == 2
    assert not (broken / "model").exists()
    resumed = cli(*TRAIN, "--out", broken, "--resume")
    assert (resumed.code, resumed.out) == (0, f"{broken / 'model'}\n"), resumed.err
    assert cli(*TRAIN, "--out", straight).code == 0
    for name in ("recipe.json", "metrics.csv", "model/config.json", "model/model.safetensors"):
        assert (broken / name).read_bytes() == (straight / name).read_bytes(), name
    last = [read_checkpoint(run / "last.ckpt") for run in (broken, straight)]
    assert last[0]["global_step"] == last[1]["global_step"] == 4
    moments = [state["optimizer_states"][0]["state"] for state in last]
    assert all((a["exp_avg"] == b["exp_avg"]).all() for a, b in zip(*(m.values() for m in moments), strict=True))
    with (straight / "metrics.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file) if row["val/loss"]] == ["2", "4"]
    tensors = load_file(straight / "model" / "model.safetensors")
    trained = json.loads(cli("model", "info", straight / "model", "--json").out)["parameters"]
    assert trained == 1_644_975
    assert sum(tensor.numel() for name, tensor in tensors.items()) >= trained
