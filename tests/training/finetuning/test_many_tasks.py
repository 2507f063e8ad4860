"""Many tasks: one result a task in one step, killed and resumed, failing tasks, one at a time in a folder, Dask."""

from __future__ import annotations

import csv
import errno
import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from arc_affinity.data.store.examples import write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.scoring.scores import score_each
from arc_affinity.files import write_text
from arc_affinity.models.adapters.files import digest_of_set
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import find_model, save_model
from arc_affinity.training import executors
from arc_affinity.training.executors import SerialExecutor, Workers, choose_workers
from arc_affinity.training.finetuning import many_tasks, reading
from arc_affinity.training.finetuning import work as work_module
from arc_affinity.training.finetuning.config import FineTuneConfig
from arc_affinity.training.finetuning.finetune import FineTuned
from arc_affinity.training.finetuning.held_out import Measured, Scores
from arc_affinity.training.finetuning.many_tasks import SETTINGS, fine_tune_tasks, read_results
from arc_affinity.training.finetuning.source import Source
from arc_affinity.training.finetuning.split import TaskSplit
from arc_affinity.training.finetuning.task_trainer import CurvePoint, Trained
from arc_affinity.training.finetuning.work import RECORDS, ManyTasks, TaskFiles, result_of, work, workers_for
from arc_affinity.types import PAD, Pair

pytestmark = pytest.mark.many_steps

QUICK = FineTuneConfig(rank=2, validation=2, test=2, steps=2, batch_examples=5)
TASKS = ("00576224", "0a0ad42b", "1b2d62fb", "one")
SERIAL = Workers(SerialExecutor, 1, 1)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Examples of three tasks, and of one that has a single pair."""
    rng = np.random.default_rng(7)

    def grids(count: int) -> list[Pair]:
        return [Pair(*rng.integers(0, 10, (2, 2, 3), dtype=np.uint8)) for _ in range(count)]

    write_store(tmp_path / "store", {task: grids(1 if task == "one" else 23) for task in TASKS})
    return tmp_path / "store"


@pytest.fixture
def mine(tiny, tmp_path: Path, store: Path) -> ManyTasks:
    torch.manual_seed(3)
    model = EncoderDecoder(tiny.model)
    with torch.no_grad():
        # An untrained model seldom ends a grid of its own accord.
        model.context_to_logits.bias[PAD] = 3.0
    save_model(model, tmp_path / "model")
    loaded, source = find_model(str(tmp_path / "model")), Source(str(store))
    model = (str(loaded.source), loaded.name, loaded.digest)
    return ManyTasks(TASKS[:3], *model, QUICK, source, (Protocol.SIZED,), threads=1)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes())
        for p in folder.rglob("*")
        if p.is_file() and p.parent.parent == folder / "tasks"
    }


def test_only_tasks_of_a_dataset_are_adapted_to_by_their_demonstrations(store: Path, tmp_path: Path) -> None:
    datasets = ("re-arc", str(store), str(tmp_path / "examples.npz"), "arc-agi-1/evaluation", str(tmp_path))
    assert [Source(name).by_demonstrations for name in datasets] == [False, False, False, True, True]


def test_a_dataset_is_read_once_and_again_when_it_changes(store: Path, tmp_path: Path, monkeypatch) -> None:
    content = {"test": [{"input": [[7, 7]], "output": [[7]]}]}
    content["train"] = [{"input": [[k, 3]], "output": [[k]]} for k in range(3)]
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "t1.json").write_text(json.dumps(content))
    read: list[str] = []

    def counted(real: Callable) -> Callable:
        return lambda name, *more: (read.append(str(name)), real(name, *more))[1]

    monkeypatch.setattr(reading, "load_tasks", counted(reading.load_tasks))
    monkeypatch.setattr(reading.ExampleStore, "open", counted(reading.ExampleStore.open))
    for place, tasks in ((tmp_path / "tasks", ("t1",)), (store, TASKS[:3])):
        source = Source(str(place))
        assert source.known()[:3] == tasks
        first, again = ([source.splits([task], QUICK)[0].digest for task in tasks] for _ in range(2))
        assert first == again
    assert read == [str(tmp_path / "tasks"), str(store)]
    # Of the same length, so that its name and size are as they were.
    (tmp_path / "tasks" / "t1.json").write_text(json.dumps(content).replace("[7, 7]", "[7, 8]"))
    [changed] = Source(str(tmp_path / "tasks")).splits(["t1"], QUICK)
    assert changed.test[0].input.tolist() == [[7, 8]] and len(read) == 3


def test_each_worker_has_a_gpu_of_its_own(mine: ManyTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "cores", lambda: 7)
    for gpus, devices in ((0, ["cpu"] * 5), (3, ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"])):
        monkeypatch.setattr(torch.cuda, "device_count", lambda gpus=gpus: gpus)
        assert [str(work_module.device_of(place)) for place in range(5)] == devices
        assert [workers_for(tasks) for tasks in (2, 5, 11)] == [2, gpus or 5, gpus or 7]
    given: list[tuple[str, int]] = []

    class FirstIsSlow(Executor):
        def submit(self, work, many, task, place):
            given.append((task, place))
            future = Future()
            if task != "a":
                future.set_exception(ArcAffinityError("no luck"))
            return future

    queue = deque(["a", "b", "c", "d"])
    found = many_tasks._until_broken(mine, FirstIsSlow(), queue, 2)
    assert [next(found).task_id for _ in range(3)] == ["b", "c", "d"]
    assert given == [("a", 0), ("b", 1), ("c", 1), ("d", 1)]


def test_each_task_leaves_its_files_and_all_one_table(mine: ManyTasks, tmp_path: Path) -> None:
    told: list[tuple[str, str | None]] = []
    ended = fine_tune_tasks(mine, tmp_path / "out", SERIAL, lambda task, error: told.append((task, error)))
    assert told == [(task, None) for task in TASKS[:3]]
    assert set(ended.results) == set(TASKS[:3]) and not ended.failed
    own: dict[str, str] = {}
    for task in TASKS[:3]:
        names = {path.name for path in (tmp_path / "out" / "tasks" / task).iterdir()}
        assert names == {"adapter_config.json", "adapter_model.safetensors", "records.jsonl.gz", "result.json"}
        adapted = find_model(str(tmp_path / "out" / "tasks" / task))
        assert adapted.adapter == task
        own[task] = adapted.digest
    before, after = score_each(read_records(ended.records))
    assert (before.subject.model_digest, after.subject.model_digest) == (mine.digest, digest_of_set(own))
    assert (before.subject.adapted, after.subject.adapted) == (False, True)
    assert len(before.outputs) == len(after.outputs) == 6
    with (tmp_path / "out" / "summary.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["task_id"] for row in rows] == list(TASKS[:3])
    result = read_results(tmp_path / "out")[TASKS[0]]
    assert float(rows[0]["sized_final_cells_pct"]) == pytest.approx(100 * result["final"]["sized"]["cells"], abs=1e-3)
    assert result["parts"] == {"train": 19, "validation": 2, "test": 2}


@pytest.mark.parametrize("adapted", [True, False])
def test_what_is_told_of_a_task(adapted: bool) -> None:
    def grid(rows: int, cols: int) -> np.ndarray:
        return np.zeros((rows, cols), np.uint8)

    cell = grid(1, 1)
    train = (Pair(cell, grid(2, 3)), Pair(cell, grid(5, 7)), Pair(cell, grid(1, 2)))
    split = TaskSplit("t", "mine", train, (Pair(cell, cell),), (Pair(cell, grid(9, 9)),) * 2)
    points = (CurvePoint(1, 4, 20, 0.5, 0.25, 0.75), CurvePoint(2, 8, 40, 0.125, None, None))
    trained = Trained(points if adapted else (), 1 if adapted else 0, adapted, 1.2345)
    base, final = (Scores((), {"sized": Measured(*shares)}) for shares in ((0.5, 0.25, 0.75), (1.0, 0.5, 1.0)))
    adapter = SimpleNamespace(size=77) if adapted else None
    shown = None if adapted else (2, 0)
    tuned = FineTuned(split, trained, base, final, "4567", 0.4567, adapter, None, shown)  # type: ignore[arg-type]
    told = result_of(tuned, ManyTasks(("t",), "some/model", "model", "0123", QUICK, Source("mine")))
    assert told == {
        "task": "t",
        "dataset": "mine",
        "examples_digest": split.digest,
        "model": "some/model",
        "model_digest": "0123",
        "digest": "4567",
        "method": "lora",
        "parts": {"train": 3, "validation": 1, "test": 2},
        "largest_output": 35,
        "examples_seen": 40 if adapted else 0,
        "steps": 8 if adapted else 0,
        "epochs": 2 if adapted else 0,
        "best_epoch": 1 if adapted else 0,
        "stopped_early": adapted,
        "seconds": 1.23,
        "scoring_seconds": 0.46,
        "adapter_values": 77 if adapted else None,
        "demonstrations": None if adapted else [2, 0],
        "base": {"sized": {"solved": 0.5, "exact": 0.25, "cells": 0.75}},
        "final": {"sized": {"solved": 1.0, "exact": 0.5, "cells": 1.0}},
        "curve": [asdict(point) for point in trained.curve],
    }


def test_the_same_again_redoes_nothing_and_more_tasks_join(mine: ManyTasks, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fine_tune_tasks(replace(mine, tasks=TASKS[:2]), out, SERIAL)
    before = files(out)
    # What a killed run leaves behind.
    (out / "tasks" / f".{TASKS[2]}.part").mkdir()
    (out / "tasks" / f".{TASKS[2]}.part" / "result.json").write_text("{")
    told: list[str | int] = []
    ended = fine_tune_tasks(mine, out, SERIAL, lambda task, _: told.append(task), told.append)
    after = files(out)
    assert told == [2, TASKS[2]]
    assert {name: after[name] for name in before} == before
    assert set(ended.results) == set(TASKS[:3])
    assert not (out / "tasks" / f".{TASKS[2]}.part").exists()


def test_a_task_that_fails_is_told_and_the_rest_goes_on(mine: ManyTasks, tmp_path: Path) -> None:
    ended = fine_tune_tasks(replace(mine, tasks=TASKS), tmp_path / "out", SERIAL)
    assert set(ended.results) == set(TASKS[:3])
    assert set(ended.failed) == {"one"} and "it needs 2" in ended.failed["one"]
    said = json.loads((tmp_path / "out" / "failed" / "one.json").read_text())
    assert said["task"] == "one"
    with pytest.raises(ArcAffinityError, match="no task was fine-tuned; one: task one has 0 pair"):
        fine_tune_tasks(replace(mine, tasks=("one",)), tmp_path / "other", SERIAL)
    # What failed before is not what fails now.
    write_text(tmp_path / "other" / "failed" / "0old.json", '{"task": "0old", "error": "of long ago"}')
    with pytest.raises(ArcAffinityError, match="no task was fine-tuned; one: task one has 0 pair"):
        fine_tune_tasks(replace(mine, tasks=("one",)), tmp_path / "other", SERIAL)


@pytest.mark.parametrize("workers", [SERIAL, Workers(lambda: ThreadPoolExecutor(2), 2, 2)], ids=["one", "a pool"])
def test_what_else_goes_wrong_fails_one_task_too(
    mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: Workers
) -> None:
    def short(many: ManyTasks, task: str, place: int) -> TaskFiles:
        if task == TASKS[0]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return work(many, task)

    monkeypatch.setattr(many_tasks, "work", short)
    ended = fine_tune_tasks(mine, tmp_path / "out", workers)
    assert set(ended.results) == set(TASKS[1:3])
    assert ended.failed == {TASKS[0]: "OutOfMemoryError: CUDA out of memory"}


def test_a_task_where_the_base_won_is_of_the_same_set(
    mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One improved task and two that keep the base's weights."""
    config = replace(QUICK, method="full")

    def first_learns(many: ManyTasks, task: str, place: int) -> TaskFiles:
        return work(replace(many, config=replace(config, learning_rate=0.01 if task == TASKS[0] else 0.0)), task)

    monkeypatch.setattr(many_tasks, "work", first_learns)
    ended = fine_tune_tasks(replace(mine, config=config), tmp_path / "out", SERIAL)
    own = {task: result["digest"] for task, result in ended.results.items()}
    assert own[TASKS[0]] != mine.digest == own[TASKS[1]] == own[TASKS[2]]
    made = read_records(ended.records)
    assert {(r.adapter, r.model_digest) for r in made} == {(None, mine.digest), ("full", digest_of_set(own))}
    parts = [record for task in TASKS[:3] for record in read_records(tmp_path / "out" / "tasks" / task / RECORDS)]
    assert [r.to_json() for r in made] == [
        r.to_json() | {"model_digest": digest_of_set(own) if r.adapter else mine.digest} for r in parts
    ]
    assert [score.subject.adapted for score in score_each(made)] == [False, True]


def test_other_settings_are_refused(mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine_tune_tasks(replace(mine, tasks=TASKS[:1]), tmp_path / "out", SERIAL)
    other = replace(mine, config=replace(QUICK, rank=3))
    with pytest.raises(ArcAffinityError, match=r"holds fine-tunings by other settings \(rank was 2\)"):
        fine_tune_tasks(other, tmp_path / "out", SERIAL)
    # Of re-arc the versions decide the examples too; runs of earlier versions of this package did not note them.
    settings = tmp_path / "out" / SETTINGS
    noted = json.loads(settings.read_text())
    assert "versions" not in noted
    monkeypatch.setattr(many_tasks.ManyTasks, "settings", lambda _: {**noted, "versions": {"reasoning-gym": "0.2"}})
    fine_tune_tasks(mine, tmp_path / "out", SERIAL)
    settings.write_text(json.dumps({**noted, "versions": {"reasoning-gym": "0.1"}}))
    with pytest.raises(ArcAffinityError, match=r"versions was \{'reasoning-gym': '0.1'\}"):
        fine_tune_tasks(mine, tmp_path / "out", SERIAL)
    tuning = {name: value for name, value in noted["tuning"].items() if name != "unlike_also"}
    settings.write_text(json.dumps({**noted, "tuning": tuning}))
    fine_tune_tasks(mine, tmp_path / "out", SERIAL)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("dear")
    with pytest.raises(ArcAffinityError, match=r"holds letter.txt, of no fine-tuning"):
        fine_tune_tasks(mine, tmp_path / "taken", SERIAL)


def test_a_corrected_task_is_not_mixed_with_what_it_was(mine: ManyTasks, tmp_path: Path) -> None:
    out, content = tmp_path / "out", {"test": [{"input": [[7, 7]], "output": [[7]]}]}
    content["train"] = [{"input": [[k, 3]], "output": [[k]]} for k in range(3)]
    (tmp_path / "tasks").mkdir()
    for name in ("t1", "t2"):
        (tmp_path / "tasks" / f"{name}.json").write_text(json.dumps(content))
    of_files = replace(mine, tasks=("t1",), source=Source(str(tmp_path / "tasks")))
    fine_tune_tasks(of_files, out, SERIAL)
    both = replace(of_files, tasks=("t1", "t2"))
    assert set(fine_tune_tasks(both, out, SERIAL).results) == {"t1", "t2"}, "the same content goes on"
    before = files(out)
    content["test"][0]["output"] = [[9]]
    (tmp_path / "tasks" / "t1.json").write_text(json.dumps(content))
    for asked in (both, replace(both, tasks=("t2",))):
        with pytest.raises(ArcAffinityError, match=r"tasks/t1: fine-tuned to other examples than \S+ has now; remove"):
            fine_tune_tasks(asked, out, SERIAL)
    assert files(out) == before
    shutil.rmtree(out / "tasks" / "t1")
    assert set(fine_tune_tasks(both, out, SERIAL).results) == {"t1", "t2"}
    # Of a task that is gone there is nothing to compare.
    (tmp_path / "tasks" / "t1.json").unlink()
    fine_tune_tasks(replace(of_files, tasks=("t2",)), out, SERIAL)


def test_a_store_made_anew_is_not_mixed_with_what_it_was(mine: ManyTasks, store: Path, tmp_path: Path) -> None:
    one = replace(mine, tasks=TASKS[:1])
    fine_tune_tasks(one, tmp_path / "out", SERIAL)
    assert fine_tune_tasks(one, tmp_path / "out", SERIAL).results
    shutil.rmtree(store)
    rng = np.random.default_rng(8)
    write_store(store, {TASKS[0]: [Pair(*rng.integers(0, 10, (2, 2, 3), dtype=np.uint8)) for _ in range(23)]})
    with pytest.raises(ArcAffinityError, match=f"{TASKS[0]}: fine-tuned to other examples"):
        fine_tune_tasks(one, tmp_path / "out", SERIAL)


def test_two_fine_tunings_in_one_folder(mine: ManyTasks, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    script = (
        f"import fcntl, time; f = open({str(out / '.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(ArcAffinityError, match="another process is at work in"):
            fine_tune_tasks(mine, out, SERIAL)
        holder.kill()
    # The lock dies with its process.
    assert fine_tune_tasks(replace(mine, tasks=TASKS[:1]), out, SERIAL).results
    with (out / ".lock").open("w") as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_full_disk_loses_nothing(mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    real, written = many_tasks.write_bytes, []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 6:
            raise ArcAffinityError(f"cannot write {path}: {os.strerror(errno.ENOSPC)}")
        real(path, content)

    monkeypatch.setattr(many_tasks, "write_bytes", full)
    with pytest.raises(ArcAffinityError, match="No space left on device"):
        fine_tune_tasks(mine, out, SERIAL)
    assert [path.name for path in (out / "tasks").iterdir()] == [TASKS[0]]
    monkeypatch.undo()
    before = files(out)
    ended = fine_tune_tasks(mine, out, SERIAL)
    assert set(ended.results) == set(TASKS[:3]) and before.items() <= files(out).items()


def suicidal(many: ManyTasks, task: str, place: int) -> TaskFiles:
    """Kill this process over the second task, as a lack of memory would."""
    if task == TASKS[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return work(many, task)


def test_a_killed_worker_costs_its_own_task_alone(
    mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_tasks, "work", suicidal)
    # Forked, as a spawned process could not import this function.
    forked = multiprocessing.get_context("fork")
    ended = fine_tune_tasks(mine, tmp_path / "out", Workers(lambda: ProcessPoolExecutor(2, mp_context=forked), 2, 2))
    assert set(ended.results) == {TASKS[0], TASKS[2]}
    assert "killed" in ended.failed[TASKS[1]]
    monkeypatch.undo()
    assert set(fine_tune_tasks(mine, tmp_path / "out", SERIAL).results) == set(TASKS[:3])


@pytest.mark.slow
def test_processes_do_what_one_does(mine: ManyTasks, tmp_path: Path) -> None:
    with choose_workers("processes", 2) as workers:
        ended = fine_tune_tasks(replace(mine, tasks=TASKS), tmp_path / "out", workers)
    serial = fine_tune_tasks(mine, tmp_path / "serial", SERIAL).results
    assert [ended.results[task]["final"] for task in TASKS[:3]] == [serial[task]["final"] for task in TASKS[:3]]
    assert set(ended.failed) == {"one"}


COMMAND = [sys.executable, "-m", "arc_affinity.cli.main", "finetune"]


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(mine: ManyTasks, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ["--rank", "2", "--validation", "2", "--test", "2", "--steps", "2", "--batch-examples", "5"]
    command = [*COMMAND, mine.model, "--dataset", mine.source.dataset, "--tasks", *TASKS[:3], "--out", str(out)]
    command += [*flags, "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (out / "tasks" / TASKS[0]).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = files(out)
    assert done and not (out / "summary.csv").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, f"{out / 'records.jsonl.gz'}\n"), again.stderr
    assert done.items() <= files(out).items()
    assert set(read_results(out)) == set(TASKS[:3])


@pytest.mark.slow
def test_a_real_dask_cluster(mine: ManyTasks, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with choose_workers("dask:local", 2) as workers:
        ended = fine_tune_tasks(replace(mine, tasks=TASKS), tmp_path / "out", workers)
    assert set(ended.results) == set(TASKS[:3]) and set(ended.failed) == {"one"}
    serial = fine_tune_tasks(mine, tmp_path / "serial", SERIAL).results
    assert [ended.results[task]["final"] for task in TASKS[:3]] == [serial[task]["final"] for task in TASKS[:3]]


class Silent(Executor):
    """A cluster that does the first job and is silent, or gives up, from then on."""

    def __init__(self, gives_up: bool) -> None:
        self.gives_up, self.jobs = gives_up, 0

    def submit(self, fn, /, *args, **kwargs):
        self.jobs += 1
        if self.jobs == 1:
            return SerialExecutor().submit(fn, *args, **kwargs)
        future: Future = Future()
        if self.gives_up:
            future.cancel()
            future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize("gives_up", [True, False])
def test_a_cluster_that_is_gone_ends_the_work_which_goes_on_later(
    mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gives_up: bool
) -> None:
    monkeypatch.setattr(executors, "WATCH", 0.01)
    monkeypatch.setattr(executors, "RETURN", 0.05)
    inner, out = Silent(gives_up), tmp_path / "out"
    # It is there until the first job is done.
    cluster = Workers(
        lambda: executors.WatchedExecutor(inner, lambda: "the cluster is gone" if inner.jobs > 1 else ""), 1, 1
    )
    with pytest.raises(ArcAffinityError, match="the cluster is gone"):
        fine_tune_tasks(mine, out, cluster)
    assert set(read_results(out)) == {TASKS[0]} and not (out / "failed").exists()
    done = files(out)
    assert set(fine_tune_tasks(mine, out, SERIAL).results) == set(TASKS[:3]) and done.items() <= files(out).items()


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "told"), [("worker", "has no workers any more"), ("scheduler", "is gone")])
def test_a_real_cluster_whose_processes_are_killed(
    monkeypatch: pytest.MonkeyPatch, cluster, killed: str, told: str
) -> None:
    monkeypatch.setattr(executors, "RETURN", 2.0)
    with choose_workers(f"dask:{cluster.address}", 1) as workers, workers.open() as executor:
        assert executor.submit(abs, -3).result(30) == 3
        waiting = executor.submit(time.sleep, 60)
        time.sleep(1)
        cluster.running[killed].kill()
        with pytest.raises(ArcAffinityError, match=told):
            waiting.result(30)


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["worker", "scheduler"])
def test_fine_tuning_outlives_the_processes_of_a_cluster(
    mine: ManyTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster, killed: str
) -> None:
    """Where a worker dies another one does its work; where the scheduler dies the same call goes on elsewhere."""
    monkeypatch.setattr(executors, "RETURN", 2.0)
    cluster.join("another worker")
    out, done = tmp_path / "out", []

    def kill(task: str, error: object) -> None:
        done.append(task)
        cluster.running[killed].kill()

    with choose_workers(f"dask:{cluster.address}", 1) as workers:
        if killed == "worker":
            fine_tune_tasks(mine, out, workers, kill)
            assert sorted(done) == sorted(TASKS[:3])
        else:
            with pytest.raises(ArcAffinityError, match="is gone"):
                fine_tune_tasks(mine, out, workers, kill)
            assert 1 <= len(read_results(out)) < 3
    ended, serial = (fine_tune_tasks(mine, folder, SERIAL) for folder in (out, tmp_path / "serial"))
    assert not ended.failed
    assert [ended.results[task]["final"] for task in TASKS[:3]] == [serial.results[task]["final"] for task in TASKS[:3]]


def test_dask_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "PATIENCE", "1s")
    with pytest.raises(ArcAffinityError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        choose_workers("dask:tcp://127.0.0.1:9", 1).__enter__()


@pytest.mark.parametrize(
    ("name", "number", "told"), [("slurm", 2, "no executor 'slurm'"), ("processes", 0, "1 worker")]
)
def test_executors_that_are_none(name: str, number: int, told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        choose_workers(name, number).__enter__()
