"""Executors: what becomes an error of the work, what ends all of it, and what a cluster that is gone leaves."""

from __future__ import annotations

import sys
import weakref
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.training import executors
from arc_affinity.training.executors import CANCELLED, ClusterLostError, SerialExecutor, WatchedExecutor, choose_workers


class Held(SerialExecutor):
    """Keeps what it is given instead of doing it."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "WATCH", 0.002)
    monkeypatch.setattr(executors, "RETURN", 0.01)


def refuse(error: Exception) -> None:
    raise error


class Large:
    """Stands for what fills a GPU."""


def test_in_this_process_errors_wait_as_in_a_pool_and_hold_nothing() -> None:
    held: list[weakref.ref[Large]] = []

    def fail(error: BaseException) -> None:
        large = Large()
        held.append(weakref.ref(large))
        raise error

    with SerialExecutor() as executor:
        assert executor.submit(divmod, 17, 5).result() == (3, 2)
        waiting = [executor.submit(fail, error) for error in (ArcAffinityError("bad task"), KeyError("a slip"))]
        assert [type(future.exception()) for future in waiting] == [ArcAffinityError, KeyError]
        assert [each() for each in held] == [None, None]
        with pytest.raises(KeyboardInterrupt):
            executor.submit(fail, KeyboardInterrupt())


def test_results_and_errors_pass_on() -> None:
    watched = WatchedExecutor(SerialExecutor(), lambda: "")
    assert watched.submit(divmod, 17, 5).result(1) == (3, 2)
    assert str(watched.submit(refuse, ArcAffinityError("bad task")).exception(1)) == "bad task"
    assert not watched.waiting
    watched.shutdown()
    assert watched.over.is_set()


def test_relative_paths_mean_the_same_on_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    watched = WatchedExecutor(SerialExecutor(), lambda: "")
    watched.shutdown()
    monkeypatch.chdir(tmp_path / "theirs")
    assert watched.submit(Path("model").resolve).result(1) == tmp_path / "mine" / "model"
    # A machine that does not see the folder may have all that is asked for: bundled models, re-arc.
    (tmp_path / "mine").rmdir()
    monkeypatch.chdir(tmp_path / "theirs")
    assert watched.submit(Path("model").resolve).result(1) == tmp_path / "theirs" / "model"


@pytest.mark.parametrize("why", ["gone", ""])
def test_what_a_cluster_cancels_was_lost(why: str) -> None:
    held, told = Held(), [""]
    watched = WatchedExecutor(held, lambda: told[0])
    outer = watched.submit(divmod, 17, 5)
    watched.shutdown()
    told[0] = why
    held.futures[0].cancel()
    held.futures[0].set_running_or_notify_cancel()
    error = outer.exception(1)
    assert isinstance(error, ClusterLostError) and str(error) == (why or CANCELLED)


def test_a_cluster_that_is_gone_for_long_ends_what_waits() -> None:
    told = [""]
    watched = WatchedExecutor(Held(), lambda: told[0])
    first, second = watched.submit(divmod, 17, 5), watched.submit(divmod, 17, 7)
    told[0] = "gone"
    for outer in (first, second):
        with pytest.raises(ClusterLostError, match="gone"):
            outer.result(5)
    with pytest.raises(ClusterLostError, match="gone"):
        watched.submit(divmod, 17, 5)
    watched.shutdown()


def test_a_cluster_that_comes_back_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "RETURN", 60.0)
    answers = iter(["gone", "gone"])
    watched = WatchedExecutor(SerialExecutor(), lambda: next(answers, ""))
    watched.shutdown()
    assert watched.submit(divmod, 17, 5).result(1) == (3, 2)


def client(status: str = "running", workers: int = 2) -> Any:
    names = {f"tcp://10.0.0.{number // 2}:{8000 + number}": 3 for number in range(workers)}
    return SimpleNamespace(
        status=status,
        scheduler_info=lambda: {"workers": names},
        nthreads=lambda: names,
        get_executor=lambda retries: SerialExecutor(),
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (client(), ""),
        (client("closed"), "the Dask scheduler at tcp://x is gone"),
        (client(workers=0), "the Dask cluster at tcp://x has no workers any more"),
    ],
)
def test_why_a_cluster_gives_no_results(state: Any, said: str) -> None:
    found = executors._lost(state, "tcp://x")
    assert found.startswith(said) and bool(found) == bool(said)


class Opened:
    """Stands for a client or a cluster that is closed in the end."""

    closed: ClassVar[list[str]] = []

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value

    def __enter__(self) -> Any:
        return self.value

    def __exit__(self, *_: object) -> None:
        self.closed.append(self.name)


@pytest.mark.parametrize(("address", "opened"), [("local", ["client", "cluster"]), ("tcp://x", ["client"])])
def test_a_dask_cluster_is_opened_watched_and_closed(
    address: str, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    workers = [3]

    def connect(scheduler: object, **settings: object) -> Opened:
        asked.append((scheduler, settings["timeout"]))
        return Opened("client", client(workers=workers[0]))

    def cluster(n_workers: int, **settings: object) -> Opened:
        assert settings["threads_per_worker"] == 1
        return Opened("cluster", f"cluster of {n_workers}")

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(LocalCluster=cluster, Client=connect))
    monkeypatch.setattr(Opened, "closed", [])
    with choose_workers(f"dask:{address}", 5) as chosen:
        assert (chosen.at_a_time, chosen.on_a_machine) == (9, 6), "the threads of all workers, of two on one machine"
        with chosen.open() as executor:
            assert executor.submit(divmod, 17, 5).result(1) == (3, 2)
        assert Opened.closed == []
    assert Opened.closed == opened
    assert asked == [("cluster of 5" if address == "local" else address, "10s")]
    workers[0] = 0
    with pytest.raises(ArcAffinityError, match="has no workers"), choose_workers(f"dask:{address}", 5):
        pass
    monkeypatch.setitem(
        sys.modules, "distributed", SimpleNamespace(LocalCluster=cluster, Client=lambda *_, **__: refuse(OSError("no")))
    )
    with pytest.raises(ArcAffinityError, match="no Dask scheduler answers"), choose_workers(f"dask:{address}", 5):
        pass


@pytest.mark.parametrize("name", ["slurm", "dask", "dask:", "threads:4"])
def test_unknown_executors_are_refused(name: str) -> None:
    with pytest.raises(ArcAffinityError, match="no executor"), choose_workers(name, 1):
        pass


def test_at_least_one_worker_is_needed() -> None:
    with pytest.raises(ArcAffinityError, match="at least 1 worker is needed, not 0"), choose_workers("processes", 0):
        pass
    with choose_workers("processes", 1) as chosen:
        assert chosen.at_a_time == 1 and chosen.open is SerialExecutor
