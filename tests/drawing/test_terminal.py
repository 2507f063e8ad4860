"""Grids on the terminal, with colours and without."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console, RenderableType

from arc_affinity.drawing.palette import DIGITS, PALETTE
from arc_affinity.drawing.terminal import grid_text, pair_table, task_table
from arc_affinity.types import Pair, Task


def grid(*rows: str) -> np.ndarray:
    return np.array([[int(cell) for cell in row] for row in rows], np.uint8)


def printed(what: RenderableType, width: int = 80, colours: bool = False) -> str:
    written = io.StringIO()
    settings = {"force_terminal": True, "color_system": "truecolor"} if colours else {"color_system": None}
    Console(file=written, width=width, legacy_windows=False, **settings).print(what, crop=False)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip("\n").split("\n"))


def test_digits_read_without_colours() -> None:
    assert printed(grid_text(grid("012", "345"))) == "0 1 2\n3 4 5"
    assert grid_text(grid("012", "345")).plain == "0 1 2 \n3 4 5 "


def test_every_colour_stands_behind_its_digit() -> None:
    written = printed(grid_text(grid("0123456789")), colours=True)
    for digit, (front, back) in enumerate(zip(DIGITS, PALETTE, strict=True)):
        codes = [";".join(str(part) for part in bytes.fromhex(colour[1:])) for colour in (front, back)]
        assert f"\x1b[38;2;{codes[0]};48;2;{codes[1]}m{digit} " in written


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    shares = [part / 255 for part in bytes.fromhex(colour[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("colour", range(10))
def test_digits_are_legible_on_their_colour(colour: int) -> None:
    light, dark = sorted((luminance(DIGITS[colour]), luminance(PALETTE[colour])), reverse=True)
    # WCAG asks for 3:1 of large or bold text; its black-and-white maximum is 21:1.
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_a_pair_stands_side_by_side_where_there_is_room() -> None:
    pair = Pair(grid("12", "34"), grid("567"))
    lines = printed(pair_table(pair, "train 0")).split("\n")
    assert [line.split() for line in lines] == [
        ["train", "0", "input", "2", "x", "2", "output", "1", "x", "3"],
        ["1", "2", "→", "5", "6", "7"],
        ["3", "4"],
    ]


def test_a_pair_stands_one_below_the_other_where_there_is_none() -> None:
    pair = Pair(grid("12", "34"), grid("567"))
    assert printed(pair_table(pair, "train 0", width=20), width=20) == (
        "train 0 input 2 x 2\n1 2\n3 4\noutput 1 x 3\n5 6 7"
    )


def test_the_largest_grids_are_never_cut() -> None:
    noise = np.random.default_rng(0).integers(0, 10, (29, 30)).astype(np.uint8)
    rows = [" ".join(map(str, row)) for row in noise.tolist()]
    for width in (40, 80, 131):
        lines = printed(pair_table(Pair(noise, noise), width=width), width).split("\n")
        assert all(sum(line.count(row) for line in lines) >= 2 for row in rows)


def test_outputs_withheld_or_hidden() -> None:
    assert "output withheld" in printed(pair_table(Pair(grid("1"), None)))
    hidden = printed(pair_table(Pair(grid("1"), grid("7")), outputs=False))
    assert "output hidden" in hidden
    assert "7" not in hidden


def test_a_task_names_its_pairs() -> None:
    pair = Pair(grid("1"), grid("7"))
    task = Task("a", (pair, pair), (pair,), "mine")
    shown = printed(task_table(task))
    assert shown.startswith("a  mine\n\ntrain 0 input 1 x 1")
    assert [name for name in ("train 0", "train 1", "test 0", "train 2") if name in shown] == [
        "train 0",
        "train 1",
        "test 0",
    ]
    assert shown.count("7") == 3
    assert printed(task_table(task, outputs=False)).count("7") == 2
