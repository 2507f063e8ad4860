"""``arc-affinity submit``: records in, a submission for ARC Prize out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from arc_affinity.cli.output.files import check_outputs, words_beside
from arc_affinity.data.datasets.registry import files_of, load_tasks
from arc_affinity.errors import UsageError
from arc_affinity.evaluation.records.record import holds_records, read_records
from arc_affinity.evaluation.submission import (
    Requirements,
    make_submission,
    read_submission,
    submittable,
    write_submission,
)
from arc_affinity.text import printable


def submit(
    records: Path,
    /,
    *,
    dataset: str,
    out: Path | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    allow_missing: bool = False,
    check: bool = False,
) -> None:
    """Write a submission from records.

    Only records of the protocol arc_prize will do; of those that finetune leaves, the ones after it are taken. An
    attempt that gave no grid repeats the other one; where there is none the answer is [[0]].

    Args:
        records: Records that predict, solve or finetune wrote; with --check a submission by any solver.
        dataset: Whose tests to answer.
        out: The submission to write; submission.json unless given.
        data_dir: Folder with the datasets that are not installed.
        allow_missing: Answer [[0]] to tests without a record instead of refusing.
        check: Write nothing, but hold the submission against the competition's rules: every task of the dataset and no
            other, two attempts at every test, each a rectangle of at most 30 x 30 whole numbers 0-9. Answers need not
            be known.
    """
    if check:
        if out is not None:
            raise UsageError("--check writes nothing: --out would change nothing")
        # A folder of results is a submission too, and a pipe can be read only once.
        if records.is_file() and holds_records(records):
            raise UsageError(f"--check is for submissions, and {records} holds records; leave it out to make one")
        given = read_submission(records, Requirements(load_tasks(dataset, data_dir), allow_missing=allow_missing))
        print(
            f"{printable(str(records))}: {len(given)} tasks, {sum(map(len, given.values()))} answers, as they must be"
        )
        return
    out = out or Path("submission.json")
    check_outputs([out], [records, *files_of(dataset, data_dir)])
    read = read_records(records)
    rows = submittable(read)
    tasks = load_tasks(dataset, data_dir)
    submission = make_submission(rows, tasks, allow_missing=allow_missing)
    write_submission(out, submission)
    answers = sum(len(task.test) for task in tasks)
    answered = len({(row.task_id, row.test_index) for row in rows if row.prediction is not None})
    told = f": {len(tasks)} tasks, {answers} answers, {answers - answered} of them empty ([[0]])"
    left_out = f"; {len(read) - len(rows)} records of before, or of other protocols, left out" if rows != read else ""
    with words_beside(out):
        print(f"{printable(str(out))}{told}{left_out}")
