"""Filling a store or a folder of task files with re-arc examples; an interrupted run resumes.

Each finished task is a part file, written in one step; the last step joins the parts. The parts and all
temporary files lie in ``.parts`` within the output folder, which is removed at the end.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.data.generation import rearc
from arc_affinity.data.store.examples import GENERATED, ExampleStore, write_json_tasks, write_npz, write_store
from arc_affinity.data.store.files import ARRAYS, MANIFEST, Manifest
from arc_affinity.data.symmetry.canonical import digest_of_pairs
from arc_affinity.documents import MOST_WHOLE, Count, fit, read_object
from arc_affinity.errors import ArcAffinityError, os_errors, unknown
from arc_affinity.files import write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.processes import hand_out, worker_pool
from arc_affinity.types import Pair

PARTS = ".parts"
JSON_MANIFEST = ".generated"
"""Says that a folder of task files is complete and how it was made; no ``.json``, so no loader takes it."""

OnTask = Callable[[str, Counter[str]], None]
"""Told of each task as it is ready: its id and its rejections by reason."""

Rejections = dict[str, dict[str, int]]
"""Rejected tries by task and by reason; tasks without any are left out."""


@dataclass(frozen=True)
class Job:
    """One task's share of the work; small, since it is sent to another process."""

    part: Path
    task_id: str
    count: int
    seed: int
    exclude: frozenset[bytes]
    exclude_pairs: frozenset[str]

    def settings(self) -> dict[str, Any]:
        """What the part's bytes depend on."""
        excluded = [*sorted(self.exclude), *(digest.encode() for digest in sorted(self.exclude_pairs))]
        return {
            "task": self.task_id,
            "per_task": self.count,
            "seed": self.seed,
            "excluded": hashlib.sha256(b"".join(excluded)).hexdigest(),
            "versions": rearc.versions(),
        }


@dataclass(frozen=True)
class Request:
    """What is to be made: ``per_task`` examples of each task, none with an input that ``exclude`` has for that task,
    nor, where it is to be left out ``under_any_id``, a pair that it has for any."""

    tasks: tuple[str, ...]
    per_task: int
    seed: int
    exclude: ExampleStore | None
    under_any_id: bool = False

    def settings(self) -> dict[str, Any]:
        """What the output's bytes depend on, besides the tasks."""
        hashes = None if self.exclude is None else [self.exclude.manifest["sha256"][name] for name in ARRAYS]
        return {
            "source": GENERATED,
            "seed": self.seed,
            "per_task": self.per_task,
            "excluded": hashes,
            # Folders of earlier versions say nothing of it.
            **({"under_any_id": True} if self.under_any_id else {}),
            "versions": rearc.versions(),
        }

    def jobs(self, parts: Path) -> list[Job]:
        """The work, one job a task."""
        keys = {
            task: frozenset[bytes]() if self.exclude is None else rearc.input_keys(self.exclude, task)
            for task in self.tasks
        }
        pairs = frozenset[str]()
        if self.exclude is not None and self.under_any_id:
            pairs = frozenset(digest_of_pairs([self.exclude.pair(i)]) for i in range(len(self.exclude)))
        return [Job(parts / f"{t}.npz", t, self.per_task, self.seed, keys[t], pairs) for t in self.tasks]


def generate_store(
    out: Path,
    tasks: Iterable[str],
    per_task: int,
    seed: int = 0,
    workers: int = 1,
    exclude: ExampleStore | None = None,
    on_task: OnTask | None = None,
    *,
    under_any_id: bool = False,
) -> ExampleStore:
    """Make a store of ``per_task`` verified examples of each task; the same bytes for any number of workers.

    An interrupted call resumes when it is repeated; on a finished store of the same settings it only opens it.

    Args:
        out: folder of the store.
        tasks: ids among `rearc.task_ids`.
        per_task: examples of each task, at least 1.
        seed: any integer of 63 bits.
        workers: processes; with 1 the work is done in this one. With more, a script that calls this needs
            ``if __name__ == "__main__"``.
        exclude: store whose inputs must not come again within the same task.
        on_task: called in this process for each finished task.
        under_any_id: whether pairs of ``exclude`` must not come again in other tasks either.

    Raises:
        ArcAffinityError: an unknown task, a folder with other content or settings, a task that gives too few
            examples, a file that cannot be written, or a worker that was killed.
    """
    request = _request(tasks, per_task, seed, workers, exclude, under_any_id)

    def join(jobs: list[Job], rejections: Rejections, joined: Path) -> None:
        pairs = ((job.task_id, _pairs(job)) for job in jobs)
        write_store(joined, pairs, {**request.settings(), "rejections": rejections})

    _fill(out, request, workers, on_task, (*ARRAYS, MANIFEST), join, lambda: ExampleStore.open(out).manifest)
    return ExampleStore.open(out, verify=False)


def generate_json(
    out: Path,
    tasks: Iterable[str],
    per_task: int,
    seed: int = 0,
    workers: int = 1,
    exclude: ExampleStore | None = None,
    on_task: OnTask | None = None,
) -> Manifest:
    """Make one ARC task file a task, ``ID.json``, in place of a store.

    Arguments and errors as in `generate_store`, the form of the files as in `write_json_tasks`. Returns the
    settings, the task ids and the rejections, which the folder keeps in ``.generated``. Where files of a finished
    folder are gone all are made again.
    """
    request = _request(tasks, per_task, seed, workers, exclude)
    if per_task < 2:
        raise ArcAffinityError("a task file needs at least 2 examples per task: one to learn from, one to test")

    def join(jobs: list[Job], rejections: Rejections, joined: Path) -> None:
        for job in jobs:
            write_json_tasks(ExampleStore.open(job.part), joined)
        made = {**request.settings(), "tasks": list(request.tasks), "rejections": rejections}
        write_text(joined / JSON_MANIFEST, json.dumps(made, indent=1, sort_keys=True) + "\n")

    names = (*(f"{task}.json" for task in request.tasks), JSON_MANIFEST)
    return _fill(out, request, workers, on_task, names, join, lambda: read_manifest(out / JSON_MANIFEST))


def read_manifest(path: Path) -> Manifest:
    """Return what a folder of generated task files says of itself.

    Raises:
        ArcAffinityError: it is missing, or no such manifest.
    """
    made = read_object(path)
    fit(made, _Made, str(path))
    return made


def _fill(
    out: Path,
    request: Request,
    workers: int,
    on_task: OnTask | None,
    names: tuple[str, ...],
    join: Callable[[list[Job], Rejections, Path], None],
    manifest: Callable[[], Manifest],
) -> Manifest:
    """Make the files called ``names`` in ``out``, unless they are there, and return their manifest.

    The last file makes the folder complete. ``join`` writes all of them to another folder from the parts.
    """
    *others, marker = names

    def whole() -> Manifest | None:
        if not _is_finished(out, marker, others):
            return None
        found = manifest()
        # Nothing is made over what was made otherwise.
        _refuse_other_settings(out, found, request)
        return found if all((out / name).exists() for name in names) else None

    made = whole()
    if made is None:
        with working_in(out):
            # Another process may have finished it meanwhile.
            made = whole()
            if made is None:
                jobs = request.jobs(out / PARTS)
                rejections = _run(jobs, workers, on_task)
                joined = out / PARTS / "joined"
                shutil.rmtree(joined, ignore_errors=True)
                join(jobs, rejections, joined)
                _move(joined, out, names)
                made = manifest()
    shutil.rmtree(out / PARTS, ignore_errors=True)
    return made


def _refuse_other_settings(out: Path, made: Manifest, request: Request) -> None:
    """Refuse what was ``made`` in ``out`` at another request."""
    wanted = {**request.settings(), "tasks": list(request.tasks)}
    if other := [key for key, value in wanted.items() if made.get(key) != value]:
        told = "; ".join(f"{key} there {_short(made.get(key))}, now {_short(wanted[key])}" for key in other)
        raise ArcAffinityError(f"{out} was made with other settings ({told}); remove it or choose another folder")


def _request(
    tasks: Iterable[str],
    per_task: int,
    seed: int,
    workers: int,
    exclude: ExampleStore | None,
    under_any_id: bool = False,
) -> Request:
    wanted, known = tuple(sorted(set(tasks))), rearc.task_ids()
    if not wanted:
        raise ArcAffinityError("no tasks to generate examples of")
    for task in wanted:
        if task not in known:
            raise unknown("task", task, known)
    for name, number in (("example per task", per_task), ("worker", workers)):
        if number < 1:
            raise ArcAffinityError(f"at least 1 {name} is needed, not {number}")
    if abs(seed) > MOST_WHOLE:
        raise ArcAffinityError(f"a seed has at most 63 bits, so none is {seed}")
    return Request(wanted, per_task, seed, exclude, under_any_id)


def _is_finished(out: Path, marker: str, others: Iterable[str]) -> bool:
    """Whether ``out`` has its last file; an error if it has files that no run of this kind left behind."""
    with os_errors(f"cannot write {out}"):
        content = {entry.name for entry in out.iterdir()} if out.exists() else set()
    # Without parts and marker no run was here, so even files of the expected names are someone's own.
    content -= {LOCK}
    own = {PARTS, marker, *others} if content & {PARTS, marker} else set[str]()
    if content - own and marker not in content:
        raise ArcAffinityError(f"{out} holds {min(content - own)}, which is not of this run; choose an empty folder")
    return marker in content


def _short(value: object) -> str:
    return f"{len(value)} ids or hashes" if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class _Made:
    tasks: list[str]
    rejections: dict[str, dict[str, Count]]


def _run(jobs: list[Job], workers: int, on_task: OnTask | None) -> Rejections:
    """Make the missing parts; return the rejections of all tasks, in the tasks' order."""
    found: dict[str, Counter[str]] = {}
    for task, rejections in _each(jobs, workers):
        found[task] = rejections
        if on_task is not None:
            on_task(task, rejections)
    return {job.task_id: dict(sorted(found[job.task_id].items())) for job in jobs if found[job.task_id]}


def _each(jobs: list[Job], workers: int) -> Iterator[tuple[str, Counter[str]]]:
    """Rejections of each task, those with a part first, the others as they are finished."""
    missing: list[Job] = []
    for job in jobs:
        part = _part(job)
        if part is None:
            missing.append(job)
        else:
            yield job.task_id, Counter(part.manifest["rejections"])
    if workers == 1 or not missing:
        yield from map(_make, missing)
        return
    processes = min(workers, len(missing))
    with worker_pool(processes) as pool:
        # One more than there are processes, so that none waits for the next.
        for _, future in hand_out(lambda job: pool.submit(_make, job), missing, processes + 1):
            yield future.result()


def _make(job: Job) -> tuple[str, Counter[str]]:
    examples = rearc.generate_task(job.task_id, job.count, job.seed, job.exclude, job.exclude_pairs)
    rejections = dict(sorted(examples.rejections.items()))
    extras = {"settings": job.settings(), "rejections": rejections}
    write_npz(job.part, {job.task_id: examples.pairs}, extras)
    return job.task_id, examples.rejections


def _part(job: Job) -> ExampleStore | None:
    """A task's part, if there is one that this job would write again."""
    if not job.part.exists():
        return None
    try:
        part = ExampleStore.open(job.part)
    except ArcAffinityError:
        return None
    return part if part.manifest.get("settings") == job.settings() else None


def _pairs(job: Job) -> list[Pair]:
    """All of a finished part's examples."""
    part = ExampleStore.open(job.part)
    return [part.pair(i) for i in range(len(part))]


def _move(joined: Path, out: Path, names: Iterable[str]) -> None:
    """Move files to ``out``; the last one is what makes the folder complete."""
    with os_errors(f"cannot write {out}"):
        for name in names:
            (joined / name).replace(out / name)
