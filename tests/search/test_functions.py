"""Every grid function does to a small grid what its name says; answers are drawn by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arc_affinity.search.functions import join, lines, paint, shapes, symmetry
from arc_affinity.search.values import Piece, Pieces

Function = Callable[..., np.ndarray | None]


def draw(text: str) -> np.ndarray:
    """A grid from rows of digits; a dot is 0."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in text.split()], np.uint8)


WHOLE: list[tuple[Function, tuple[object, ...], str, str | None]] = [
    (shapes.rotate_180, (), "12. 345", "543 .21"),
    (shapes.rotate_right, (), "12. 345", "31 42 5."),
    (shapes.antitranspose, (), "12. 345", "5. 42 31"),
    (shapes.crop, (), "... .2. .33 ...", "2. 33"),
    (shapes.crop, (), "... ...", None),
    (shapes.crop, (3, True), ".12 .35 .43", "35 43"),
    (shapes.crop, (7, True), ".12 .35", None),
    (shapes.crop, (5,), "555 5.2 555", ".2"),
    (shapes.crop, (5,), "55 55", None),
    (shapes.inside_box_of, (4,), "4444 4.24 4444", ".2"),
    (shapes.inside_box_of, (9,), "44 44", None),
    (shapes.trim, (), "123 456 789", "5"),
    (shapes.trim, (), "12 45", None),
    (shapes.half, (0, False), "11 22 33", "11"),
    (shapes.half, (0, False), "12", None),
    (shapes.half, (0, True), "11 22 33", "33"),
    (shapes.half, (1, False), "12345", "12"),
    (shapes.half, (1, True), "12345", "45"),
    (shapes.half, (1, True), "1 2", None),
    (shapes.scale_up, (2, 3), "12", "111222 111222"),
    (shapes.scale_up, (31, 1), "1", None),
    (shapes.scale_up_by, (True,), "1. .2", "11.. 11.. ..22 ..22"),
    (shapes.scale_up_by, (False,), "1. .1", "11.. 11.. ..11 ..11"),
    (shapes.scale_up_by_side, (), "12", "1122"),
    (shapes.scale_down, (), "1122 1122 ..33 ..33", "12 .3"),
    (shapes.scale_down, (), "122", None),
    (shapes.shrink_by, (2,), "1.2. .13. ..33 ....", "12 .3"),
    (shapes.shrink_by, (2,), "123", None),
    (shapes.merge_equal_lines, (), "1122 1122 3344", "12 34"),
    (shapes.drop_empty_lines, (), "1.2 ... 3..", "12 3."),
    (shapes.drop_uniform_lines, (), "525 555 152", "525 152"),
    (shapes.tile, (2, 1), "12", "12 12"),
    (shapes.tile, (31, 1), "12", None),
    (shapes.tile_by_side, (), "1. ", "1.1."),
    (shapes.tile_mirrored, (2, 2), "12 .3", "1221 .33. .33. 1221"),
    (shapes.tile_turned, (), "12 .3", "12.1 .332 233. 1.21"),
    (shapes.tile_turned, (), "12", None),
    (shapes.tile_shifted_rows, (), "12", "121212 212121 121212"),
    (shapes.roll, (0, 1), "123 456", "312 645"),
    (lines.moved, ((0, 1),), "123 456", ".12 .45"),
    (lines.moved, ((-1, 0),), "123 456", "456 ..."),
    (shapes.add_border, (7,), "1", "777 717 777"),
    (shapes.add_own_border, (), "12", ".12. 1122 .12."),
    (shapes.mirror_before, (0,), "12 34", "34 12 12 34"),
    (shapes.mirror_before, (1,), "12", "2112"),
]

PAINT: list[tuple[Function, tuple[object, ...], str, str | None]] = [
    (paint.only_colour, (2,), "12. 321", ".2. .2."),
    (paint.without_colour, (2,), "12. 321", "1.. 3.1"),
    (paint.paint, (5,), "12. 3..", "55. 5.."),
    (paint.paint_background, (5,), "12. 3..", "125 355"),
    (paint.negative, (), "1. .1", ".1 1."),
    (paint.negative, (), "1. .2", None),
    (paint.exchange_two, (), "12. 22.", "21. 11."),
    (paint.exchange_two, (), "12. 32.", None),
    (paint.with_ranked, (paint.only_colour, 0), "112 .3.", "11. ..."),
    (paint.with_ranked, (paint.only_colour, -1), "112 .22", "11. ..."),
    (paint.with_ranked, (paint.without_colour, 0), "112 .3.", "..2 .3."),
    (paint.with_ranked, (paint.without_colour, -1), "112 .22", "..2 .22"),
    (paint.with_ranked, (paint.paint, 0), "112 .3.", "111 .1."),
    (paint.with_ranked, (paint.paint, -1), "112 ...", "222 ..."),
    (paint.flood_commonest, (), "112 .31", "111 111"),
    (paint.with_ranked, (paint.one_cell, 0), "112 .22", "2"),
    (paint.with_ranked, (paint.one_cell, -1), "112 .22", "1"),
    (paint.with_ranked, (paint.one_cell, -1), "...", None),
    (paint.colours_by_frequency, (), "112 .22", "2 1"),
    (paint.colour_bars, (), "112 .22", "222 11."),
    (paint.cells_in_a_row, (), "1.2 .3.", "123"),
    (paint.fill_enclosed, (4,), "111. 1.1. 111.", "111. 141. 111."),
    (paint.only_enclosed, (), "111. 1.1. 111.", ".... .1.. ...."),
    (paint.fill_enclosed_by_wall, (), "333. 3.3. 333.", "333. 333. 333."),
    (paint.fill_enclosed_by_wall, (), "33 3.", None),
    (paint.fill_boxes, (7,), "1... .1.. ...2", "17.. 71.. ...2"),
    (paint.fill_boxes_by_colour, (), "3.3 ... 3.. .3.", "3.3 ... 33. 33."),
    (paint.insides, (), ".2.. 2222 .2..", ".... .2.. ...."),
    (paint.outlines, (), ".2.. 2222 .2..", ".2.. 2.22 .2.."),
    (paint.grow, (False,), "... .3. ...", ".3. 333 .3."),
    (paint.grow, (True,), "... .3. ...", "333 333 333"),
    (paint.surround, (8,), "... .3. ...", "888 838 888"),
    (paint.remove_small, (1,), "1..22 ..... 3....", "...22 ..... ....."),
    (paint.remove_specks, (), "11111 11411 11111", "11111 11111 11111"),
    (paint.majority_around, (), "11 12", "11 11"),
    (paint.largest_region, (), "11.2 .1.2", "11.. .1.."),
    (paint.without_largest_region, (), "11.2 .1.2", "...2 ...2"),
    (paint.fill_biggest_empty, (6,), "1.. ... ..1", "166 .66 ..1"),
    (paint.box_fill, (6,), "1... .... ..1.", "166. 666. 661."),
]

LINES: list[tuple[Function, tuple[object, ...], str, str | None]] = [
    (lines.moved, (lines.DOWN, 9), "12 34", "99 12"),
    (lines.shoot, ((lines.RIGHT,),), ".1..2. ......", ".11122 ......"),
    (lines.shoot, ((lines.RIGHT,), 2), ".1..2.", ".1..22"),
    (lines.shoot_through, ((lines.LEFT,), 2), "..1.2", "22122"),
    (lines.connect, (True, False), "1..1.2 ......", "1111.2 ......"),
    (lines.connect, (True, True, 5), "1.1 ... 1..", "151 5.. 1.."),
    (lines.connect_diagonally, (), "1.. ... ..1", "1.. .1. ..1"),
    (lines.seen, (lines.LEFT,), "1.2.", ".112"),
    (lines.seen, (lines.UP,), "1 . 2 .", ". 1 1 2"),
    (lines.seen, ((1, 1),), "... ... ..3", "3.. .3. ..."),
    (lines.full_rows, (), ".1. ...", "111 ..."),
    (lines.full_cols, (), ".1. ...", ".1. .1."),
    (lines.cross, (), ".1. ...", "111 .1."),
    (lines.fall, (lines.DOWN,), "12 .. 3.", ".. 1. 32"),
    (lines.fall, (lines.LEFT,), ".1.2 3..4", "12.. 34.."),
    (lines.fall_whole, (lines.DOWN,), "11 1. .. ..", ".. .. 11 1."),
    (lines.fall_whole, (lines.RIGHT,), "1.. ..2", "..1 ..2"),
    # An object under the arm of another stays there, and what is under it falls no faster.
    (lines.fall_whole, (lines.DOWN,), "111 1.. 1.2 ... ...", "... ... 111 1.. 1.2"),
    (lines.fall_whole, (lines.DOWN,), "1111 1..1 1.2. ..2. 3333 .... ....", ".... .... .... 1111 1.21 1.2. 3333"),
    (lines.sort_lines, (0, False), "11 .2", ".2 11"),
    (lines.sort_lines, (1, True), ".1 22", "1. 22"),
]

SYMMETRY: list[tuple[Function, tuple[object, ...], str, str | None]] = [
    (symmetry.mirror_whole, ((np.fliplr,),), "12. ...", "121 ..."),
    (symmetry.mirror_whole, ((np.transpose,),), "12.", None),
    (symmetry.mirror_best, ((1,),), "123321 456.54 123321", "123321 456654 123321"),
    (symmetry.mirror_object, (False,), "..... .1... .11.. ..... .....", "..... .11.. .11.. ..... ....."),
    (symmetry.mirror_object, (True,), "..... ..1.. .11.. ..... .....", "..... .11.. .11.. ..... ....."),
    (symmetry.continue_pattern, (), "1212 2121 12.. 21..", "1212 2121 1212 2121"),
    (symmetry.continue_pattern, (), "1234 5678", None),
    (symmetry.continue_sheared, (), "1.. .2. ..3", None),
    (symmetry.continue_sheared, (), "123. 23.. 3... ....", "1231 2312 3123 1231"),
    (symmetry.smallest_tile, (), "1212 3434", "12 34"),
    (symmetry.smallest_tile, (), "12", None),
]


@pytest.mark.parametrize(("function", "arguments", "given", "wanted"), [*WHOLE, *PAINT, *LINES, *SYMMETRY])
def test_function(function: Function, arguments: tuple[object, ...], given: str, wanted: str | None) -> None:
    grid = draw(given)
    result = function(grid, *arguments)
    if wanted is None:
        assert result is None
    else:
        assert result is not None and result.dtype == np.uint8
        np.testing.assert_array_equal(result, draw(wanted))
    np.testing.assert_array_equal(grid, draw(given))


def test_no_cell_is_lost_where_many_objects_fall() -> None:
    for seed in range(30):
        grid = np.random.default_rng(seed).choice([0, 0, 0, 1, 2], (20, 20)).astype(np.uint8)
        for way in lines.STRAIGHT_WAYS:
            fallen = lines.fall_whole(grid, way)
            assert np.array_equal(np.bincount(fallen.ravel(), minlength=3), np.bincount(grid.ravel(), minlength=3))
            assert np.array_equal(lines.fall_whole(fallen, way), fallen)


def test_a_mosaic_has_one_piece_at_every_place() -> None:
    def piece(row: int, col: int) -> Piece:
        return Piece(np.ones((1, 1), np.uint8), row, col)

    assert join.mosaic(Pieces(tuple(piece(*at) for at in ((0, 0), (0, 1), (1, 0), (1, 1))), (2, 2))) is not None
    assert join.mosaic(Pieces(tuple(piece(*at) for at in ((0, 0), (0, 0), (0, 1), (1, 1))), (2, 2))) is None
