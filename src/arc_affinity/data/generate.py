"""Filling a store with re-arc examples over several processes, so that a cut-off run can go on.

Each finished task is a part file, written in one step; the last step joins the parts. The parts and all
temporary files lie in ``.parts`` within the output folder, which is removed at the end.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from arc_affinity.data import rearc
from arc_affinity.data.store import ARRAYS, MANIFEST, ExampleStore, write_npz, write_store
from arc_affinity.errors import ArcAffinityError, unknown

PARTS = ".parts"

OnTask = Callable[[str, Counter[str]], None]
"""Told of each task as it is ready: its id and its rejections by reason."""


@dataclass(frozen=True)
class _Job:
    """One task's share of the work; small, since it is sent to another process."""

    part: Path
    task_id: str
    count: int
    seed: int
    exclude: frozenset[bytes]

    def settings(self) -> dict[str, Any]:
        """What the part's bytes depend on."""
        excluded = hashlib.sha256(b"".join(sorted(self.exclude))).hexdigest() if self.exclude else None
        return {
            "task": self.task_id,
            "per_task": self.count,
            "seed": self.seed,
            "excluded": excluded,
            "versions": rearc.versions(),
        }


def generate_store(
    out: Path,
    tasks: Iterable[str],
    per_task: int,
    seed: int = 0,
    workers: int = 1,
    exclude: ExampleStore | None = None,
    on_task: OnTask | None = None,
) -> ExampleStore:
    """Make a store of ``per_task`` verified examples of each task; the same bytes for any number of workers.

    Stopped at any moment, the same call continues; on a finished store of the same settings it only opens it.

    Args:
        out: folder of the store.
        tasks: ids among `rearc.task_ids`.
        per_task: examples of each task, at least 1.
        seed: any integer.
        workers: processes; with 1 the work is done in this one.
        exclude: store whose inputs must not come again within the same task.
        on_task: called in this process for each finished task.

    Raises:
        ArcAffinityError: an unknown task, a folder with other content or settings, a task that gives too few
            examples, a file that cannot be written, or a worker that was killed.
    """
    wanted = sorted(set(tasks))
    _check_request(wanted, per_task, workers)
    settings = {
        "source": "re-arc",
        "seed": seed,
        "per_task": per_task,
        "excluded": None if exclude is None else exclude.manifest["sha256"],
        "versions": rearc.versions(),
    }
    finished = _finished(out, wanted, settings)
    if finished is None:
        jobs = [_job(out, task, per_task, seed, exclude) for task in wanted]
        rejections = _run(jobs, workers, on_task)
        _assemble(out, jobs, {**settings, "rejections": rejections})
        finished = ExampleStore.open(out)
    shutil.rmtree(out / PARTS, ignore_errors=True)
    return finished


def _check_request(tasks: list[str], per_task: int, workers: int) -> None:
    known = rearc.task_ids()
    for task in tasks:
        if task not in known:
            raise unknown("task", task, known)
    if not tasks:
        raise ArcAffinityError("no tasks to generate examples of")
    if per_task < 1 or workers < 1:
        raise ArcAffinityError(
            f"at least 1 example per task and 1 worker are needed, not {per_task} and {workers}"
        )


def _finished(out: Path, tasks: list[str], settings: dict[str, Any]) -> ExampleStore | None:
    """The store in ``out`` if it is done; an error if ``out`` holds something else."""
    try:
        content = {entry.name for entry in out.iterdir()} if out.exists() else set()
    except OSError as error:
        raise ArcAffinityError(f"cannot write {out}: {error.strerror or error}") from error
    foreign = content - {PARTS, MANIFEST, *ARRAYS}
    if foreign:
        raise ArcAffinityError(f"{out} holds {min(foreign)}; choose an empty folder")
    if MANIFEST not in content:
        return None
    store = ExampleStore.open(out)
    there = {key: store.manifest.get(key) for key in settings}
    if there != settings or list(store.tasks) != tasks:
        raise ArcAffinityError(
            f"{out} holds a store of other settings ({len(store.tasks)} tasks x {there['per_task']}, seed"
            f" {there['seed']}, versions {there['versions']}); remove it or choose another folder"
        )
    return store


def _job(out: Path, task: str, count: int, seed: int, exclude: ExampleStore | None) -> _Job:
    keys = frozenset[bytes]() if exclude is None else rearc.input_keys(exclude, task)
    return _Job(out / PARTS / f"{task}.npz", task, count, seed, keys)


def _run(jobs: list[_Job], workers: int, on_task: OnTask | None) -> dict[str, dict[str, int]]:
    """Make the missing parts; return the rejections of all tasks, in the tasks' order."""
    found: dict[str, Counter[str]] = {}
    for task, rejections in _each(jobs, workers):
        found[task] = rejections
        if on_task is not None:
            on_task(task, rejections)
    return {job.task_id: dict(sorted(found[job.task_id].items())) for job in jobs if found[job.task_id]}


def _each(jobs: list[_Job], workers: int) -> Iterator[tuple[str, Counter[str]]]:
    """Rejections of each task, those with a part first, the others as they are finished."""
    missing: list[_Job] = []
    for job in jobs:
        part = _part(job)
        if part is None:
            missing.append(job)
        else:
            yield job.task_id, Counter(part.manifest["rejections"])
    if workers == 1:
        yield from map(_make, missing)
    elif missing:
        yield from _over_processes(missing, min(workers, len(missing)))


def _over_processes(jobs: list[_Job], workers: int) -> Iterator[tuple[str, Counter[str]]]:
    # Spawned, because a forked copy of a process with threads (torch's) may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker) as pool:
        futures = [pool.submit(_make, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise ArcAffinityError("a worker process was killed; the same command continues") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare_worker() -> None:
    """End a worker silently on Ctrl-C, and when its parent is gone (a pool's workers would wait for ever)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=partial(_leave_with, parent.join), daemon=True).start()


def _leave_with(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)


def _make(job: _Job) -> tuple[str, Counter[str]]:
    """Generate a task's examples and write its part."""
    examples = rearc.generate_task(job.task_id, job.count, job.seed, job.exclude)
    rejections = dict(sorted(examples.rejections.items()))
    write_npz(job.part, {job.task_id: examples.pairs}, {"settings": job.settings(), "rejections": rejections})
    return job.task_id, examples.rejections


def _part(job: _Job) -> ExampleStore | None:
    """A task's part, if there is one that this job would write again."""
    if not job.part.exists():
        return None
    try:
        part = ExampleStore.open(job.part)
    except ArcAffinityError:
        return None
    return part if part.manifest.get("settings") == job.settings() else None


def _assemble(out: Path, jobs: list[_Job], extras: dict[str, Any]) -> None:
    """Join the parts, then move the files in place; the manifest last, since it makes the folder a store."""
    joined = out / PARTS / "joined"
    shutil.rmtree(joined, ignore_errors=True)
    write_store(joined, _parts_pairs(jobs), extras)
    try:
        for name in (*ARRAYS, MANIFEST):
            (joined / name).replace(out / name)
    except OSError as error:
        raise ArcAffinityError(f"cannot write {out}: {error.strerror or error}") from error


def _parts_pairs(jobs: list[_Job]) -> Iterator[tuple[str, list[Any]]]:
    for job in jobs:
        part = ExampleStore.open(job.part)
        yield job.task_id, [part.pair(i) for i in range(len(part))]
