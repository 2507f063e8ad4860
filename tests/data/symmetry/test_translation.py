"""Moving grids: when it is legal, that it can be undone, alone and among other changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.data.symmetry.augment import Compose, Dihedral
from arc_affinity.data.symmetry.translation import Translation
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair

GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 11), st.integers(1, 11)), elements=st.integers(0, 9))
MARGINS = st.tuples(*[st.integers(0, 4)] * 4)


def grid(*rows: str) -> np.ndarray:
    return np.array([[int(cell) for cell in row] for row in rows], np.uint8)


def test_moving_by_hand() -> None:
    cells = grid("0000", "0120", "0030")
    assert np.array_equal(Translation(-1, 1).apply(cells), grid("0012", "0003", "0000"))
    assert np.array_equal(Translation(0, -1).apply(cells), grid("0000", "1200", "0300"))
    assert Translation(-1, 1).inverse == Translation(1, -1)


@pytest.mark.parametrize(
    ("move", "legal"),
    [
        (Translation(0, 0), True),
        (Translation(-1, 0), True),
        (Translation(-2, 0), False),
        (Translation(1, 0), False),
        (Translation(0, 1), True),
        (Translation(0, 2), False),
        (Translation(0, -1), True),
        (Translation(0, -2), False),
        (Translation(-1, -1), True),
        (Translation(-1, 2), False),
        (Translation(7, 0), False),
        (Translation(-1, 0, background=5), False),
    ],
)
def test_what_is_legal(move: Translation, legal: bool) -> None:
    cells = grid("0000", "0120", "0030")
    assert move.is_legal(cells) == legal
    if not legal:
        with pytest.raises(ArcAffinityError, match="would lose cells"):
            move.apply(cells)


def test_another_background() -> None:
    assert np.array_equal(Translation(-1, 1, background=5).apply(grid("555", "505")), grid("550", "555"))


@given(GRIDS, MARGINS, st.integers(-5, 5), st.integers(-5, 5))
def test_a_legal_move_is_undone(inner: np.ndarray, margins: tuple[int, int, int, int], rows: int, cols: int) -> None:
    up, down, left, right = margins
    cells = np.pad(inner, ((up, down), (left, right)))
    move = Translation(rows, cols)
    moved = np.zeros_like(cells)
    kept = 0
    for row, col in zip(*np.nonzero(cells), strict=True):
        if 0 <= row + rows < cells.shape[0] and 0 <= col + cols < cells.shape[1]:
            moved[row + rows, col + cols] = cells[row, col]
            kept += 1
    assert move.is_legal(cells) == (kept == np.count_nonzero(cells))
    if move.is_legal(cells):
        assert np.array_equal(move.apply(cells), moved)
        assert np.array_equal(move.inverse.apply(moved), cells)


def test_among_other_changes() -> None:
    cells = grid("10", "00", "00")
    turn, move = Dihedral(3), Translation(1, 0)
    both = Compose((turn, move))
    assert np.array_equal(both.apply(cells), grid("000", "001"))
    assert np.array_equal(both.inverse.apply(grid("000", "001")), cells)
    assert both.inverse == Compose((Translation(-1, 0), Dihedral(1)))


@pytest.mark.parametrize("change", [Translation(1, 0), Compose((Dihedral(1), Translation(0, 0)))])
def test_a_pair_of_two_sizes_is_not_moved(change: Translation | Compose) -> None:
    with pytest.raises(ArcAffinityError, match="differ in size"):
        change.apply_pair(Pair(grid("12"), grid("1")))
