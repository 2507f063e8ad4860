"""Where work that is done task by task is done: in this process, in several, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from arc_affinity.errors import ArcAffinityError, optional
from arc_affinity.processes import WorkersLostError, worker_pool

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = "10s"
"""How long a Dask scheduler may take to answer."""


WATCH, RETURN = 1.0, 20.0
"""Seconds between two looks at a cluster, and how long a worker or scheduler that is gone may take to come back."""

CANCELLED = "the Dask cluster gave the work up; the same command goes on"


@dataclass(frozen=True)
class Workers:
    """An executor to open, again if a killed worker broke it.

    It is given so many jobs ``at_a_time``; ``on_a_machine`` are those on the machine that does most of them.
    """

    open: Callable[[], AbstractContextManager[Executor]]
    at_a_time: int
    on_a_machine: int


class SerialExecutor(Executor):
    """Does the work at once, in this process; what it raises becomes the future's error, as in a pool of processes."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``fn``."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # whoever asks for the result decides
            # As long as the error is kept, what the work held, on a GPU perhaps, would be kept with it.
            traceback.clear_frames(error.__traceback__)
            future.set_exception(error)
        return future


class ClusterLostError(WorkersLostError):
    """The cluster is gone."""


class WatchedExecutor(Executor):
    """Passes work on to a cluster and ends what waits for it when the cluster is gone, which it would not say itself.

    ``lost`` says why no result can come at present; "" if nothing keeps it. Paths that are relative mean the same there
    as where this was made, if that folder is seen there.
    """

    def __init__(self, inner: Executor, lost: Callable[[], str]) -> None:
        self.inner, self.lost, self.home = inner, lost, Path.cwd()
        self.waiting: set[Future[Any]] = set()
        self.over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have ``fn`` called on the cluster.

        Raises:
            ClusterLostError: it is gone already, and was given time to come back.
        """
        begun = time.monotonic()
        while (why := self.lost()) and time.monotonic() - begun < RETURN:
            time.sleep(WATCH)
        if why:
            raise ClusterLostError(why)
        outer: Future[T] = Future()
        self.waiting.add(outer)
        self.inner.submit(_called_in, self.home, fn, *args, **kwargs).add_done_callback(
            lambda inner: self._pass_on(inner, outer)
        )
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop watching."""
        self.over.set()

    def _pass_on(self, inner: Future[T], outer: Future[T]) -> None:
        # What a cluster cancels was lost with its scheduler.
        error = ClusterLostError(self.lost() or CANCELLED) if inner.cancelled() else inner.exception()
        # The watch may have ended it already.
        with contextlib.suppress(InvalidStateError):
            outer.set_exception(error) if error is not None else outer.set_result(inner.result())
        self.waiting.discard(outer)

    def _watch(self) -> None:
        since: float | None = None
        while not self.over.wait(WATCH):
            why = self.lost()
            since = (since or time.monotonic()) if why else None
            if since is not None and time.monotonic() - since >= RETURN:
                self._end(why)

    def _end(self, why: str) -> None:
        for outer in tuple(self.waiting):
            with contextlib.suppress(InvalidStateError):
                outer.set_exception(ClusterLostError(why))


def _called_in(home: Path, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``fn`` returns, called in ``home``, where a worker of a cluster stays, as others may call it too."""
    with contextlib.suppress(OSError):
        os.chdir(home)
    return fn(*args, **kwargs)


@contextlib.contextmanager
def choose_workers(executor: str, number: int) -> Iterator[Workers]:
    """Yield the workers that a person means by ``executor``: processes, dask:local or dask:ADDRESS.

    Args:
        executor: as said above.
        number: processes, here or of the local cluster; with one, "processes" works in this process.

    Raises:
        ArcAffinityError: there is no such executor, Dask is not installed, or its scheduler does not answer.
    """
    if number < 1:
        raise ArcAffinityError(f"at least 1 worker is needed, not {number}")
    kind, _, address = executor.partition(":")
    if executor == "processes":
        yield Workers(SerialExecutor if number == 1 else lambda: worker_pool(number), number, number)
    elif kind == "dask" and address:
        with _dask(address, number) as workers:
            yield workers
    else:
        raise ArcAffinityError(f"no executor {executor!r}; take processes, dask:local or dask:ADDRESS")


@contextlib.contextmanager
def _dask(address: str, processes: int) -> Iterator[Workers]:
    distributed = optional("distributed", "cluster", called="Dask")
    with contextlib.ExitStack() as stack:
        scheduler: Any = address
        if address == "local":
            cluster = distributed.LocalCluster(
                n_workers=processes, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            )
            scheduler = stack.enter_context(cluster)
        try:
            client = stack.enter_context(distributed.Client(scheduler, timeout=PATIENCE, set_as_default=False))
        except (OSError, ValueError) as error:
            raise ArcAffinityError(f"no Dask scheduler answers at {address}: {error}") from error
        threads: Counter[str | None] = Counter()
        for worker, number in client.nthreads().items():
            threads[urlsplit(worker).hostname] += number
        if not threads.total():
            raise ArcAffinityError(f"the Dask cluster at {address} has no workers")
        yield Workers(
            lambda: WatchedExecutor(client.get_executor(retries=0), lambda: _lost(client, address)),
            threads.total(),
            max(threads.values()),
        )


def _lost(client: Any, address: str) -> str:
    """Why no result can come from a Dask cluster at present; "" if nothing keeps it."""
    if client.status != "running":
        return f"the Dask scheduler at {address} is gone; once it is back, the same command goes on"
    if not client.scheduler_info()["workers"]:
        return f"the Dask cluster at {address} has no workers any more; once it has some, the same command goes on"
    return ""
