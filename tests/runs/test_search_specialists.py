"""Programs as specialists: every task searched once, every held-out example answered."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.store.examples import write_store
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.types import Pair

SCRIPT = Path(__file__).parents[2] / "runs" / "search_specialists.py"


def mirrored(seed: int, count: int) -> list[Pair]:
    """Examples of a rule that mirrors."""
    draws = np.random.default_rng(seed)
    grids = [draws.integers(0, 5, draws.integers(2, 6, 2)).astype(np.uint8) for _ in range(count)]
    return [Pair(grid, np.ascontiguousarray(grid[:, ::-1])) for grid in grids]


@pytest.mark.slow
def test_every_held_out_example_is_answered_and_nothing_is_searched_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = ("67a3c6ac", "68b16354")
    write_store(tmp_path / "examples", {task: mirrored(number, 32) for number, task in enumerate(tasks)}, {})
    write_store(tmp_path / "held-out", {task: mirrored(number, 3) for number, task in enumerate(tasks, 7)}, {})
    stores = ["--examples", str(tmp_path / "examples"), "--held-out", str(tmp_path / "held-out")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path / "out"), *stores, "--seconds", "30", "--asked", "2"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    records = read_records(tmp_path / "out" / "records.jsonl")
    first = [record for record in records if record.attempt == 1]
    assert [(record.task_id, record.test_index) for record in first] == [(task, i) for task in tasks for i in range(2)]
    assert all(record.exact and record.program == "input | mirror left-right" for record in first)
    journal = tmp_path / "out" / "programs.jsonl"
    before = journal.read_bytes()
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert journal.read_bytes() == before
