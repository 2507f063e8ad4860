"""What a notebook is told when it lets `solve` answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import arc_affinity as aa
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair, Task

pytestmark = pytest.mark.many_steps

GRID = np.array([[1, 2]], np.uint8)


def task(name: str) -> Task:
    return Task(name, (Pair(GRID, GRID + 1), Pair(GRID + 2, GRID + 3)), (Pair(GRID + 4, None),), "mine")


@pytest.mark.parametrize(("name", "seen"), [("007bbfb7", 1), ("new", 0)])
def test_tasks_that_the_base_was_trained_on_are_told(name: str, seen: int, caplog: pytest.LogCaptureFixture) -> None:
    solved = aa.solve([task(name)], steps=1, views=1, workers=1, sources="network")
    assert solved.summary["seen_by_base"] == seen
    assert [record.getMessage().partition(" before")[0] for record in caplog.records] == [
        "the base was trained on 1 of these tasks"
    ] * seen


def test_tests_that_a_model_was_trained_on_are_told(caplog: pytest.LogCaptureFixture) -> None:
    known = [each for each in aa.load_tasks("re-arc") if each.id in ("5daaa586", "00d62c1b")]
    aa.predict("rotary-foundational", [task("new"), *known], attempts=1)
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("rotary-foundational was trained on examples that are asked here, of 1 of 2 tasks;")


@pytest.mark.parametrize(
    "wrong",
    [{"sources": "serch"}, {"views": 0}, {"views": -2}, {"seed": -1}, {"steps": 1.5}, {"steps": "3"}, {"workers": 0}],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ArcAffinityError, match=name):
        aa.solve([task("new")], **{"steps": 1, "views": 1, "workers": 1, "sources": "search"} | wrong)
