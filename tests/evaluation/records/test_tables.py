"""Records as tables hold what the records hold."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Origin, Record, make_record, read_records, write_records
from arc_affinity.evaluation.records.tables import write_table
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.types import Example, Pair

GRID = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)


@pytest.fixture
def records() -> list[Record]:
    """A right attempt, and a missing one at a target that is withheld."""
    origin = Origin("m", "0123456789ab", "d", Protocol.ARC_PRIZE, 7)
    examples = [Example(name, 0, Pair(GRID, output), ()) for name, output in (("a", GRID.T), ("b", None))]
    return [
        make_record(origin, examples[0], attempt=1, prediction=GRID.T.copy(), log_likelihood=-0.5),
        make_record(origin, examples[1], attempt=2, prediction=None),
    ]


def test_a_csv_has_every_field(records: list[Record], tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", records)
    rows = list(csv.DictReader((tmp_path / "t.csv").open(newline="")))
    assert [row["task_id"] for row in rows] == ["a", "b"]
    assert rows[0].keys() == records[0].to_json().keys()
    assert json.loads(rows[0]["prediction"]) == GRID.T.tolist()
    assert (rows[0]["exact"], rows[0]["log_likelihood"], rows[1]["target"], rows[1]["exact"]) == ("1", "-0.5", "", "")


def test_parquet_gives_back_the_records(records: list[Record], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "t.parquet", records)
    rows = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert rows == [record.to_json() for record in records]


def test_the_command_writes_a_table(cli, records: list[Record], tmp_path: Path) -> None:
    write_records(tmp_path / "r.jsonl", records)
    done = cli("export", tmp_path / "r.jsonl", "--out", tmp_path / "t.csv")
    assert done.code == 0 and "2 rows" in done.out
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 3
    assert cli("export", tmp_path / "r.jsonl", "--out", tmp_path / "t.xls").code == 2
    assert len(read_records(tmp_path / "r.jsonl")) == 2


def test_another_ending_is_refused(records: list[Record], tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="ends in .csv or .parquet"):
        write_table(tmp_path / "t.json", records)
