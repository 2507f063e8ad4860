"""Worker processes that start whole, end silently on Ctrl-C, and never outlive their parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextlib.contextmanager
def worker_pool(number: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of ``number`` processes, all of them started; what waits at the end of the block is cancelled."""
    # Spawned, because a forked copy of a process with threads (torch's) may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(number, mp_context=context, initializer=prepare_worker)
    try:
        with _interrupts_held():
            # Workers start with the first jobs; these wake them all, with interrupts held back.
            for future in [pool.submit(int) for _ in range(number)]:
                future.result()
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


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
