"""The search itself: one program a result, bounds that hold, colours by table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.search.compose import Bounds, Search, apply, colour_table, name_table
from arc_affinity.search.functions import join
from arc_affinity.search.functions.library import steps_for
from arc_affinity.search.functions.pieces import lines_of, reverse
from arc_affinity.search.functions.shapes import scale_up
from arc_affinity.search.values import Kind, Piece, Pieces, Step, digest
from arc_affinity.types import Pair

FLIP = Step("flip", Kind.GRID, Kind.GRID, np.fliplr)
TRANSPOSE = Step("transpose", Kind.GRID, Kind.GRID, np.transpose)
INPUTS = [np.array([[1, 2, 0], [3, 0, 0]], np.uint8), np.array([[5, 0, 7], [0, 0, 2]], np.uint8)]


def test_one_program_for_each_result() -> None:
    # Mirror and transpose make the eight symmetries of the square, and no more.
    square = np.array([[1, 1, 2], [1, 3, 0], [0, 0, 2]], np.uint8)
    search = Search([square, square.T], [np.arange(9, dtype=np.uint8).reshape(3, 3)], [FLIP, TRANSPOSE])
    found = search.run(Bounds(float("inf"), depth=9))
    assert found.stopped == ""
    assert len({digest(node.state) for node in found.nodes}) == len(found.nodes) == 8


def test_a_composition_is_found() -> None:
    found = Search(INPUTS, [np.rot90(INPUTS[0])], [FLIP, TRANSPOSE]).run(Bounds(float("inf")))
    assert [node.text for node in found.solutions] == ["input | flip | transpose"]


CUT = Step("columns", Kind.GRID, Kind.PIECES, lambda grid: lines_of(grid, 1), 1.3)
REVERSED = Step("reversed", Kind.PIECES, Kind.PIECES, reverse, 1.1)
JOINED = Step("side by side", Kind.PIECES, Kind.GRID, lambda value: join.concatenated(value, 1), 0.5)


def test_states_in_the_order_they_are_found() -> None:
    steps = [TRANSPOSE, CUT, REVERSED, JOINED]
    short = Search(INPUTS, [np.rot90(INPUTS[0])], steps).run(Bounds(float("inf"), depth=2))
    found = Search(INPUTS, [np.rot90(INPUTS[0])], steps).run(Bounds(float("inf")))
    # A transposed grid has the output's size and waits 0.2 longer than its cost; pieces do not wait.
    two = [
        ("input", 0.0),
        ("input | transpose", 1.0),
        ("input | columns", 1.3),
        ("input | columns | reversed", 2.4),
        ("input | transpose | columns", 2.3),
    ]
    assert [(node.text, node.cost) for node in short.nodes] == [(text, pytest.approx(cost)) for text, cost in two]
    assert (short.applied, short.solutions) == (6, [])
    mirrored, turned = "input | columns | reversed | side by side", "input | transpose | columns | reversed"
    # The mirrored grid has the inputs' size and waits 0.4; of two ways to the solution the first found is kept.
    more = [
        (mirrored, 2.9),
        (turned, 3.4),
        (f"{turned} | side by side", 3.9),
        (f"{mirrored} | transpose", 3.9),
        (f"{mirrored} | columns", 4.2),
    ]
    assert [(node.text, node.cost) for node in found.nodes] == [
        (text, pytest.approx(cost)) for text, cost in (*two, *more)
    ]
    assert [node.text for node in found.solutions] == [f"{mirrored} | transpose"]
    assert [node.text for node in found.same_size] == [
        "input | transpose", f"{turned} | side by side", f"{mirrored} | transpose"
    ]  # fmt: skip
    assert (found.applied, found.stopped) == (17, "")


def named(name: str, cost: float, function: Callable[[np.ndarray], np.ndarray]) -> Step:
    return Step(name, Kind.GRID, Kind.GRID, lambda grid: function(grid).astype(np.uint8), cost)


def test_programs_that_cost_one_more_are_looked_for_and_no_dearer_ones() -> None:
    # All give the demonstration's output and differ on the test.
    steps = [
        named(f"by {cost}", cost, lambda grid, colour=colour: np.where(grid == 7, colour, grid[:, ::-1]))
        for colour, cost in enumerate((1.0, 2.0, 2.1), 1)
    ]
    inputs = [INPUTS[0], np.array([[7, 7, 3]], np.uint8)]
    found = Search(inputs, [INPUTS[0][:, ::-1]], steps).run(Bounds(float("inf"), depth=1))
    assert [node.text for node in found.solutions] == ["input | by 1.0", "input | by 2.0"]


def test_what_is_far_from_the_input_has_the_outputs_size() -> None:
    wide = named("wide", 1.2, lambda grid: np.hstack([grid, grid[:, :1]]))
    target = [np.zeros((9, 9), np.uint8)]
    found = Search(INPUTS, target, [wide]).run(Bounds(float("inf")))
    assert [node.cost for node in found.nodes] == pytest.approx([0, 1.2, 2.4])
    found = Search(INPUTS, [np.zeros((2, 6), np.uint8)], [wide]).run(Bounds(float("inf")))
    assert [node.state[0].shape for node in found.nodes] == [(2, 3), (2, 4), (2, 5), (2, 6)]


def test_some_demonstrations_and_colours_by_table() -> None:
    grids = [np.array([[1, 2]], np.uint8), np.array([[2, 3]], np.uint8), np.array([[1, 1]], np.uint8)]
    # The first output is the input; for both together colours change by a table after a mirror.
    partly = Search(grids, [grids[0], np.array([[9, 9]], np.uint8)], [FLIP]).run(Bounds(float("inf")))
    assert [(fits, node.text) for fits, node in partly.partial] == [(1, "input")] and not partly.solutions
    outputs = [np.array([[4, 5]], np.uint8), np.array([[6, 4]], np.uint8)]
    found = Search(grids, outputs, [FLIP]).run(Bounds(float("inf")))
    assert [(node.text, node.cost) for node in found.solutions] == [("input | flip | colours 1>5 2>4 3>6", 2.5)]
    np.testing.assert_array_equal(found.solutions[0].state[2], [[5, 5]])


def test_cheapest_first() -> None:
    dear = Step("dear", Kind.GRID, Kind.GRID, lambda grid: np.rot90(grid), 2.5)  # type: ignore[arg-type]
    found = Search(INPUTS, [np.rot90(INPUTS[0])], [dear, FLIP, TRANSPOSE]).run(Bounds(float("inf")))
    assert found.solutions[0].cost == pytest.approx(2.0)


def test_bounds_stop_and_keep_what_was_found() -> None:
    target = [INPUTS[0][:, ::-1]]
    assert Search(INPUTS, target, [FLIP, TRANSPOSE]).run(Bounds(float("inf"), states=3)).stopped == "states"
    by_memory = Search(INPUTS, target, [FLIP, TRANSPOSE]).run(Bounds(float("inf"), bytes=500))
    assert by_memory.stopped == "memory"
    assert [node.text for node in by_memory.solutions] == ["input | flip"]
    assert Search(INPUTS, target, [FLIP, TRANSPOSE]).run(Bounds(0.0)).stopped == "seconds"


def test_sizes_are_bounded_at_once() -> None:
    calls = []

    def grow(grid: np.ndarray) -> np.ndarray | None:
        calls.append(grid.shape)
        return np.zeros((grid.shape[0] * 4, grid.shape[1]), np.uint8)

    unreachable = [np.arange(9, dtype=np.uint8)[None]]
    found = Search(INPUTS, unreachable, [Step("grow", Kind.GRID, Kind.GRID, grow)]).run(Bounds(float("inf"), depth=9))  # type: ignore[arg-type]
    assert max(rows for rows, _ in calls) == 8
    assert all(value.shape[0] <= 30 for node in found.nodes for value in node.state)
    assert scale_up(np.zeros((16, 1), np.uint8), 2, 1) is None


def test_a_function_that_fails_on_the_test_input_is_left_out() -> None:
    picky = Step("picky", Kind.GRID, Kind.GRID, lambda grid: None if grid.max() > 3 else grid[:, ::-1])  # type: ignore[union-attr]
    assert apply(picky, (INPUTS[0],)) is not None
    assert apply(picky, tuple(INPUTS)) is None


def test_colour_table() -> None:
    given = np.array([[1, 2], [2, 0]], np.uint8)
    table = colour_table((given,), [np.array([[4, 5], [5, 0]], np.uint8)])
    assert table is not None
    assert name_table(table) == "colours 1>4 2>5"
    assert table[7] == 7
    assert colour_table((given,), [np.array([[4, 5], [6, 0]], np.uint8)]) is None


def test_digest_tells_values_apart() -> None:
    a, b = np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8)
    assert digest((a,)) != digest((b,))
    assert digest((Pieces((Piece(a, 0, 1),), (7, 7)),)) != digest((Pieces((Piece(a, 1, 0),), (7, 7)),))
    assert digest((Pieces((Piece(a),), (7, 7)),)) == digest((Pieces((Piece(a.copy()),), (7, 7)),))


def test_names_of_functions_are_distinct_and_types_fit() -> None:
    grid = np.array([[1, 2, 0], [0, 0, 3]], np.uint8)
    steps = steps_for([Pair(grid, grid[:, ::-1])])
    names = [(step.takes, step.name) for step in steps]
    assert len(set(names)) == len(names)
    assert [step.cost for step in steps] == sorted(step.cost for step in steps)
    pieces = Pieces((Piece(grid, 0, 0), Piece(grid.T.copy(), 1, 1)), (5, 7))
    for step in steps:
        result = step.apply(grid if step.takes is Kind.GRID else pieces)
        if result is not None:
            assert isinstance(result, Pieces) == (step.gives is Kind.PIECES), step.name


GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.sampled_from([0, 0, 0, 1, 2, 5]))


@settings(max_examples=25)
@given(GRIDS, GRIDS)
def test_no_function_fails_on_any_grid(grid: np.ndarray, other: np.ndarray) -> None:
    steps = steps_for([Pair(grid, other)])
    cut: dict[bytes, Pieces] = {}
    for step in steps:
        if step.takes is Kind.GRID:
            before = grid.copy()
            result = step.apply(grid)
            np.testing.assert_array_equal(grid, before)
            if isinstance(result, Pieces):
                assert result.items, step.name
                cut[digest((result,))] = result
            else:
                assert result is None or result.ndim == 2, step.name
    for pieces in cut.values():
        for step in steps:
            if step.takes is Kind.PIECES:
                result = step.apply(pieces)
                assert not isinstance(result, Pieces) or result.items, step.name
