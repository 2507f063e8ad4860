"""Fine-tuning many tasks into one folder; stopped at any moment, the same call goes on and redoes nothing.

The folder holds ``sweep.json`` (what all results depend on), ``tasks/ID/`` for every finished task (its adapter or
model, its records, ``result.json``), which appears in one step, ``failed/ID.json`` for a task that could not be
fine-tuned (tried again next time) and, at the end, ``records.jsonl.gz`` and ``summary.csv``.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.data.datasets.registry import RE_ARC
from arc_affinity.documents import fit, name_of, object_of, read_lines, read_object
from arc_affinity.errors import ArcAffinityError, os_errors
from arc_affinity.evaluation.records.record import decode_row, encode_row, name_in_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.files import replacing, write_bytes, write_text
from arc_affinity.locks import working_in
from arc_affinity.models.adapters.files import digest_of_set
from arc_affinity.models.storage.names import RESULT, TASKS
from arc_affinity.training.executors import ClusterLostError, Workers
from arc_affinity.training.finetuning.work import RECORDS, ManyTasks, Result, TaskFiles, work

SETTINGS, FAILED, SUMMARY = "sweep.json", "failed", "summary.csv"

KILLED = "its worker process was killed, out of memory perhaps"

Results = dict[str, dict[str, Any]]
"""What `RESULT` holds, by task."""

OnTask = Callable[[str, str | None], None]
"""Told of each task as it ends: its id, and its error if it failed."""


@dataclass(frozen=True)
class Ended:
    """What the fine-tuning of many tasks ended with."""

    results: Results
    failed: Mapping[str, str]
    records: Path


def fine_tune_tasks(
    many: ManyTasks,
    out: Path,
    workers: Workers,
    on_task: OnTask | None = None,
    on_found: Callable[[int], None] | None = None,
) -> Ended:
    """Fine-tune those of the tasks that ``out`` has no results of yet.

    Args:
        many: the tasks and all that their results depend on.
        out: folder of the results.
        workers: that do the work.
        on_task: told of each of those tasks as it ends.
        on_found: told first how many tasks have results from before.

    Raises:
        ArcAffinityError: another process is at work in ``out``, or it holds one of other settings or of other examples
            of a task; it cannot be written (a full disk too; what is finished stays); a cluster is gone; or every
            task failed.
    """
    tell = on_task or (lambda _task, _error: None)
    for task in many.tasks:
        # Folders are made and removed under these names.
        name_of(task, "task id", many.source.dataset)
    for what, named in (("dataset", many.source.dataset), ("model", many.name)):
        name_in_records(named, what)
    with working_in(out):
        _settle(out / SETTINGS, many.settings())
        _refuse_other_examples(many, out)
        left = [task for task in many.tasks if not (out / TASKS / task / RESULT).is_file()]
        if on_found is not None:
            on_found(len(many.tasks) - len(left))
        for task in left:
            (out / FAILED / f"{task}.json").unlink(missing_ok=True)
        for ended in _each(many, left, workers):
            _keep(ended, out, tell)
        return _conclude(many.tasks, out)


@dataclass(frozen=True)
class Failure:
    """A task that could not be fine-tuned, and why."""

    task_id: str
    error: str


End = TaskFiles | Failure
"""How a task ends."""


def _each(many: ManyTasks, left: Sequence[str], workers: Workers) -> Iterator[End]:
    """Do the tasks; those at hand when a worker is killed are done again alone, to learn which one kills it."""
    waiting, suspects = deque(left), deque[str]()
    while waiting or suspects:
        alone = not waiting
        queue = suspects if alone else waiting
        with workers.open() as executor:
            broken = yield from _until_broken(many, executor, queue, 1 if alone else workers.at_a_time)
        if alone and broken:
            yield Failure(broken[0], KILLED)
        else:
            suspects.extend(broken)


def _until_broken(
    many: ManyTasks, executor: Executor, queue: deque[str], at_a_time: int
) -> Generator[End, None, list[str]]:
    """Do the tasks of ``queue``; the value returned is the tasks at hand when a worker was killed, if one was."""
    running: dict[Future[TaskFiles], tuple[str, int]] = {}
    while queue or running:
        while queue and len(running) < at_a_time:
            task = queue.popleft()
            place = min({*range(at_a_time)} - {taken for _, taken in running.values()})
            try:
                running[executor.submit(work, many, task, place)] = task, place
            except BrokenExecutor:
                return [task, *(other for other, _ in running.values())]
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        # What came out well is kept before a broken pool ends this.
        for future in sorted(finished, key=lambda each: isinstance(each.exception(), BrokenExecutor)):
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                return [task for task, _ in running.values()]
            if isinstance(error, ClusterLostError):
                raise error
            task, _ = running.pop(future)
            if error is None:
                yield future.result()
            else:
                told = str(error) if isinstance(error, ArcAffinityError) else f"{type(error).__name__}: {error}"
                yield Failure(task, told)
    return []


def _keep(ended: End, out: Path, tell: OnTask) -> None:
    """Write what a task left: a finished one's folder appears in one step."""
    if isinstance(ended, Failure):
        content = {"task": ended.task_id, "error": ended.error}
        write_text(out / FAILED / f"{ended.task_id}.json", json.dumps(content) + "\n")
        tell(ended.task_id, ended.error)
        return
    folder, aside = out / TASKS / ended.task_id, out / TASKS / f".{ended.task_id}.part"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with os_errors(f"cannot write {folder}"):
            for name, content_of in ended.files.items():
                write_bytes(aside / name, content_of)
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    tell(ended.task_id, None)


def _conclude(tasks: Sequence[str], out: Path) -> Ended:
    results = read_results(out)
    paths = {task: out / FAILED / f"{task}.json" for task in tasks}
    failed = {task: str(read_object(path).get("error")) for task, path in paths.items() if path.is_file()}
    mine = {task: results[task] for task in tasks if task in results}
    if not mine:
        first, error = next(iter(failed.items()), ("", "there are no tasks"))
        raise ArcAffinityError(f"no task was fine-tuned; {first}: {error}" if first else error)
    records = out / RECORDS
    own = {task: str(result.get("digest", result["model_digest"])) for task, result in results.items()}
    whole = digest_of_set(own)
    with replacing(records) as aside, aside.open("wb") as joined:
        for task in results:
            path = out / TASKS / task / RECORDS
            # Compressed files one after the other are one compressed file.
            joined.write(path.read_bytes() if own[task] == whole else _of_set(path, whole))
    write_text(out / SUMMARY, summary(results))
    return Ended(mine, failed, records)


def _of_set(path: Path, digest: str) -> bytes:
    """A specialist's records, compressed, under the digest of the set that it is one of: together they are one solver.

    That holds too where nothing was better than the base, whose digest such a specialist has.
    """
    rows = [decode_row(line, f"{path}:{number}") for number, line in read_lines(path)]
    lines = [encode_row({**row, "model_digest": digest} if row.get("adapter") else row) for row in rows]
    return gzip.compress(b"".join(lines), mtime=0)


def read_results(out: Path) -> Results:
    """Return the results of all finished tasks in a folder of fine-tunings, by task id.

    Raises:
        ArcAffinityError: one cannot be read.
    """
    found = {}
    for path in sorted(out.glob(f"{TASKS}/[!.]*/{RESULT}")):
        found[path.parent.name] = read_object(path)
        fit(found[path.parent.name], Result, str(path))
    return found


def summary(results: Results) -> str:
    """Return one line of CSV a task: what it took, and its accuracies before and after in %, by protocol."""
    protocols = sorted({name for result in results.values() for name in result["final"]})
    columns = ["task_id", "method", "train", "test", "examples_seen", "epochs", "stopped_early", "seconds"]
    measures = [
        (when, name, what)
        for name in protocols
        for when in ("base", "final")
        for what in ("solved", "exact", "cells", *(["exact_but_first"] if name == Protocol.TEACHER_FORCED else []))
    ]
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow([*columns, *(f"{name}_{when}_{what}_pct" for when, name, what in measures)])
    for task, result in results.items():
        shares = [result[when].get(name, {}).get(what) for when, name, what in measures]
        flat = {"task_id": task, **result, **result["parts"]}
        table.writerow(
            [*(flat[column] for column in columns), *("" if s is None else round(100 * s, 4) for s in shares)]
        )
    return written.getvalue()


def _settle(path: Path, settings: Mapping[str, Any]) -> None:
    if not path.exists():
        others = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
        if others:
            raise ArcAffinityError(f"{path.parent} holds {others[0]}, of no fine-tuning; choose an empty folder")
        write_text(path, json.dumps(settings, indent=1) + "\n")
        return
    # The fields of the fine-tuning stand beside the others, so that the one that differs is told by its own name.
    before, now = read_object(path), json.loads(json.dumps(settings))
    before |= object_of(before.pop("tuning", {}), f"{path}: tuning")
    now |= now.pop("tuning")
    # Runs of earlier versions did not note them.
    for name in ("versions", "unlike_also"):
        before.setdefault(name, now.get(name))
    # They kept no such examples out.
    before.setdefault("unlike_in", [])
    other = [f"{name} was {before.get(name)!r}" for name in now if before.get(name) != now[name]]
    if other:
        raise ArcAffinityError(
            f"{path.parent} holds fine-tunings by other settings ({', '.join(other)}); choose another folder"
        )


def _refuse_other_examples(many: ManyTasks, out: Path) -> None:
    """Make sure that the examples of the finished tasks are still those that their source has.

    Not asked of re-arc, whose examples the settings decide.
    """
    before = {task: result.get("examples_digest") for task, result in read_results(out).items()}
    if many.source.dataset == RE_ARC or not before:
        return
    known = set(many.source.known())
    noted = [task for task, digest in before.items() if digest is not None and task in known]
    now = {split.task_id: split.digest for split in many.source.splits(noted, many.config)}
    changed = [task for task in noted if now[task] != before[task]]
    if changed:
        more = f" and {len(changed) - 1} others" if len(changed) > 1 else ""
        raise ArcAffinityError(
            f"{out / TASKS / changed[0]}{more}: fine-tuned to other examples than {many.source.dataset} has now; "
            "remove it to fine-tune it again, or choose another folder"
        )
