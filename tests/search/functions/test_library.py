"""What the search has at hand: enlargements, repetitions and shifts by every usual factor, as NumPy makes them."""

from __future__ import annotations

import numpy as np
import pytest

from arc_affinity.search.functions.library import steps_for
from arc_affinity.types import Pair

GRID = np.array([[1, 2, 0], [0, 0, 3]], np.uint8)
STEPS = {step.name: step for step in steps_for([Pair(GRID, GRID[:, ::-1])])}
FACTORS = [(2, 2), (3, 3), (4, 4), (1, 2), (2, 1), (1, 3), (3, 1)]


@pytest.mark.parametrize(("rows", "cols"), FACTORS)
def test_usual_factors(rows: int, cols: int) -> None:
    scaled, tiled = (STEPS[f"{name} {rows}x{cols}"].apply(GRID) for name in ("scale up", "tile"))
    np.testing.assert_array_equal(scaled, np.kron(GRID, np.ones((rows, cols), np.uint8)))
    np.testing.assert_array_equal(tiled, np.tile(GRID, (rows, cols)))


@pytest.mark.parametrize(
    ("direction", "shifted"),
    [("0,1", [[0, 1, 2], [0, 0, 0]]), ("0,-1", [[2, 0, 0], [0, 3, 0]]), ("1,0", [[0, 0, 0], [1, 2, 0]]),
     ("-1,0", [[0, 0, 3], [0, 0, 0]])],
)  # fmt: skip
def test_a_step_in_each_direction(direction: str, shifted: list[list[int]]) -> None:
    assert STEPS[f"shift {direction}"].apply(GRID).tolist() == shifted
    rows, cols = map(int, direction.split(","))
    np.testing.assert_array_equal(STEPS[f"roll {direction}"].apply(GRID), np.roll(GRID, (rows, cols), (0, 1)))
