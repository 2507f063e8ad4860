"""What every test may use; shapes and types are checked while tests run, and no GPU is seen."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from jaxtyping import config as jaxtyping_config
from jaxtyping import install_import_hook

# Torch reads these when it is first imported, which most tests never do.
if os.environ.get("CUDA_VISIBLE_DEVICES"):
    os.environ.setdefault("ARC_AFFINITY_TEST_GPUS", os.environ["CUDA_VISIBLE_DEVICES"])
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["OMP_NUM_THREADS"] = "1"
# Help pages and tables keep one width, whatever terminal the tests run in.
os.environ["COLUMNS"] = "100"
for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
    os.environ.pop(name, None)
# A shell's `&` makes what it starts, and all of that one's processes, deaf to the Ctrl-C that some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
SHAPED = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in SOURCE.rglob("*.py")
    if "jaxtyping" in path.read_text(encoding="utf-8")
]
"""Modules that speak of shapes; checking every call of the others as well would make the tests ten times slower."""

# An int will do where a float is asked for, as everywhere in Python.
install_import_hook(SHAPED, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

# How long an example takes says more about the machine than about the code.
settings.register_profile("quick", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=200)


def every_test_runs(config: pytest.Config) -> bool:
    """Return whether slow tests run too, as in make test-all."""
    return bool(config.getoption("markexpr") == "")


def pytest_configure(config: pytest.Config) -> None:
    """Try more examples of a property where every test runs."""
    settings.load_profile("thorough" if every_test_runs(config) else "quick")


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of every later garbage collection; it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def shapes_checked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the shapes unchecked in tests of `many_steps`, unless all tests are run, slow ones too.

    A check costs more than the small computation that it is of; what such tests call is checked in other tests.
    """
    off = request.node.get_closest_marker("many_steps") is not None and not every_test_runs(request.config)
    jaxtyping_config.update("jaxtyping_disable", off)
    yield
    jaxtyping_config.update("jaxtyping_disable", False)


@pytest.fixture
def by_hand() -> Callable[[object, object], Any]:
    """Make a pair of what somebody takes for grids, where the check of shapes would refuse it."""
    from arc_affinity.types import Pair

    def make(input: object, output: object) -> Pair:
        made = object.__new__(Pair)
        for name, grid in (("input", input), ("output", output)):
            object.__setattr__(made, name, grid)
        return made

    return make


@dataclass(frozen=True)
class Finished:
    """What a command line left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the reference data beside the repository (../shared)")
    return folder


@pytest.fixture
def cli() -> Callable[..., Finished]:
    """Run ``arc-affinity`` in this process: ``cli("data", "list")``. Unexpected errors come through."""
    from arc_affinity.cli.main import run

    def call(*arguments: object) -> Finished:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
        return Finished(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def cli_process() -> Callable[..., Finished]:
    """Run ``arc-affinity`` as users do, in a process of its own (slower by the start of Python)."""

    def call(*arguments: object, **settings: object) -> Finished:
        command = [sys.executable, "-m", "arc_affinity.cli.main", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **settings)
        return Finished(done.returncode, done.stdout, done.stderr)

    return call
