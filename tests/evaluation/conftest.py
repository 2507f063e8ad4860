"""Small grids, records and tasks for the tests of evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arc_affinity.evaluation.records.record import Origin, Record, make_record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.types import Example, Grid, Pair, Task

Rows = list[list[int]]


def grid_of(rows: Rows) -> Grid:
    return np.array(rows, dtype=np.uint8)


def record_of(
    task_id: str = "a1",
    index: int = 0,
    attempt: int = 1,
    prediction: Rows | None = None,
    *,
    query: Rows | None = None,
    target: Rows | None = None,
    withheld: bool = False,
    protocol: Protocol = Protocol.ARC_PRIZE,
    model: str = "champion",
    adapter: str | None = None,
    dataset: str = "toy",
    log_likelihood: float | None = None,
) -> Record:
    """A record whose input is [[5]] and whose target is [[task's digit, index]] unless given."""
    answer = None if withheld else grid_of(target or [[int(task_id[-1]), index]])
    pair = Pair(grid_of(query or [[5]]), answer)
    origin = Origin(model, "0123", dataset, protocol, seed=7, adapter=adapter)
    return make_record(
        origin,
        Example(task_id, index, pair, ()),
        attempt,
        None if prediction is None else grid_of(prediction),
        log_likelihood=log_likelihood,
    )


def task_of(task_id: str, outputs: int, *, withheld: bool = False) -> Task:
    """The task whose tests are those of ``record_of``."""
    digit = int(task_id[-1])
    tests = [Pair(grid_of([[5]]), None if withheld else grid_of([[digit, i]])) for i in range(outputs)]
    return Task(task_id, (Pair(grid_of([[1]]), grid_of([[2]])),), tuple(tests), "toy")


@pytest.fixture(scope="session")
def grid() -> Callable[..., Grid]:
    return grid_of


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    return record_of


@pytest.fixture(scope="session")
def task() -> Callable[..., Task]:
    return task_of
