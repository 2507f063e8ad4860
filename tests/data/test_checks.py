"""Grids and tasks made by hand; what is refused is tested where it is said, in `tests/notebook`."""

from __future__ import annotations

import numpy as np
import pytest

from arc_affinity.data.checks import check_grid, check_task
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair, Task


def test_whole_numbers_of_any_kind_become_bytes() -> None:
    cells = np.array([[1, 9], [0, 3], [5, 7]])
    for kind in (np.int64, np.int8, np.uint16, ">i4"):
        made = check_grid(cells.astype(kind), "here")
        assert made.dtype == np.uint8 and made.tolist() == cells.tolist()
    for wrong, at in ((300, "row 2, column 1: 300"), (-1, "row 2, column 1: -1")):
        # As a byte it would be a colour.
        with pytest.raises(ArcAffinityError, match=f"here, {at} is not a colour"):
            check_grid(np.where(cells == 7, wrong, cells), "here")


def test_what_is_right_stays_as_it_is() -> None:
    cells = np.array([[1, 9]], np.uint8)
    assert check_grid(cells, "here") is cells
    task = Task("t1", (Pair(cells, cells),), (Pair(cells, None),), "mine")
    assert check_task(task) == task


def test_a_task_becomes_one_of_bytes(by_hand) -> None:
    cells = np.array([[1, 9]])
    small = cells.astype(np.uint8)
    made = check_task(Task("t1", (by_hand(cells, small),), (by_hand(cells, cells), Pair(small, None)), "mine"))
    assert made == Task("t1", (Pair(small, small),), (Pair(small, small), Pair(small, None)), "mine")
