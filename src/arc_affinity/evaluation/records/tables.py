"""Records as tables for other programs: CSV, or Parquet where pyarrow is installed; one row an attempt."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arc_affinity.errors import ArcAffinityError, optional
from arc_affinity.evaluation.records.record import Record
from arc_affinity.files import replacing

CSV, PARQUET = ".csv", ".parquet"


def write_table(path: Path, records: Iterable[Record]) -> None:
    """Write ``records`` as a table; the ending of ``path`` says of which kind.

    Columns are a record's fields. Grids are lists of rows in Parquet, and JSON text in CSV, where a missing value is
    empty and true and false are 1 and 0.

    Raises:
        ArcAffinityError: another ending, pyarrow is not installed, or ``path`` cannot be written.
    """
    check_table(path)
    rows = [record.to_json() for record in records]
    with replacing(path) as aside:
        if path.suffix == PARQUET:
            arrow, parquet = _pyarrow()
            parquet.write_table(arrow.Table.from_pylist(rows), aside)
            return
        with aside.open("w", encoding="utf-8", newline="") as file:
            names = list(rows[0]) if rows else []
            table = csv.writer(file, lineterminator="\n")
            table.writerow(names)
            table.writerows([_plain(row[name]) for name in names] for row in rows)


def check_table(path: Path) -> None:
    """Refuse a table that cannot be written, before any work.

    Raises:
        ArcAffinityError: its ending is of no kind of table, or pyarrow is needed and not installed.
    """
    if path.suffix not in (CSV, PARQUET):
        raise ArcAffinityError(f"{path}: a table ends in {CSV} or {PARQUET}")
    if path.suffix == PARQUET:
        _pyarrow()


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value


def _pyarrow() -> tuple[Any, Any]:
    return optional("pyarrow", "parquet"), optional("pyarrow.parquet", "parquet", called="pyarrow")
