"""Metrics and checkpoints of a run: whole at any moment, and taken up where a run goes on."""

from __future__ import annotations

import csv
import math
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.training.pretraining.run_folder import (
    COLUMNS,
    Checkpoints,
    MetricsFile,
    WholeCheckpoints,
    last_figures,
)
from arc_affinity.training.recipes.recipe import UntrainableError

HEADER = ",".join(COLUMNS)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_is_on_disk_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "m.csv")
    metrics.rewind(0)
    metrics.log_metrics({"train/loss": 0.1, "epoch": 0}, step=9)
    assert rows(tmp_path / "m.csv") == [{**dict.fromkeys(COLUMNS, ""), "step": "10", "train/loss": "0.1"}]
    metrics.log_metrics({"val/loss": 1 / 3, "val/exact": 0.0}, step=10)
    assert float(rows(tmp_path / "m.csv")[1]["val/loss"]) == 1 / 3


def test_rows_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"{HEADER}\n10,0.5,,,\n20,,0.25,,\n20,0.5,,,\n30,0.125,,,\n")
    MetricsFile(path).rewind(20)
    assert path.read_text() == f"{HEADER}\n10,0.5,,,\n20,,0.25,,\n20,0.5,,,\n"
    MetricsFile(path).rewind(0)
    assert path.read_text() == f"{HEADER}\n"


@pytest.mark.parametrize("torn", ["2", "20,0.2", "not a row\n", "\n", "\xff\n"])
def test_a_torn_row_is_dropped(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"{HEADER}\n10,0.5,,,\n{torn}", encoding="latin-1")
    MetricsFile(path).rewind(20)
    assert path.read_text() == f"{HEADER}\n10,0.5,,,\n"


def test_the_last_figures_are_the_last_of_each_column(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    assert last_figures(path) == {}
    path.write_text(f"{HEADER}\n10,0.5,,,\n10,,0.25,0.1,0.75\n20,0.375,,,\n20,,0.125,0.0,0.5\n30,0.3125,,,\n")
    assert last_figures(path) == {
        "train/loss": 0.3125,
        "val/loss": 0.125,
        "val/exact": 0.0,
        "val/cell_teacher_forced": 0.5,
    }
    for wrong in (b"10,much,,,\n", b"10,\xff,,,\n"):
        path.write_bytes(f"{HEADER}\n".encode() + wrong)
        with pytest.raises(ArcAffinityError, match=r"m\.csv holds something else than metrics"):
            last_figures(path)


def test_a_metric_without_a_column_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="val/lost"):
        MetricsFile(tmp_path / "m.csv").log_metrics({"val/lost": 1.0}, step=0)


def test_metrics_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for action in (lambda m: m.rewind(0), lambda m: m.log_metrics({}, step=0)):
        with pytest.raises(ArcAffinityError, match=r"cannot write .*m\.csv: "):
            action(MetricsFile(tmp_path / "file" / "m.csv"))


class Saving:
    """Stands for a Trainer: notes what is saved, and under which loss."""

    def __init__(self) -> None:
        self.saved: list[str] = []
        self.callback_metrics: dict[str, torch.Tensor] = {}
        self.strategy = SimpleNamespace(broadcast=lambda value: value)
        self.is_global_zero, self.global_step = True, 7

    def save_checkpoint(self, path: Path) -> None:
        self.saved.append(path.stem)

    def validated(self, callback: Checkpoints, loss: float) -> list[str]:
        self.saved, self.callback_metrics = [], {"val/loss": torch.tensor(loss)}
        callback.on_validation_end(self, None)
        return self.saved


def test_last_is_always_saved_and_best_before_it_where_the_loss_is_lowest(tmp_path: Path) -> None:
    callback, trainer = Checkpoints(tmp_path), Saving()
    told = [trainer.validated(callback, loss) for loss in (3.0, 1.0, 2.0, 1.0, 0.5)]
    assert told == [["best", "last"], ["best", "last"], ["last"], ["last"], ["best", "last"]]


@pytest.mark.parametrize(("loss", "before"), [(math.nan, ()), (math.inf, ()), (math.nan, (3.0,))])
def test_a_loss_that_is_no_number_ends_the_run_and_is_not_saved(
    loss: float, before: tuple[float, ...], tmp_path: Path
) -> None:
    callback, trainer = Checkpoints(tmp_path), Saving()
    for each in before:
        trainer.validated(callback, each)
    with pytest.raises(UntrainableError, match=f"the loss is {loss} at step 7"):
        trainer.validated(callback, loss)
    assert trainer.saved == []


def test_the_lowest_loss_is_kept_in_a_folder_that_was_moved(tmp_path: Path) -> None:
    before, trainer = Checkpoints(tmp_path), Saving()
    trainer.validated(before, 1.0)
    after = Checkpoints(tmp_path / "elsewhere")
    after.load_state_dict(before.state_dict())
    assert trainer.validated(after, 2.0) == ["last"]
    assert trainer.validated(after, 0.5) == ["best", "last"]


def test_the_lowest_loss_of_a_version_that_measured_otherwise_is_forgotten(tmp_path: Path) -> None:
    callback, trainer = Checkpoints(tmp_path), Saving()
    callback.load_state_dict({"best": 0.1})
    assert trainer.validated(callback, 2.0) == ["best", "last"]


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"step": 1}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(ArcAffinityError, match=r"cannot write .*last\.ckpt: File too large"):
            WholeCheckpoints().save_checkpoint({"step": 2, "weights": torch.zeros(2000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from arc_affinity.training.pretraining.run_folder import WholeCheckpoints
Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
WholeCheckpoints().save_checkpoint({"step": 2}, Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_save_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"step": 1}, path)
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -9
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert len(list(tmp_path.iterdir())) == 2  # the half one lies beside it until the run goes on
