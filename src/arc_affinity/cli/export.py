"""``arc-affinity export``: records in, a table for other programs out."""

from __future__ import annotations

from pathlib import Path

from arc_affinity.cli.output.files import check_outputs
from arc_affinity.errors import UsageError
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.evaluation.records.tables import CSV, PARQUET, check_table, write_table
from arc_affinity.text import printable


def export(records: Path, /, *, out: Path) -> None:
    """Write records as a table.

    Args:
        records: Records that predict, solve or finetune wrote.
        out: The table: a name that ends in .csv, or in .parquet where pyarrow is installed.
    """
    if out.suffix not in (CSV, PARQUET):
        raise UsageError(f"--out {out}: a table ends in {CSV} or {PARQUET}")
    check_table(out)
    check_outputs([out], [records])
    rows = read_records(records)
    write_table(out, rows)
    print(f"{printable(str(out))}: {len(rows):,} rows")
