"""A model of a few thousand parameters, a recipe of seconds, and its examples, made once."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.pretraining.stores import TASK_SETS, prepare_stores
from arc_affinity.training.recipes.recipe import Recipe

TINY = Recipe(
    "tiny",
    model=ModelConfig(
        width=16,
        heads=2,
        feed_forward=20,
        decoder_layers=2,
        context_width=8,
        context_heads=2,
        context_feed_forward=12,
        context_layers=1,
    ),
    per_task=5,
    validation_per_task=2,
    batch_cells=1024,
    batch_examples=7,
    restart_steps=5,
    steps=24,
    validate_every=6,
)

SMALLEST = ("137eaa0f", "5daaa586", "7468f01a", "9172f3a0", "88a62173")


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    return TINY


@contextlib.contextmanager
def of_few_tasks() -> Iterator[None]:
    """Let the foundational tasks be the five of the smallest grids, for the sake of time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASK_SETS, "foundational", lambda: SMALLEST)
        yield


@pytest.fixture(scope="module", autouse=True)
def few_tasks() -> Iterator[None]:
    with of_few_tasks():
        yield


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``data`` of every run of the tiny recipe."""
    folder = tmp_path_factory.mktemp("examples") / "data"
    with of_few_tasks():
        prepare_stores(TINY, folder, workers=1)
    return folder


@pytest.fixture
def run_folder(tmp_path: Path, examples: Path) -> Callable[[str], Path]:
    """Make the folder of a run that has its examples already."""

    def make(name: str = "run") -> Path:
        shutil.copytree(examples, tmp_path / name / "data")
        return tmp_path / name

    return make


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let small models compute in one thread: several would wait for each other longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster of one worker, which others may join: its address, and its processes by name."""

    address: str
    running: dict[str, subprocess.Popen[bytes]]

    def start(self, name: str, module: str, *flags: str) -> None:
        """Start one of its processes."""
        command = [sys.executable, "-m", f"distributed.cli.{module}", *flags]
        self.running[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def join(self, name: str) -> None:
        """Have a worker join."""
        self.start(name, "dask_worker", self.address, "--no-nanny", "--nthreads", "1")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    address = f"tcp://{host}:{port}"
    made = Cluster(address, {})
    try:
        made.start("scheduler", "dask_scheduler", "--host", host, "--port", str(port), "--no-dashboard")
        made.join("worker")
        wait_for_a_worker(address)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()


def wait_for_a_worker(address: str) -> None:
    """Wait until a worker has joined the cluster."""
    for _ in range(60):
        try:
            with choose_workers(f"dask:{address}", 1):
                return
        except ArcAffinityError:
            time.sleep(1)
    raise TimeoutError(f"no worker at {address}")
