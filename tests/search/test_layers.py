"""Stacks of layers: what several programs draw, laid over each other."""

from __future__ import annotations

import numpy as np
import pytest

from arc_affinity.search import solve
from arc_affinity.search.compose import Bounds, Node
from arc_affinity.search.layers import Layer, stacks
from arc_affinity.search.solve import candidates
from arc_affinity.search.values import Kind
from arc_affinity.types import Pair, Task


def grid(text: str) -> np.ndarray:
    return np.array([[int(cell) for cell in row] for row in text.split()], np.uint8)


def node(name: str, cost: float, *texts: str) -> Node:
    """A program that gives these grids."""
    return Node(tuple(grid(text) for text in texts), Kind.GRID, (name,), cost)


ROWS = node("rows", 1.0, "000 222", "200 222 000", "022 200")
COLS = node("cols", 1.3, "030 030", "300 300 300", "003 003")
SPOTS = node("spots", 2.0, "400 000", "000 040 000", "400 000")
TARGETS = [grid("430 232"), grid("300 342 300")]


def test_layers_are_laid_over_each_other() -> None:
    # Columns of 3 lie over rows of 2; the spots hide nothing of either.
    stack, *_ = stacks([ROWS, COLS, SPOTS], TARGETS)
    assert stack.text == "[input | cols], [input | spots] over [input | rows]"
    assert stack.cost == pytest.approx(1.3 + 2 + 2.0 + 2 + 1.0)
    np.testing.assert_array_equal(stack.grids[2], grid("423 203"))


def test_no_stack_where_a_cell_is_never_right() -> None:
    assert stacks([ROWS, COLS, SPOTS], [grid("430 237"), grid("300 342 300")]) == []


def test_a_layer_of_one_colour_over_a_colour() -> None:
    # Of the program only its 5 are right; all else is 1.
    both = node("both", 1.0, "57 07", "750", "5")
    (stack,) = stacks([both], [grid("51 11"), grid("151")])
    assert stack.text == "[input | both] where 5 over colour 1"
    assert stack.cost == pytest.approx(1.0 + 2.5 + 1.0)
    np.testing.assert_array_equal(stack.grids[2], grid("5"))


def test_a_layer_that_helps_one_demonstration_alone_is_chance() -> None:
    targets = [grid("000 242"), grid("200 222 000")]
    once = node("once", 1.0, "000 040", "000 000 000", "040 000")
    assert stacks([ROWS, once], targets) == []
    twice = node("twice", 1.0, "000 040", "200 000 000", "040 000")
    (stack,) = stacks([ROWS, twice], targets)
    assert stack.text == "[input | twice] over [input | rows]"
    # Where there is but one demonstration, one must do.
    rows, spot = node("rows", 1.0, "000 222", "222 000"), node("once", 1.0, "000 040", "040 000")
    assert [stack.text for stack in stacks([rows, spot], targets[:1])] == ["[input | once] over [input | rows]"]


def test_programs_whose_test_has_another_size_are_left_out() -> None:
    assert stacks([ROWS, COLS, SPOTS], TARGETS)
    small = node("spots", 2.0, "400 000", "000 040 000", "40")
    assert stacks([ROWS, COLS, small], TARGETS) == []


def test_nothing_to_stack() -> None:
    assert stacks([], TARGETS) == []
    assert stacks([node("blank", 1.0, "000 000", "000 000 000", "000")], TARGETS) == []


def test_a_layer_covers_what_its_program_draws() -> None:
    assert Layer(ROWS, None).mask(grid("102")).tolist() == [[True, False, True]]
    assert Layer(ROWS, 2).mask(grid("102")).tolist() == [[False, False, True]]


def test_a_task_that_no_single_program_solves(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every cell shoots up in its colour; over that lies the input's mirror image.
    def drawn(given: np.ndarray) -> np.ndarray:
        mirrored = given[:, ::-1]
        return np.where(mirrored > 0, mirrored, np.maximum.accumulate(given[::-1], 0)[::-1])

    inputs = [grid("0000000 0000000 0100000 0000300 0000000"), grid("00000 00000 00002 00000 07000")]
    inputs.append(grid("00000000000 06000000000 00000000400"))
    pairs = [Pair(each, drawn(each).astype(np.uint8)) for each in inputs]
    task = Task("made", tuple(pairs[:2]), (pairs[2],))
    # Rules for cells take most of the time, and are not what is asked.
    monkeypatch.setattr(solve, "learn_rules", lambda features, targets, known, over: [])
    found = candidates(task, Bounds(float("inf"), 400))
    stacked = [each for each in found if each.source == "stack"]
    assert "[input | mirror left-right] over [input | shoot up]" in [each.program for each in stacked]
    assert all(each.fits == 2 for each in stacked)
    assert any(np.array_equal(each.grids[0], task.test[0].output) for each in stacked)
