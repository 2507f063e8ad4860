"""Learning rates of the ablation family: one search a variant, all over the same rates."""

from __future__ import annotations

import math
import runpy
import sys
from pathlib import Path

import pytest

from arc_affinity.training.sweeps.found import Found
from arc_affinity.training.sweeps.trial import Trial

SCRIPT = Path(__file__).parents[2] / "runs" / "rates.py"


def test_the_table_has_every_rate_once_and_marks_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    made = runpy.run_path(str(SCRIPT))
    trials = [Trial(0, {"learning_rate": 0.004}, 1.25), Trial(1, {"learning_rate": 0.001}, 1.5)]
    failed = Trial(2, {"learning_rate": 0.008}, None, "the loss is not finite")
    losses = made["losses_of"](Found((*trials, failed), {}))
    assert list(losses) == [0.001, 0.004, 0.008]
    assert math.isnan(losses[0.008])
    rows = made["table"]({"champion": losses, "line": {0.001: 1.125}}, 7).splitlines()
    assert rows[4:] == [
        "| variant | 0.00100 | 0.00400 | 0.00800 |",
        "|---|---|---|---|",
        "| champion | 1.500 | **1.250** | failed |",
        "| line | **1.125** |  |  |",
    ]


@pytest.mark.slow
def test_variants_have_the_same_rates_and_finished_trials_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    sizes = ["--steps", "4", "--share", "0.5", "--tasks", "3", "--per-task", "13"]
    sizes += ["--rates", "0.001", "0.002", "--workers", "1"]

    def rows(*variants: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path), *sizes, "--variants", *variants])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return (tmp_path / "rates.md").read_text().splitlines()[4:]

    head, _, alone = rows("champion")
    trained = sorted(tmp_path.glob("champion/trials/*/metrics.csv"))
    written = [path.stat().st_mtime_ns for path in trained]
    both = rows("champion", "no-context")
    assert both[0] == head and both[2] == alone
    assert both[3].count(".") == 2 and both[3] != alone.replace("champion", "no-context")
    assert [path.stat().st_mtime_ns for path in trained] == written and len(written) == 2
