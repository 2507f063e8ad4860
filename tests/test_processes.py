"""Work handed out: what a killed worker leaves."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future
from multiprocessing import connection
from pathlib import Path

import pytest

from arc_affinity import processes
from arc_affinity.processes import WorkersLostError, cores, hand_out, worker_pool


def done(value: int) -> Future[int]:
    future: Future[int] = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {}, 16),
        ("0::/", {"cpu.max": "max 100000"}, 16),
        ("0::/", {"cpu.max": "250000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "6400000 100000"}, 16),
        # Its own group leaves more than one above.
        ("0::/a/b", {"a/b/cpu.max": "700000 100000", "a/cpu.max": "300000 100000", "cpu.max": "max 100000"}, 3),
        ("0::/a/b", {"a/b/cpu.max": "500000 100000", "a/cpu.max": "max 100000"}, 5),
        # As it is called outside of the container, where it has another place.
        ("0::/system.slice/d1", {"cpu.max": "400000 100000"}, 4),
        ("0::/../d2", {"cpu.max": "400000 100000"}, 4),
        ("3:cpu,cpuacct:/a\n0::/", {"cpu/a/cpu.cfs_quota_us": "700000", "cpu/a/cpu.cfs_period_us": "50000"}, 14),
        ("3:cpu:/a\n0::/", {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ("3:cpu:/a\n0::/", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, 16),
        ("4:cpuset:/a", {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 16),
        ("0::/", {"cpu.max": "some"}, 16),
        ("nonsense", {"cpu.max": "300000 100000"}, 16),
        (None, {"cpu.max": "300000 100000"}, 16),
    ],
)
def test_no_more_processors_are_used_than_a_containers_quota_is_for(
    own: str | None, files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(f"{text}\n")
    if own is not None:
        (tmp_path / "own").write_text(f"{own}\n")
    monkeypatch.setattr(processes, "CONTROL_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(processes, "OF_THIS_PROCESS", tmp_path / "own")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16), raising=False)
    assert cores() == expected


def test_a_killed_worker_ends_the_work_in_one_line() -> None:
    with worker_pool(2) as pool, pytest.raises(WorkersLostError, match="a worker process was killed"):
        list(hand_out(lambda code: pool.submit(os._exit, code), [3, 4, 5], 2))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_processes_end_amid_their_work_with_the_block_that_an_error_ends(error: type[BaseException]) -> None:
    begun, before = time.monotonic(), multiprocessing.active_children()
    with pytest.raises(error), worker_pool(2) as pool:
        mine = [child for child in multiprocessing.active_children() if child not in before]
        for _ in range(2):
            pool.submit(time.sleep, 300)
        raise error
    # `is_alive` is no answer yet where the pool's own thread collected the process and has not noted it down.
    assert len(mine) == 2 and all(connection.wait([child.sentinel], 0) for child in mine)
    assert time.monotonic() - begun < 100


def test_a_script_that_each_worker_would_run_again_is_told_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from arc_affinity.processes import worker_pool\nwith worker_pool(1):\n    pass\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    # Other threads and the workers say what happened to them too, in any order.
    name = "arc_affinity.processes.WorkersLostError: "
    (told,) = [line for line in done.stderr.splitlines() if line.startswith(name)]
    assert "worker processes did not start" in told and "__main__" in told


def test_what_came_out_well_is_yielded_before_a_broken_pool_ends_it() -> None:
    def submit(piece: int) -> Future[int]:
        if piece:
            return done(piece)
        broken: Future[int] = Future()
        broken.set_exception(BrokenExecutor())
        return broken

    handed = hand_out(submit, [0, 1, 2], 3)
    assert {next(handed)[1].result(), next(handed)[1].result()} == {1, 2}
    with pytest.raises(WorkersLostError):
        next(handed)


def test_a_pool_that_is_broken_before_it_is_asked_ends_it_too() -> None:
    def submit(_: int) -> Future[int]:
        raise BrokenExecutor

    with pytest.raises(WorkersLostError):
        list(hand_out(submit, [1], 1))
