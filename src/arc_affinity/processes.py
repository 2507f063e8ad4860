"""Worker processes that start whole, end silently on Ctrl-C, never outlive their parent; handing work out to them."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path, PurePosixPath
from typing import TypeVar

from arc_affinity.errors import ArcAffinityError

R = TypeVar("R")
T = TypeVar("T")


class WorkersLostError(ArcAffinityError):
    """No result can come any more: the fault is no task's, and all work ends."""


KILLED = "a worker process was killed, for lack of memory perhaps; what is done is kept, and the same command goes on"


NOT_STARTED = (
    'worker processes did not start; a script that starts some does so below `if __name__ == "__main__":`, '
    "as each imports it anew, or asks for one worker"
)


LEAVING = 5.0
"""Seconds that a process may take to end once it is told to."""


CONTROL_GROUPS, OF_THIS_PROCESS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux keeps its groups of processes, such as containers, and says which of them this process is in."""

OF_VERSION_1, OF_VERSION_2 = ("cpu.cfs_quota_us", "cpu.cfs_period_us"), ("cpu.max",)
"""Files that say for how many microseconds a group may compute, and in which period."""


def cores() -> int:
    """Return how many processors this process may use, of which a container's quota may be worth less than it sees."""
    seen = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, math.floor(min(seen, _quota(CONTROL_GROUPS, OF_THIS_PROCESS))))


def _quota(groups: Path, own: Path) -> float:
    """For how many processors' time this process is let compute, by its groups and those above; ``inf`` without limit.

    Those above a container's own are not seen inside, and its own lies at the top of ``groups`` there.
    """
    try:
        mine = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return math.inf
    least = math.inf
    for _, controllers, group in (fields for fields in mine if len(fields) == 3):
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 1 has a folder for each controller; version 2 has one for all, and names none of them.
        top, files = (groups / "cpu", OF_VERSION_1) if controllers else (groups, OF_VERSION_2)
        names = PurePosixPath(group).parts[1:]
        least = min(least, *(_limit(top.joinpath(*names[:depth]), files) for depth in range(len(names) + 1)))
    return least


def _limit(folder: Path, files: Iterable[str]) -> float:
    """For how many processors' time one group is let compute, as its ``files`` say."""
    try:
        quota, period = " ".join((folder / name).read_text() for name in files).split()
        # Without a limit version 2 says "max", and version 1 says -1.
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError):
        return math.inf


@contextlib.contextmanager
def worker_pool(number: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of ``number`` processes, all of them started; what waits at the end of the block is cancelled.

    Where the block ends by an error or an interrupt, the processes end with it, amid their work.

    Raises:
        WorkersLostError: they do not start.
    """
    # Spawned, because a forked copy of a process with threads (torch's) may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(number, mp_context=context, initializer=prepare_worker)
    others = {child.pid for child in multiprocessing.active_children()}
    try:
        with _interrupts_held():
            _start_all(pool, number)
        yield pool
    except BaseException:
        # Python would wait for their work before it leaves, and they would write where nobody holds the folder now.
        _end(child for child in multiprocessing.active_children() if child.pid not in others)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end(children: Iterable[BaseProcess]) -> None:
    ended = list(children)
    for child in ended:
        child.terminate()
    for child in ended:
        child.join(LEAVING)


def _start_all(pool: ProcessPoolExecutor, number: int) -> None:
    """Give every worker a job: they start with the first."""
    try:
        for future in [pool.submit(int) for _ in range(number)]:
            future.result()
    except BrokenExecutor as error:
        raise WorkersLostError(NOT_STARTED) from error


def hand_out(
    submit: Callable[[T], Future[R]], pieces: Iterable[T], at_a_time: int, end: float = math.inf
) -> Iterator[tuple[T, Future[R]]]:
    """Yield each piece of work with its future as it ends, so many being done at a time.

    Args:
        submit: begins one.
        pieces: each is asked for when there is room for it.
        at_a_time: pieces that are given out at once.
        end: by ``time.monotonic``; none is begun after it.

    Raises:
        WorkersLostError: a process that does the work was killed.
    """
    waiting, running = iter(pieces), dict[Future[R], T]()
    while True:
        for piece in islice(waiting, at_a_time - len(running)):
            if time.monotonic() >= end:
                break
            try:
                running[submit(piece)] = piece
            except BrokenExecutor as error:
                raise WorkersLostError(KILLED) from error
        if not running:
            return
        # What came out well goes first, before a broken pool ends this.
        for future in sorted(wait(running, return_when=FIRST_COMPLETED).done, key=_was_broken):
            if _was_broken(future):
                raise WorkersLostError(KILLED) from future.exception()
            yield running.pop(future), future


def _was_broken(future: Future[R]) -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenExecutor)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the workers are started: they inherit it, and so never die half imported."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def prepare_worker() -> None:
    """End a worker silently on Ctrl-C, and when its parent is gone (a pool's workers would wait for ever)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
