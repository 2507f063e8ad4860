"""What the search has at hand: every step does what it did, as records name programs by it, and usual factors are
those of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arc_affinity.search.functions.library import steps_for
from arc_affinity.search.functions.select import MEASURES
from arc_affinity.search.values import Kind, Piece, Pieces, Step
from arc_affinity.types import Grid, Pair

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


def draw(text: str) -> Grid:
    """A grid from rows of digits; a dot is 0."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in text.split()], np.uint8)


def laid(rows: int, cols: int, text: str) -> Pieces:
    """Pieces from ``row,col picture; …``."""
    places = [each.split(" ", 1) for each in text.split("; ")]
    return Pieces(tuple(Piece(draw(it), *map(int, at.split(","))) for at, it in places), (rows, cols))


def told(value: Grid | Pieces | None) -> str:
    """What `draw` and `laid` read; a dash for None."""
    if isinstance(value, Pieces):
        return "; ".join(f"{piece.row},{piece.col} {told(piece.grid)}" for piece in value.items)
    return "-" if value is None else " ".join("".join(map(str, row)) for row in value.tolist()).replace("0", ".")


GIVEN: dict[str, Grid | Pieces] = {
    "a": draw("....2.. .33.2.. .3.3..1 .333... .....12"),
    "b": draw("2112 1.21 12.1 2112"),
    "c": draw(".3. 33. ..3"),
    "d": draw("12512 55555 34534"),
    "e": draw("1122 1122 3344"),
    "f": draw("232323 1.1111 232323 111121"),
    "g": draw("444.... 424.... 444.... ......2 .3....."),
    "h": draw("113..2 1.3... 33...2"),
    "i": draw("1313 4141 1322 4122"),
    "j": draw("12 34 12 34"),
    "k": draw("22222 21322 2.422 22222"),
    "p": laid(5, 7, "0,0 3.3 .33; 0,4 1; 3,2 22 2.; 4,6 1"),
    "q": laid(5, 7, "0,0 12 .2; 0,3 12 .2; 3,0 3. 12"),
    "r": laid(7, 9, "0,0 444 4.4 446; 2,5 2; 3,7 2; 5,5 2"),
    "s": laid(3, 4, "0,0 444 4.4 444; 0,3 2"),
    "t": laid(3, 4, "0,0 44; 2,0 44"),
    "u": laid(7, 7, "1,1 .3. ...; 3,2 444 444 444; 0,5 1"),
    "v": laid(7, 7, "1,1 333 3.3 333; 3,2 555 5.5 555"),
}
"""What steps are shown with, grids first; each in the table with the first that it changes without filling a page."""

# All inputs have a 2, all outputs a 4 and two rows of three.
SHOWN = [Pair(draw("121"), draw("143 45.")), Pair(draw("32."), draw("42. 2.4"))]
LIKE_AREA = tuple(name for name in MEASURES if name not in ("cells", "area", "border"))


def row_of(step: Step, letter: str) -> str:
    return f"{step.name} | {step.cost} | {letter} | {told(step.apply(GIVEN[letter]))}"


def test_every_step_does_what_it_did() -> None:
    """A row a step: name, cost, what it is given, what it makes of that.

    Programs in records and labels of tasks go by these names: a row may be added, and a function that changes is a new
    one. Of steps that take a measure those of three are here.
    """
    steps = {
        (step.takes, step.name): step
        for step in steps_for(SHOWN)
        if step.takes is Kind.GRID or not step.name.removesuffix(" down").endswith(LIKE_AREA)
    }
    table = (Path(__file__).parent / "steps.txt").read_text(encoding="utf-8").splitlines()
    rows = [(row.split(" | ")[0], row.split(" | ")[2]) for row in table]
    kinds = [Kind.GRID if letter < "p" else Kind.PIECES for _, letter in rows]
    assert [(kind, name) for kind, (name, _) in zip(kinds, rows, strict=True)] == sorted(
        steps, key=lambda each: (each[0].name, each[1])
    )
    for kind, (name, letter), row in zip(kinds, rows, table, strict=True):
        assert row_of(steps[kind, name], letter) == row
