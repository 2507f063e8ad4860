"""Work handed out: what a killed worker leaves."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path

import pytest

from arc_affinity.processes import WorkersLostError, hand_out, worker_pool


def done(value: int) -> Future[int]:
    future: Future[int] = Future()
    future.set_result(value)
    return future


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
    assert len(mine) == 2 and not any(child.is_alive() for child in mine)
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
