"""Objects that move, copies at markers, and parts of a given size; answers are drawn by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arc_affinity.search.functions import lines, moves, paint, pieces, select, shapes, symmetry
from arc_affinity.search.values import Piece, Pieces


def draw(text: str) -> np.ndarray:
    """A grid from rows of digits; a dot is 0."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in text.split()], np.uint8)


MOVED: list[tuple[Callable[..., np.ndarray | None], tuple[object, ...], str, str | None]] = [
    (moves.fall_until, (lines.DOWN, 5), "12 .. 5. ..", ".. 1. 5. .2"),
    (moves.fall_until, (lines.LEFT, 5), ".5.1", ".51."),
    (moves.pull, (8,), "22... ..... ....8 88...", "..... ..... 22..8 88..."),
    (moves.pull, (8,), "2...8", "...28"),
    (moves.pull, (8,), "2..", None),
    (moves.pull, (8,), "2222 2... 2.8.", "2222 2... 2.8."),
    (moves.stamp, (False,), "12... .3... ..... ....4", None),
    (
        moves.stamp,
        (False,),
        "111.... 121.... 111.... ....... ....... .....3. .......",
        "111.... 121.... 111.... ....... ....111 ....121 ....111",
    ),
    (
        moves.stamp,
        (True,),
        "111.... 121.... 111.... ....... ....... .....3. .......",
        "111.... 121.... 111.... ....... ....333 ....333 ....333",
    ),
    (moves.stamp, (True,), "1", None),
    # Background of the copy hides nothing.
    (
        moves.stamp,
        (False,),
        "..1.......55 ..1......... 11111...3... ..1......... ..1.........",
        "..1.....1.55 ..1.....1... 11111.11111. ..1.....1... ..1.....1...",
    ),
    (moves.mirror_objects, (0,), "11.. 1... ...2 ..22", "1... 11.. ..22 ...2"),
    (moves.mirror_objects, (1,), "11.. 1...", "11.. .1.."),
    (shapes.corner, (1, 2, False, False), "123 456", "12"),
    (shapes.corner, (1, 2, True, True), "123 456", "56"),
    (shapes.corner, (3, 2, True, True), "123 456", None),
    (shapes.middle, (1, 1), "123 456 789", "5"),
    (shapes.middle, (2, 2), "123 456 789", None),
    (shapes.middle, (1, 1), "123", "2"),
    (shapes.middle, (1, 1), "1 2 3", "2"),
    (shapes.middle, (1, 1), "1", None),
    (paint.with_ranked, (paint.flood, 0), "1.. .12", "111 111"),
    (symmetry.complete_all, (9,), "1221 2332 2399 1291", "1221 2332 2332 1221"),
    (symmetry.complete_all, (9,), "12 34", None),
    (symmetry.mirror_best, ((0,),), "12 34 56 5.", "12 34 56 56"),
    (symmetry.mirror_best, ((1,),), "123. 5678", None),
    (symmetry.mirror_best, ((0,),), "12 34 56 78 11 11", None),
    # Half of the rows are enough, the first as the last.
    (symmetry.mirror_best, ((0,),), "5. 56 34 12", "56 56 34 12"),
    (symmetry.behind, (9, False), "1221 2332 2399 1291", "32 21"),
    (symmetry.behind, (9, True), "1212 1212 1299", "12"),
    (symmetry.behind, (9, True), "1212", None),
]


@pytest.mark.parametrize(("function", "arguments", "given", "wanted"), MOVED)
def test_move(
    function: Callable[..., np.ndarray | None], arguments: tuple[object, ...], given: str, wanted: str | None
) -> None:
    result = function(draw(given), *arguments)
    if wanted is None:
        assert result is None
    else:
        assert result is not None
        np.testing.assert_array_equal(result, draw(wanted))


def test_blocks_and_full_parts() -> None:
    cut = pieces.blocks(draw("12 34"), 1, 2)
    assert cut is not None
    assert [piece.grid.tolist() for piece in cut.items] == [[[1, 2]], [[3, 4]]]
    assert pieces.blocks(draw("123"), 1, 2) is None
    full = pieces.squares_of(draw("11. 112 .22"), 2, 2)
    assert full is not None
    assert [(piece.row, piece.col) for piece in full.items] == [(0, 0), (1, 1)]
    assert pieces.squares_of(draw("1.1"), 1, 2) is None
    assert pieces.squares_of(draw("1"), 1, 2) is None


def test_a_single_column_is_cut_at_its_lines() -> None:
    cut = pieces.cut_at_lines(draw("5 1 5 2 5"))
    assert cut is not None
    assert [(piece.row, piece.col, piece.grid.tolist()) for piece in cut.items] == [(1, 0, [[1]]), (3, 0, [[2]])]


def test_with_colour() -> None:
    both = Pieces((Piece(draw("12")), Piece(draw("3."), 0, 5)), (7, 11))
    kept = select.with_colour(3, True, both)
    assert kept is not None and [piece.col for piece in kept.items] == [5]
    lacking = select.with_colour(3, False, both)
    assert lacking is not None and [piece.col for piece in lacking.items] == [0]
    assert select.with_colour(7, True, both) is None
