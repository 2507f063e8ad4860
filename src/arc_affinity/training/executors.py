"""Where the work of a sweep is done: in this process, in several, or on a Dask cluster (decision 15)."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from arc_affinity.errors import ArcAffinityError
from arc_affinity.processes import worker_pool

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = "10s"
"""How long a Dask scheduler may take to answer."""


@dataclass(frozen=True)
class Workers:
    """An executor to open (again, if a killed worker broke it) and how many jobs it is given at a time."""

    open: Callable[[], AbstractContextManager[Executor]]
    at_a_time: int


class SerialExecutor(Executor):
    """Does the work at once, in this process; only what a task is at fault for becomes the future's error."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``fn``."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except ArcAffinityError as error:
            future.set_exception(error)
        return future


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
        yield Workers(SerialExecutor if number == 1 else lambda: worker_pool(number), number)
    elif kind == "dask" and address:
        with _dask(address, number) as workers:
            yield workers
    else:
        raise ArcAffinityError(f"no executor {executor!r}; take processes, dask:local or dask:ADDRESS")


@contextlib.contextmanager
def _dask(address: str, number: int) -> Iterator[Workers]:
    try:
        # Typed loosely, as the package has no types and may be missing.
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise ArcAffinityError("Dask is not installed; pip install 'arc-affinity[cluster]' brings it") from error
    with contextlib.ExitStack() as stack:
        scheduler: Any = address
        if address == "local":
            cluster = distributed.LocalCluster(
                n_workers=number, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            )
            scheduler = stack.enter_context(cluster)
        try:
            client = stack.enter_context(distributed.Client(scheduler, timeout=PATIENCE, set_as_default=False))
        except (OSError, ValueError) as error:
            raise ArcAffinityError(f"no Dask scheduler answers at {address}: {error}") from error
        threads = sum(client.nthreads().values())
        if not threads:
            raise ArcAffinityError(f"the Dask cluster at {address} has no workers")
        yield Workers(lambda: contextlib.nullcontext(client.get_executor(retries=0)), threads)
