"""Cutting into pieces, choosing among them and joining them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arc_affinity.search.functions import join, paint, pieces, select
from arc_affinity.search.values import MOST_PIECES, Piece, Pieces

Cut = Callable[..., Pieces | None]


def draw(text: str) -> np.ndarray:
    """A grid from rows of digits; a dot is 0."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in text.split()], np.uint8)


def made(*pictures: str, shape: tuple[int, int] = (7, 11)) -> Pieces:
    """Pieces side by side on an otherwise empty grid."""
    items, col = [], 0
    for picture in pictures:
        grid = draw(picture)
        items.append(Piece(grid, 0, col))
        col += grid.shape[1]
    return Pieces(tuple(items), shape)


CUTS: list[tuple[Cut, tuple[object, ...], str, list[tuple[str, int, int]] | None]] = [
    (pieces.regions, (False,), "1.2 .12", [("1", 0, 0), ("2 2", 0, 2), ("1", 1, 1)]),
    (pieces.regions, (True,), "1.2 .12", [("1. .1", 0, 0), ("2 2", 0, 2)]),
    (pieces.objects, (False,), "1.2 .12", [("1", 0, 0), (".2 12", 0, 1)]),
    (pieces.objects, (True,), "1.2 .12", [("1.2 .12", 0, 0)]),
    (pieces.objects, (True,), "...", None),
    (pieces.windows, (), "111 121 111", [("111 121 111", 0, 0), ("2", 1, 1)]),
    (pieces.holes, (), "111. 1.1. 111.", [("1", 1, 1)]),
    (pieces.colours, (), "1.2 .22", [("..2 .22", 0, 0), ("1.. ...", 0, 0)]),
    (pieces.colour_crops, (), "1.2 .22", [(".2 22", 0, 1), ("1", 0, 0)]),
    (pieces.cut_at_lines, (), "12512 55555 34534", [("12", 0, 0), ("12", 0, 3), ("34", 2, 0), ("34", 2, 3)]),
    (pieces.cut_at_lines, (), "12 34", None),
    (pieces.cut_evenly, (1, 2), "12.34", [("12", 0, 0), ("34", 0, 3)]),
    (pieces.cut_evenly, (2, 1), "1 2 3 4", [("1 2", 0, 0), ("3 4", 2, 0)]),
    (pieces.cut_evenly, (1, 3), "12", None),
    (pieces.cut_to_squares, (), "123", [("1", 0, 0), ("2", 0, 1), ("3", 0, 2)]),
    (pieces.cut_to_squares, (), "12 34", None),
    (pieces.lines_of, (0,), "12 34", [("12", 0, 0), ("34", 1, 0)]),
    (pieces.lines_of, (1,), "12 34", [("1 3", 0, 0), ("2 4", 0, 1)]),
    (pieces.frames, (), "4444 4.24 4444", [(".2", 1, 1)]),
    (pieces.frames, (), "44 44", None),
]


@pytest.mark.parametrize(("cut", "arguments", "given", "wanted"), CUTS)
def test_cut(cut: Cut, arguments: tuple[object, ...], given: str, wanted: list[tuple[str, int, int]] | None) -> None:
    found = cut(draw(given), *arguments)
    if wanted is None:
        assert found is None
        return
    assert found is not None and found.shape == draw(given).shape
    assert [(piece.row, piece.col) for piece in found.items] == [(row, col) for _, row, col in wanted]
    for piece, (picture, _, _) in zip(found.items, wanted, strict=True):
        np.testing.assert_array_equal(piece.grid, draw(picture))


def test_noise_is_not_cut() -> None:
    noise = np.indices((13, 17)).sum(0) % 2
    assert noise.sum() > MOST_PIECES
    assert pieces.regions(noise.astype(np.uint8), False) is None


THREE = ("11 11", "2.2", "333 3.3 333")
MEASURED: dict[str, list[float]] = {
    "cells": [4, 2, 8],
    "area": [4, 3, 9],
    "height": [2, 1, 3],
    "width": [2, 3, 3],
    "fullness": [1, 2 / 3, 8 / 9],
    "colours": [1, 1, 1],
    "rarest": [0, 0, 0],
    "regions": [1, 2, 1],
    "holes": [0, 0, 1],
    "top": [0, 0, 0],
    "left": [0, 2, 5],
    "copies": [1, 1, 1],
    "same outline": [1, 1, 1],
    "same colour": [1, 1, 1],
    "same size": [1, 1, 1],
    "symmetric": [3, 2, 3],
    "border": [1, 1, 1],
    "colour": [1, 2, 3],
}


@pytest.mark.parametrize(("measure", "wanted"), MEASURED.items())
def test_measure(measure: str, wanted: list[float]) -> None:
    three = made(*THREE)
    assert [select.MEASURES[measure](piece, three) for piece in three.items] == pytest.approx(wanted)


def test_every_measure_is_tested() -> None:
    assert MEASURED.keys() == select.MEASURES.keys()


def test_measures_that_compare_pieces() -> None:
    four = made("12", "12", "34", "21")
    assert [select.MEASURES["copies"](piece, four) for piece in four.items] == [2, 2, 1, 1]
    assert [select.MEASURES["same outline"](piece, four) for piece in four.items] == [4, 4, 4, 4]
    assert [select.MEASURES["same colour"](piece, four) for piece in four.items] == [3, 3, 1, 3]
    assert select.rarest_cells(made("1222").items[0], four) == 1


def names(chosen: Pieces | None) -> list[int] | None:
    """The first columns of pieces, by which those of `THREE` are told apart."""
    return None if chosen is None else [piece.col for piece in chosen.items]


def test_choices() -> None:
    three = made(*THREE)
    assert names(select.extreme(select.MEASURES["cells"], False, True, three)) == [5]
    assert names(select.extreme(select.MEASURES["width"], False, True, three)) == [2, 5]
    assert names(select.extreme(select.MEASURES["cells"], True, True, three)) == [2]
    assert select.extreme(select.MEASURES["top"], False, True, three) is None
    assert names(select.extreme(select.MEASURES["cells"], False, False, three)) == [0, 2]
    assert names(select.extreme(select.MEASURES["width"], True, False, three)) == [2, 5]
    assert names(select.odd_one(select.MEASURES["width"], three)) == [0]
    assert select.odd_one(select.MEASURES["cells"], three) is None
    assert names(select.sort_by(select.MEASURES["cells"], False, three)) == [2, 0, 5]
    assert names(select.sort_by(select.MEASURES["width"], True, three)) == [2, 5, 0]
    # Two can be sorted, one cannot; of two none is the odd one.
    assert names(select.sort_by(select.MEASURES["cells"], False, made(*THREE[:2]))) == [2, 0]
    assert select.sort_by(select.MEASURES["cells"], False, made(*THREE[:1])) is None
    assert select.odd_one(select.MEASURES["cells"], made(*THREE[:2])) is None
    assert names(pieces.reverse(three)) == [5, 2, 0]
    assert names(pieces.distinct(made("12", "12", "3"))) == [0, 4]
    assert pieces.distinct(three) is None


def test_the_one_and_the_nth() -> None:
    assert select.only_piece(made(*THREE)) is None
    np.testing.assert_array_equal(select.only_piece(made("12", "12")), draw("12"))
    np.testing.assert_array_equal(select.nth_piece(made(*THREE), 1), draw("2.2"))
    np.testing.assert_array_equal(select.nth_piece(made(*THREE), -1), draw("333 3.3 333"))
    assert select.nth_piece(made("1"), 1) is None


def test_each_and_cropped() -> None:
    turned = pieces.each(np.fliplr, made("12", "3."))
    assert turned is not None
    np.testing.assert_array_equal(join.concatenated(turned, 1), draw("21.3"))
    assert pieces.each(paint.negative, made("12", "3.")) is None
    cut = pieces.cropped(Pieces((Piece(draw("... .1."), 2, 3), Piece(draw(".."), 0, 0)), (5, 7)))
    assert cut is not None
    assert [(piece.row, piece.col, piece.grid.tolist()) for piece in cut.items] == [(3, 4, [[1]])]


def copies(count: int, picture: str = "2") -> Pieces:
    return Pieces((Piece(draw(picture)),) * count, (30, 30))


JOINS: list[tuple[Callable[..., np.ndarray | None], tuple[object, ...], Pieces, str | None]] = [
    (join.in_place, (), made("1 2", "3", shape=(2, 3)), "13. 2.."),
    (join.concatenated, (1,), made("1 2", "3 4"), "13 24"),
    (join.concatenated, (1,), made("1 2", "3"), None),
    (join.concatenated, (0,), made("12", "34"), "12 34"),
    (join.concatenated, (0,), made("12", "3"), None),
    (join.stacked, (join.overlaid,), made("1.", "34"), "14"),
    (join.stacked, (join.overlaid,), made("1.", "3"), None),
    (join.stacked, (join.common,), made("12", "3."), "1."),
    (join.stacked, (join.exclusive,), made("12", "3."), ".2"),
    (join.stacked, (join.neither,), made("1..", "3.4"), ".1."),
    (join.stacked, (join.voted, 60), made("12", "13", "23"), "13"),
    (join.centred, (), made("111 111 111", "2"), "111 121 111"),
    (join.centred, (), made("11 11", "2"), None),
    (join.mosaic, (), made("11", "2."), "12"),
    (join.colours_in_a_row, (), made("112", "3"), "13"),
    (join.bars, (), made("1.1", "3"), "11 3."),
    (join.count_diagonal, (), made("4", "5"), "4. .4"),
    (join.packed, (1,), made("1 2", "3"), "13 2."),
    (join.packed, (0,), made("12", "3"), "12 3."),
    (join.mosaic, (), Pieces((Piece(draw("1"), 0, 0), Piece(draw("2"), 3, 2)), (5, 5)), None),
    (join.mosaic, (), made("11", "."), "1."),
    (join.centred, (), made("11"), None),
    (join.centred, (), made("1...1", "2.3", "4"), "12431"),
    (join.centred, (), made("1 1 1 1 1", "2 . 3", "4"), "1 2 4 3 1"),
    (join.colours_in_a_row, (), copies(30), "2" * 30),
    (join.colours_in_a_row, (), copies(31), None),
    (join.bars, (), copies(30), " ".join("2" * 30)),
    (join.bars, (), copies(31), None),
    (join.bars, (), copies(2, "3" * 30), "3" * 30 + " " + "3" * 30),
    (join.bars, (), copies(2, "3" * 31), None),
    (join.bars, (), copies(1, "."), "."),
    (join.count_diagonal, (), copies(31), None),
    (join.concatenated, (1,), copies(30), "2" * 30),
    (join.concatenated, (1,), copies(31), None),
    (join.packed, (1,), copies(31), None),
    (join.stacked, (join.voted,), copies(9), "2"),
    (join.stacked, (join.voted,), copies(10), None),
    (join.stacked, (join.voted,), copies(1), None),
    (join.stacked, (join.exclusive,), made("1.2", "..2"), "1.."),
    (join.stacked, (join.voted,), made("21", "21", "34"), "21"),
]


@pytest.mark.parametrize(("function", "arguments", "given", "wanted"), JOINS)
def test_join(
    function: Callable[..., np.ndarray | None], arguments: tuple[object, ...], given: Pieces, wanted: str | None
) -> None:
    result = function(given, *arguments)
    if wanted is None:
        assert result is None
    else:
        assert result is not None
        np.testing.assert_array_equal(result, draw(wanted))
