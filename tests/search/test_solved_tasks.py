"""Tasks of ARC-AGI-1 training that stay solved, one for each kind of program."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arc_affinity.data.datasets.registry import find_task
from arc_affinity.search import solve_task

SOLVED = {
    "007bbfb7": "a grid of copies of itself: a rule that asks another program's grid",
    "05f2a901": "an object pulled to another",
    "1cf80156": "a crop",
    "28bf18c6": "a crop, tiled",
    "3bdb4ada": "a rule by the place within an object",
    "46442a0e": "copies turned",
    "6455b5f5": "a rule by the sizes of regions",
    "99b1bc43": "two halves compared",
    "a85d4709": "a rule by the contents of rows",
    "c9e6f938": "a mirror image put beside",
    "d0f5fe59": "objects counted",
    "d631b094": "a bar as long as there are cells",
    "dc0a314f": "what a mirror image shows of a hidden part",
    "ded97339": "like cells connected",
}


@pytest.mark.slow
@pytest.mark.parametrize("id", SOLVED)
def test_task_stays_solved(id: str) -> None:
    task = find_task(id, "arc-agi-1/training")
    answers = solve_task(task, seconds=math.inf, states=2_000)
    for pair, found in zip(task.test, answers, strict=True):
        assert any(np.array_equal(each.grid, pair.output) for each in found[:2]), SOLVED[id]
