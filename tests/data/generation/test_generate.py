"""Filling stores: the same bytes however the work is done, cut off or refused."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.generation import generate, rearc
from arc_affinity.data.generation.generate import JSON_MANIFEST, PARTS, generate_json, generate_store
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.store.files import ARRAYS, MANIFEST
from arc_affinity.errors import ArcAffinityError
from arc_affinity.processes import KILLED

TASKS = ("007bbfb7", "05269061", "1190e5a7", "9172f3a0", "dbc1a6ce")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a store made in one go by one process."""
    folder = tmp_path_factory.mktemp("whole") / "s"
    generate_store(folder, TASKS, 7, seed=3)
    return contents(folder)


def test_a_store_holds_each_tasks_examples(tmp_path: Path) -> None:
    told: list[tuple[str, Counter[str]]] = []
    store = generate_store(tmp_path / "s", TASKS[::-1], 7, 3, on_task=lambda *news: told.append(news))
    assert {path.name for path in (tmp_path / "s").iterdir()} == {*ARRAYS, MANIFEST}
    assert store.tasks == TASKS
    assert store.manifest["seed"] == 3
    assert store.manifest["per_task"] == 7
    assert store.manifest["versions"]["reasoning-gym"]
    for task in TASKS:
        made = rearc.generate_task(task, 7, 3)
        for i, pair in zip(store.indices(task), made.pairs, strict=True):
            assert np.array_equal(store.pair(i).input, pair.input)
            assert np.array_equal(store.pair(i).output, pair.output)
        assert store.manifest["rejections"].get(task, {}) == made.rejections
        assert (task, made.rejections) in told
    assert len(told) == 5


def test_two_workers_give_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    generate_store(tmp_path / "s", TASKS, 7, 3, workers=2)
    assert contents(tmp_path / "s") == whole


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cut_off_run_goes_on(tmp_path: Path, whole: dict[str, bytes], workers: int) -> None:
    told: list[str] = []

    def cut(task: str, _rejections: Counter[str]) -> None:
        told.append(task)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_store(tmp_path / "s", TASKS, 7, 3, workers, on_task=cut)
    parts = sorted((tmp_path / "s" / PARTS).iterdir())
    assert len(parts) >= 2
    parts[0].write_bytes(parts[0].read_bytes()[:99])  # as after a crash of the machine
    made: list[str] = []
    generate_store(tmp_path / "s", TASKS, 7, 3, on_task=lambda task, _: made.append(task))
    assert sorted(made) == sorted(TASKS)
    assert contents(tmp_path / "s") == whole


def test_parts_are_used_again_only_by_the_same_settings(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_joined: Path, _out: Path, _names: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate, "_move", stop)
        for seed in (4, 3):
            with pytest.raises(KeyboardInterrupt):
                generate_store(tmp_path / "s", TASKS, 7, seed)
    monkeypatch.setattr(rearc, "generate_task", None)  # all parts of seed 3 are there
    generate_store(tmp_path / "s", TASKS, 7, 3)
    assert contents(tmp_path / "s") == whole


def test_cut_off_between_the_files(tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def half(joined: Path, out: Path, names: tuple[str, ...]) -> None:
        (joined / names[0]).replace(out / names[0])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate, "_move", half)
        with pytest.raises(KeyboardInterrupt):
            generate_store(tmp_path / "s", TASKS, 7, 3)
    with pytest.raises(ArcAffinityError, match="is not an example store"):
        ExampleStore.open(tmp_path / "s")
    generate_store(tmp_path / "s", TASKS, 7, 3)
    assert contents(tmp_path / "s") == whole


def test_a_finished_store_is_only_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate_store(tmp_path / "s", TASKS, 5)
    before = contents(tmp_path / "s")
    monkeypatch.setattr(generate, "_run", None)
    assert len(generate_store(tmp_path / "s", TASKS, 5)) == 25
    for change, told in (
        ({"seed": 1}, "seed there 0, now 1"),
        ({"per_task": 6}, "per_task there 5, now 6"),
        ({"tasks": TASKS[1:]}, "tasks there 5 ids or hashes, now 4 ids or hashes"),
        ({"exclude": ExampleStore.open(tmp_path / "s")}, "excluded there None, now 2 ids or hashes"),
        ({"under_any_id": True}, "under_any_id there None, now True"),
    ):
        settings = {"tasks": TASKS, "per_task": 5, **change}
        with pytest.raises(ArcAffinityError, match=f"made with other settings .*{told}"):
            generate_store(tmp_path / "s", **settings)
    assert contents(tmp_path / "s") == before


def test_no_input_of_the_excluded_store_comes_again(tmp_path: Path) -> None:
    training = generate_store(tmp_path / "train", TASKS, 13, seed=0)
    held_out = generate_store(tmp_path / "held", TASKS[1:], 7, seed=0, exclude=training)
    for task in held_out.tasks:
        keys = [rearc.input_key(held_out.pair(i).input) for i in held_out.indices(task)]
        assert len(set(keys)) == 7
        assert not rearc.input_keys(training, task) & set(keys)


@pytest.mark.parametrize("name", ["notes.txt", "cells.npy", "05269061.json"])
@pytest.mark.parametrize("make", [generate_store, generate_json])
def test_a_folder_with_other_things_is_refused(tmp_path: Path, make, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ArcAffinityError, match=f"holds {name}, which is not of this run"):
        make(tmp_path, TASKS, 3)
    assert contents(tmp_path) == {name: b"mine"}


def test_bad_requests_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for arguments, told in (
        ((tmp_path / "s", ["05269062"], 3), "unknown task '05269062'; did you mean '05269061'"),
        ((tmp_path / "s", [], 3), "no tasks"),
        ((tmp_path / "s", TASKS, 0), "at least 1 example per task is needed, not 0"),
        ((tmp_path / "s", TASKS, 3, 0, 0), "at least 1 worker is needed, not 0"),
        ((tmp_path / "s", TASKS, 3, -(2**63)), "a seed has at most 63 bits"),
        ((tmp_path / "file", TASKS, 3), "cannot write .*file: Not a directory"),
        ((tmp_path / "file" / "s", TASKS, 3), "cannot write .*: Not a directory"),
    ):
        with pytest.raises(ArcAffinityError, match=told):
            generate_store(*arguments)
    with pytest.raises(ArcAffinityError, match="at least 2 examples per task"):
        generate_json(tmp_path / "s", TASKS, 1)
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_damaged_store_is_not_taken_for_finished(tmp_path: Path) -> None:
    generate_store(tmp_path / "s", TASKS[:2], 3)
    (tmp_path / "s" / "cells.npy").write_bytes(b"x")
    with pytest.raises(ArcAffinityError, match="damaged"):
        generate_store(tmp_path / "s", TASKS[:2], 3)


def test_task_files(tmp_path: Path, whole: dict[str, bytes]) -> None:
    made = generate_json(tmp_path / "tasks", TASKS, 7, 3)
    assert {path.name for path in (tmp_path / "tasks").iterdir()} == {
        JSON_MANIFEST,
        *(f"{task}.json" for task in TASKS),
    }
    task = json.loads((tmp_path / "tasks" / "05269061.json").read_text())
    pairs = rearc.generate_task("05269061", 7, 3).pairs
    assert [each["input"] for each in task["train"] + task["test"]] == [pair.input.tolist() for pair in pairs]
    assert len(task["test"]) == 1
    assert made["rejections"] == json.loads(whole[MANIFEST])["rejections"]
    before = contents(tmp_path / "tasks")
    assert generate_json(tmp_path / "tasks", TASKS, 7, 3, workers=2) == made
    assert contents(tmp_path / "tasks") == before
    with pytest.raises(ArcAffinityError, match="seed there 3, now 4"):
        generate_json(tmp_path / "tasks", TASKS, 7, 4)


def test_cut_off_task_files_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(joined: Path, out: Path, names: tuple[str, ...]) -> None:
        (joined / names[0]).replace(out / names[0])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate, "_move", half)
        with pytest.raises(KeyboardInterrupt):
            generate_json(tmp_path / "a", TASKS, 3)
    generate_json(tmp_path / "a", TASKS, 3)
    generate_json(tmp_path / "b", TASKS, 3)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_task_files_that_are_gone_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "tasks"
    made, before = generate_json(out, TASKS[:3], 3), contents(out)
    (out / f"{TASKS[1]}.json").unlink()
    # Not over what was made otherwise.
    with pytest.raises(ArcAffinityError, match="seed there 0, now 1"):
        generate_json(out, TASKS[:3], 3, 1)
    with pytest.raises(ArcAffinityError, match="tasks there 3 ids or hashes, now 2 ids or hashes"):
        generate_json(out, TASKS[1:3], 3)
    assert len(contents(out)) == 3
    assert generate_json(out, TASKS[:3], 3) == made
    assert contents(out) == before
    monkeypatch.setattr(generate, "_run", None)  # nothing is made where nothing is gone
    assert generate_json(out, TASKS[:3], 3) == made


SCRIPT = """
import sys
from pathlib import Path
from arc_affinity.data.generation import rearc
from arc_affinity.data.generation.generate import generate_store
if __name__ == "__main__":
    generate_store(Path(sys.argv[1]), rearc.task_ids()[:16], 20, workers=2)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def started(script: Path, out: Path) -> subprocess.Popen[str]:
    """The script in a process group of its own, at the moment when some parts are written and not all."""
    process = subprocess.Popen([sys.executable, script, out], stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(out.glob(f"{PARTS}/*.npz"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def running(group: int) -> list[int]:
    """Processes of a group; ended ones that nobody has asked after are not counted."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _parent, of_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state != "Z":
                found.append(int(path.parent.name))
    return found


def wait_for_end(group: int) -> None:
    deadline = time.monotonic() + 60
    while running(group):
        assert time.monotonic() < deadline, f"still running: {running(group)}"
        time.sleep(0.05)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")


@needs_proc
def test_kill_and_again(tmp_path: Path, script: Path) -> None:
    process = started(script, tmp_path / "s")
    process.kill()
    process.communicate()
    assert not (tmp_path / "s" / MANIFEST).exists()
    wait_for_end(process.pid)  # its workers must not outlive it
    subprocess.run([sys.executable, script, tmp_path / "s"], check=True)
    generate_store(tmp_path / "straight", rearc.task_ids()[:16], 20)
    assert contents(tmp_path / "s") == contents(tmp_path / "straight")


@needs_proc
def test_ctrl_c_leaves_nothing_running(tmp_path: Path, script: Path) -> None:
    process = started(script, tmp_path / "s")
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode != 0
    assert told.rstrip().endswith("KeyboardInterrupt")
    assert told.count("Traceback") == 1  # the workers are silent
    wait_for_end(process.pid)
    assert not (tmp_path / "s" / MANIFEST).exists()


@needs_proc
def test_a_killed_worker_is_told(tmp_path: Path, script: Path) -> None:
    process = started(script, tmp_path / "s")
    workers = [pid for pid in running(process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert told.rstrip().endswith(f"WorkersLostError: {KILLED}")
    wait_for_end(process.pid)


def test_a_full_disk_is_one_line_and_can_go_on(tmp_path: Path, whole: dict[str, bytes]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))  # parts fit up to here, the store does not
    try:
        with pytest.raises(ArcAffinityError, match="cannot write .*: File too large"):
            generate_store(tmp_path / "s", TASKS, 7, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "s" / MANIFEST).exists()
    generate_store(tmp_path / "s", TASKS, 7, 3)
    assert contents(tmp_path / "s") == whole


def test_a_store_of_ones_own_is_not_continued(tmp_path: Path) -> None:
    write_store(tmp_path / "s", {"05269061": rearc.generate_task("05269061", 3).pairs})
    with pytest.raises(ArcAffinityError, match="made with other settings"):
        generate_store(tmp_path / "s", ["05269061"], 3)
