"""All grid functions that the search may use for a task, with their costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from arc_affinity.search.functions import join, lines, moves, paint, pieces, select, shapes, symmetry
from arc_affinity.search.values import Kind, Step
from arc_affinity.types import COLOURS, Grid, Pair

SIMPLE, CHOICE, NORMAL, RARE = 1.0, 1.1, 1.3, 1.7
"""Costs: of what many tasks need, of choices among pieces, of most functions, of what few need or guesses easily."""

WAYS = (("up", lines.UP), ("down", lines.DOWN), ("left", lines.LEFT), ("right", lines.RIGHT))


def steps_for(demonstrations: Sequence[Pair]) -> tuple[Step, ...]:
    """Return the functions to try on a task, cheapest first; colours are those that its demonstrations have."""
    inputs = np.sum([np.bincount(pair.input.ravel(), minlength=COLOURS) > 0 for pair in demonstrations], 0)
    outputs = np.sum(
        [np.bincount(pair.output.ravel(), minlength=COLOURS) > 0 for pair in demonstrations if pair.output is not None],
        0,
    )
    read = [c for c in range(1, COLOURS) if inputs[c] == len(demonstrations)]
    written = [c for c in range(1, COLOURS) if outputs[c] == len(demonstrations)]
    sizes = {pair.output.shape for pair in demonstrations if pair.output is not None}
    steps = [
        *_whole_grids(),
        *_by_colour(read, written),
        *_drawing(),
        *_moves(read),
        *_cuts(),
        *(_of_size(*sizes.pop()) if len(sizes) == 1 else ()),
        *_choices(read),
        *_joins(),
    ]
    return tuple(sorted(steps, key=lambda step: step.cost))


def _step(takes: Kind, gives: Kind, name: str, function: Callable[..., Any], cost: float, *arguments: Any) -> Step:
    """A step with the function's arguments after the first given."""
    return Step(name, takes, gives, (lambda value: function(value, *arguments)) if arguments else function, cost)


_grid = partial(_step, Kind.GRID, Kind.GRID)
_cut = partial(_step, Kind.GRID, Kind.PIECES)
_choice = partial(_step, Kind.PIECES, Kind.PIECES)
_join = partial(_step, Kind.PIECES, Kind.GRID)


def _whole_grids() -> list[Step]:
    simple: list[tuple[str, Callable[[Grid], Grid | None]]] = [
        ("mirror left-right", np.fliplr),
        ("mirror top-bottom", np.flipud),
        ("turn round", shapes.rotate_180),
        ("turn left", np.rot90),
        ("turn right", shapes.rotate_right),
        ("transpose", np.transpose),
        ("transpose other", shapes.antitranspose),
        ("crop", shapes.crop),
        ("scale down", shapes.scale_down),
        ("merge equal lines", shapes.merge_equal_lines),
        ("drop uniform lines", shapes.drop_uniform_lines),
        ("drop empty lines", shapes.drop_empty_lines),
        ("smallest tile", symmetry.smallest_tile),
        ("continue pattern", symmetry.continue_pattern),
    ]
    normal: list[tuple[Any, ...]] = [
        ("trim", shapes.trim),
        ("top half", shapes.half, 0, False),
        ("bottom half", shapes.half, 0, True),
        ("left half", shapes.half, 1, False),
        ("right half", shapes.half, 1, True),
        ("scale up by colours", shapes.scale_up_by, True),
        ("scale up by cells", shapes.scale_up_by, False),
        ("scale up by side", shapes.scale_up_by_side),
        ("tile by side", shapes.tile_by_side),
        ("tile turned", shapes.tile_turned),
        ("tile with mirrored middle", shapes.tile_shifted_rows),
        ("add own border", shapes.add_own_border),
        ("continue diagonals", symmetry.continue_sheared),
    ]
    steps = [_grid(name, function, SIMPLE) for name, function in simple]
    steps += [_grid(name, function, NORMAL, *arguments) for name, function, *arguments in normal]
    for rows, cols in ((2, 2), (3, 3), (4, 4), (1, 2), (2, 1), (1, 3), (3, 1)):
        steps.append(_grid(f"scale up {rows}x{cols}", shapes.scale_up, NORMAL, rows, cols))
        steps.append(_grid(f"tile {rows}x{cols}", shapes.tile, NORMAL, rows, cols))
        if (rows, cols) != (4, 4):
            steps.append(_grid(f"tile mirrored {rows}x{cols}", shapes.tile_mirrored, NORMAL, rows, cols))
    for axis, name in enumerate(("above", "before")):
        steps.append(_grid(f"put mirror image {name}", shapes.mirror_before, NORMAL, axis))
    for rows, cols in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        steps.append(_grid(f"shift {rows},{cols}", lines.moved, RARE, (rows, cols)))
        steps.append(_grid(f"roll {rows},{cols}", shapes.roll, RARE, rows, cols))
    for factor in (2, 3):
        steps.append(_grid(f"shrink by {factor}", shapes.shrink_by, RARE, factor))
    steps += [
        _grid("complete left-right", symmetry.mirror_whole, NORMAL, (np.fliplr,)),
        _grid("complete top-bottom", symmetry.mirror_whole, NORMAL, (np.flipud,)),
        _grid("complete both mirrors", symmetry.mirror_whole, NORMAL, (np.fliplr, np.flipud)),
        _grid("complete diagonals", symmetry.mirror_whole, NORMAL, (np.transpose, shapes.antitranspose)),
        _grid("complete quarter turns", symmetry.mirror_whole, NORMAL, (np.rot90, shapes.rotate_180)),
        _grid("complete at best row", symmetry.mirror_best, NORMAL, (0,)),
        _grid("complete at best column", symmetry.mirror_best, NORMAL, (1,)),
        _grid("complete at best axes", symmetry.mirror_best, NORMAL, (0, 1)),
        _grid("complete object mirrors", symmetry.mirror_object, NORMAL, False),
        _grid("complete object turns", symmetry.mirror_object, NORMAL, True),
    ]
    return steps


def _by_colour(read: Sequence[int], written: Sequence[int]) -> list[Step]:
    """Functions with a colour: one that every input has, or one that every output has."""
    steps = []
    for colour in read:
        steps += [
            _grid(f"only {colour}", paint.only_colour, NORMAL, colour),
            _grid(f"without {colour}", paint.without_colour, NORMAL, colour),
            _grid(f"crop to {colour}", shapes.crop, NORMAL, colour, True),
            _grid(f"crop to all but {colour}", shapes.crop, NORMAL, colour),
            _grid(f"inside box of {colour}", shapes.inside_box_of, RARE, colour),
            _grid(f"complete {colour} at best axes", symmetry.mirror_best, RARE, (0, 1), colour),
            _grid(f"continue pattern under {colour}", symmetry.continue_pattern, NORMAL, colour),
            _grid(f"mirror image behind {colour}", symmetry.behind, NORMAL, colour, False),
            _grid(f"pattern behind {colour}", symmetry.behind, NORMAL, colour, True),
            _grid(f"shoot {colour} in four ways", lines.shoot, RARE, lines.STRAIGHT_WAYS, colour),
            _grid(f"shoot {colour} across in four ways", lines.shoot_through, RARE, lines.STRAIGHT_WAYS, colour),
        ]
    for colour in written:
        steps += [
            _grid(f"fill enclosed with {colour}", paint.fill_enclosed, NORMAL, colour),
            _grid(f"paint {colour}", paint.paint, NORMAL, colour),
            _grid(f"paint background {colour}", paint.paint_background, RARE, colour),
            _grid(f"surround with {colour}", paint.surround, RARE, colour),
            _grid(f"add border {colour}", shapes.add_border, RARE, colour),
            _grid(f"fill boxes with {colour}", paint.fill_boxes, RARE, colour),
            _grid(f"fill whole box with {colour}", paint.box_fill, RARE, colour),
            _grid(f"connect by {colour}", lines.connect, RARE, True, True, colour),
            _grid(f"fill largest empty rectangle with {colour}", paint.fill_biggest_empty, RARE, colour),
        ]
    return steps


def _drawing() -> list[Step]:
    """Functions of `paint` and `lines` without a colour."""
    normal: list[tuple[Any, ...]] = [
        ("negative", paint.negative),
        ("exchange the two colours", paint.exchange_two),
        ("only the commonest", paint.with_ranked, paint.only_colour, 0),
        ("only the rarest", paint.with_ranked, paint.only_colour, -1),
        ("without the commonest", paint.with_ranked, paint.without_colour, 0),
        ("without the rarest", paint.with_ranked, paint.without_colour, -1),
        ("paint the commonest", paint.with_ranked, paint.paint, 0),
        ("paint the rarest", paint.with_ranked, paint.paint, -1),
        ("flood with the commonest", paint.flood_commonest),
        ("a cell of the commonest", paint.with_ranked, paint.one_cell, 0),
        ("a cell of the rarest", paint.with_ranked, paint.one_cell, -1),
        ("colours by frequency", paint.colours_by_frequency),
        ("colour bars", paint.colour_bars),
        ("cells in a row", paint.cells_in_a_row),
        ("only enclosed", paint.only_enclosed),
        ("fill enclosed by wall", paint.fill_enclosed_by_wall),
        ("fill boxes by colour", paint.fill_boxes_by_colour),
        ("insides", paint.insides),
        ("outlines", paint.outlines),
        ("remove specks", paint.remove_specks),
        ("majority around", paint.majority_around),
        ("largest region", paint.largest_region),
        ("without largest region", paint.without_largest_region),
        ("connect diagonally", lines.connect_diagonally),
        ("full rows", lines.full_rows),
        ("full columns", lines.full_cols),
        ("cross", lines.cross),
    ]
    steps = [_grid(name, function, NORMAL, *arguments) for name, function, *arguments in normal]
    for name, way in WAYS:
        steps += [
            _grid(f"fall {name}", lines.fall, NORMAL, way),
            _grid(f"fall whole {name}", lines.fall_whole, RARE, way),
            _grid(f"shoot {name}", lines.shoot, NORMAL, (way,)),
        ]
    return [
        *steps,
        _grid("shoot in four ways", lines.shoot, NORMAL, lines.STRAIGHT_WAYS),
        _grid("shoot diagonally", lines.shoot, NORMAL, lines.DIAGONAL_WAYS),
        _grid("shoot down and up", lines.shoot, RARE, (lines.DOWN, lines.UP)),
        _grid("shoot left and right", lines.shoot, RARE, (lines.LEFT, lines.RIGHT)),
        _grid("connect", lines.connect, NORMAL, True, True),
        _grid("connect rows", lines.connect, NORMAL, True, False),
        _grid("connect columns", lines.connect, NORMAL, False, True),
        _grid("grow", paint.grow, RARE, False),
        _grid("grow diagonally too", paint.grow, RARE, True),
        _grid("remove objects of 1", paint.remove_small, NORMAL, 1),
        _grid("remove objects of 2", paint.remove_small, RARE, 2),
        _grid("sort rows", lines.sort_lines, RARE, 0, False),
        _grid("sort rows down", lines.sort_lines, RARE, 0, True),
        _grid("sort columns", lines.sort_lines, RARE, 1, False),
        _grid("sort columns down", lines.sort_lines, RARE, 1, True),
    ]


def _moves(read: Sequence[int]) -> list[Step]:
    steps = [
        _grid("stamp at markers", moves.stamp, RARE, False),
        _grid("stamp at markers in their colour", moves.stamp, RARE, True),
        _grid("mirror objects top-bottom", moves.mirror_objects, RARE, 0),
        _grid("mirror objects left-right", moves.mirror_objects, RARE, 1),
    ]
    for colour in read:
        steps.append(_grid(f"pull to {colour}", moves.pull, RARE, colour))
        steps += [_grid(f"fall {name} to {colour}", moves.fall_until, RARE, way, colour) for name, way in WAYS]
    return steps


def _of_size(rows: int, cols: int) -> list[Step]:
    """Functions that cut out parts of the size that all outputs have."""
    corners = [
        (f"{down} {across}", down == "bottom", across == "right")
        for down in ("top", "bottom")
        for across in ("left", "right")
    ]
    return [
        *(_grid(f"{name} {rows}x{cols}", shapes.corner, NORMAL, rows, cols, *where) for name, *where in corners),
        _grid(f"middle {rows}x{cols}", shapes.middle, NORMAL, rows, cols),
        _cut(f"blocks of {rows}x{cols}", pieces.blocks, SIMPLE, rows, cols),
        _cut(f"full parts of {rows}x{cols}", pieces.squares_of, NORMAL, rows, cols),
    ]


def _cuts() -> list[Step]:
    return [
        _cut("regions", pieces.regions, SIMPLE, False),
        _cut("regions with diagonals", pieces.regions, SIMPLE, True),
        _cut("objects", pieces.objects, SIMPLE, False),
        _cut("objects with diagonals", pieces.objects, SIMPLE, True),
        _cut("windows", pieces.windows, SIMPLE),
        _cut("holes", pieces.holes, NORMAL),
        _cut("colours", pieces.colours, SIMPLE),
        _cut("colour crops", pieces.colour_crops, NORMAL),
        _cut("cut at lines", pieces.cut_at_lines, SIMPLE),
        _cut("halves left and right", pieces.cut_evenly, SIMPLE, 1, 2),
        _cut("halves top and bottom", pieces.cut_evenly, SIMPLE, 2, 1),
        _cut("quarters", pieces.cut_evenly, NORMAL, 2, 2),
        _cut("ninths", pieces.cut_evenly, NORMAL, 3, 3),
        _cut("thirds left to right", pieces.cut_evenly, NORMAL, 1, 3),
        _cut("thirds top to bottom", pieces.cut_evenly, NORMAL, 3, 1),
        _cut("squares", pieces.cut_to_squares, NORMAL),
        _cut("rows", pieces.lines_of, NORMAL, 0),
        _cut("columns", pieces.lines_of, NORMAL, 1),
        _cut("insides of frames", pieces.frames, NORMAL),
    ]


def _choices(read: Sequence[int]) -> list[Step]:
    steps = [
        _choice("cropped", pieces.cropped, SIMPLE),
        _choice("distinct", pieces.distinct, CHOICE),
        _choice("reversed", pieces.reverse, CHOICE),
    ]
    for name, measure in select.MEASURES.items():
        cost = SIMPLE if name in {"cells", "area"} else CHOICE
        steps += [
            _choice(f"most {name}", partial(select.extreme, measure, False, True), cost),
            _choice(f"least {name}", partial(select.extreme, measure, True, True), cost),
            _choice(f"without most {name}", partial(select.extreme, measure, False, False), RARE),
            _choice(f"without least {name}", partial(select.extreme, measure, True, False), RARE),
            _choice(f"odd in {name}", partial(select.odd_one, measure), CHOICE),
            _choice(f"by {name}", partial(select.sort_by, measure, False), CHOICE),
            _choice(f"by {name} down", partial(select.sort_by, measure, True), CHOICE),
        ]
    for colour in read:
        steps.append(_choice(f"with {colour}", partial(select.with_colour, colour, True), CHOICE))
        steps.append(_choice(f"lacking {colour}", partial(select.with_colour, colour, False), CHOICE))
    mapped: list[tuple[str, Callable[[Grid], Grid | None]]] = [
        ("mirror left-right", np.fliplr),
        ("mirror top-bottom", np.flipud),
        ("turn round", shapes.rotate_180),
        ("fill enclosed by wall", paint.fill_enclosed_by_wall),
        ("flood with the commonest", paint.flood_commonest),
        ("flood with its colour", partial(paint.with_ranked, draw=paint.flood, place=0)),
        ("without the commonest", partial(paint.with_ranked, draw=paint.without_colour, place=0)),
        ("without the rarest", partial(paint.with_ranked, draw=paint.without_colour, place=-1)),
        ("paint the rarest", partial(paint.with_ranked, draw=paint.paint, place=-1)),
        ("complete mirrors", partial(symmetry.mirror_whole, ways=(np.fliplr, np.flipud))),
        ("negative", paint.negative),
        ("transpose", np.transpose),
        ("paint the commonest", partial(paint.with_ranked, draw=paint.paint, place=0)),
        ("crop", shapes.crop),
        ("fill boxes by colour", paint.fill_boxes_by_colour),
        ("insides", paint.insides),
        ("outlines", paint.outlines),
    ]
    return steps + [_choice(f"each {name}", partial(pieces.each, function), CHOICE) for name, function in mapped]


def _joins() -> list[Step]:
    half = SIMPLE / 2
    return [
        _join("the one", select.only_piece, 0.3),
        _join("in place", join.in_place, half),
        _join("first", select.nth_piece, half, 0),
        _join("second", select.nth_piece, SIMPLE, 1),
        _join("last", select.nth_piece, half, -1),
        _join("side by side", join.concatenated, half, 1),
        _join("stacked", join.concatenated, half, 0),
        _join("overlaid", join.stacked, half, join.overlaid),
        _join("common", join.stacked, half, join.common),
        _join("exclusive", join.stacked, half, join.exclusive),
        _join("neither", join.stacked, half, join.neither),
        _join("voted", join.stacked, SIMPLE, join.voted, 60),
        _join("centred", join.centred, SIMPLE),
        _join("mosaic", join.mosaic, half),
        _join("colours in a row", join.colours_in_a_row, SIMPLE),
        _join("bars", join.bars, NORMAL),
        _join("count on a diagonal", join.count_diagonal, NORMAL),
        _join("packed in a row", join.packed, NORMAL, 1),
        _join("packed in a column", join.packed, NORMAL, 0),
    ]
