"""``sweep``: what it tells of trials, in a table, a file and a picture; the search itself has tests of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from arc_affinity.training.executors import Workers
from arc_affinity.training.sweeps.found import Found
from arc_affinity.training.sweeps.sweep import SettingsSweep
from arc_affinity.training.sweeps.trial import Trial

VARIED = ("--vary", "learning_rate=1e-4:1e-1:log", "--vary", "optimiser=adam,muon")


@pytest.mark.parametrize("importance", [{"learning_rate": 0.83, "optimiser": 0.17}, {}], ids=["mattered", "too few"])
def test_what_a_search_tells(
    importance: dict[str, float], cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = [0.01 * number for number in range(1, 13)]
    trials = [Trial(i, {"learning_rate": rate, "optimiser": "adam"}, 2 - rate) for i, rate in enumerate(rates)]
    trials[3] = Trial(3, {"learning_rate": 1 / 3, "optimiser": "muon"}, None, "no number")
    seen = []

    def run(self: SettingsSweep, folder: Path, workers: Workers, report: Callable, _: Path | None) -> Found:
        seen.append((self.trials, self.share, self.seed, tuple(self.space), folder, workers.at_a_time))
        for trial in trials[2:]:
            report(trial)
        return Found(tuple(trials), importance, "" if importance else "too few")

    monkeypatch.setattr(SettingsSweep, "run", run)
    monkeypatch.chdir(tmp_path)
    # An earlier version drew one of trials that say nothing.
    Path("out/sweep-smoke").mkdir(parents=True)
    Path("out/sweep-smoke/importance.svg").write_text("made up")
    done = cli("sweep", "smoke", *VARIED, "--trials", 12, "--share", 0.5, "--seed", 7)
    assert done.code == 0, done.err
    folder = Path("out/sweep-smoke")
    assert seen == [(12, 0.5, 7, ("learning_rate", "optimiser"), folder, 1)]
    assert "trial 2: 1.9700 (learning_rate 0.03, optimiser adam)" in done.err
    assert "trial 3: failed: no number (learning_rate 0.3333, optimiser muon)" in done.err
    table = [line.split() for line in done.out.splitlines() if line.rstrip().endswith(("adam │", "muon │"))]
    assert [row[1] for row in table] == [str(number) for number in (11, 10, 9, 8, 7, 6, 5, 4, 2, 1)]
    lines = (folder / "trials.csv").read_text().splitlines()
    assert len(lines) == 13
    assert lines[:2] == ["trial,loss,learning_rate,optimiser", "0,1.99,0.01,adam"]
    assert lines[4] == "3,,0.3333333333333333,muon"
    assert (folder / "importance.svg").exists() == bool(importance)
    assert ("learning_rate 83 %, optimiser 17 %" in done.out) == bool(importance)
    assert ("what mattered is not known: too few\n" in done.out) == (not importance)
    if importance:
        picture = (folder / "importance.svg").read_text()
        assert "83" in picture and "n 11" in picture


@pytest.mark.parametrize(
    "flags",
    [
        *(("--trials", 0), ("--share", 2), ("--share", 0), ("--workers", 0), ("--executor", "threads")),
        *(("--vary", "learning_rat=1:2"), ("--vary", "learning_rate=2:1"), ("--vary", "optimiser=sgd")),
        *(("--seed", -1), ("--seed", 4_000_001), ("--vary", "context=drawn,first"), ("--vary", "steps=8.5:9")),
        *(("--vary", "batch_examples=8.5:16"), ("--vary", "restart_steps=3:9")),
    ],
    ids=str,
)
def test_flags_out_of_range_are_wrong_usage(cli: Callable, flags: tuple[str, object]) -> None:
    done = cli("sweep", "smoke", *VARIED, *flags)
    assert done.code == 2 and flags[0] in done.err and done.err.count("\n") == 1


def test_a_search_of_which_nothing_came_has_failed(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = tuple(Trial(i, {"learning_rate": 1e3, "optimiser": "adam"}, None, "no number") for i in range(2))
    monkeypatch.setattr(SettingsSweep, "run", lambda *_, **__: Found(trials, {}))
    done = cli("sweep", "smoke", *VARIED, "--trials", 2, "--out", tmp_path / "out")
    assert done.code == 1 and "none of 2 trials came to a loss" in done.err
    assert (tmp_path / "out" / "trials.csv").exists()
