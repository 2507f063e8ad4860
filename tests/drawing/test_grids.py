"""Pictures: every cell in its colour and place, sizes, crosses, and the words that go with them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from arc_affinity.drawing.palette import PALETTE
from arc_affinity.drawing.png import LARGEST_CELL, WIDTH, grid_png, task_png
from arc_affinity.drawing.svg import grid_svg, wrong_cells
from arc_affinity.types import Pair, Task

GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 13), st.integers(1, 13)), elements=st.integers(0, 9))
SVG = "{http://www.w3.org/2000/svg}"


def grid(*rows: str) -> np.ndarray:
    return np.array([[int(cell) for cell in row] for row in rows], np.uint8)


def hexadecimal(pixel: np.ndarray) -> str:
    return "#" + bytes(pixel.tolist()).hex().upper()


def test_the_palette() -> None:
    assert len(set(PALETTE)) == 10
    assert (PALETTE[0], PALETTE[1], PALETTE[9]) == ("#000000", "#0074D9", "#870C25")


@given(GRIDS, st.integers(2, 11))
def test_cells_are_in_their_colour_and_place(cells: np.ndarray, cell: int) -> None:
    image = grid_png(cells, cell)
    rows, cols = cells.shape
    assert image.size == (cols * cell + 1, rows * cell + 1)
    pixels = np.asarray(image)
    for row, col in np.ndindex(cells.shape):
        inside = pixels[row * cell + 1 : (row + 1) * cell, col * cell + 1 : (col + 1) * cell].reshape(-1, 3)
        assert {hexadecimal(pixel) for pixel in inside} == {PALETTE[cells[row, col]]}
    assert {hexadecimal(pixel) for pixel in pixels[::cell].reshape(-1, 3)} == {"#555555"}
    assert {hexadecimal(pixel) for pixel in pixels[:, ::cell].reshape(-1, 3)} == {"#555555"}


def decoded(svg: str) -> np.ndarray:
    """The grid that an SVG shows, from its shapes alone."""
    root = ElementTree.fromstring(svg)
    rows, cols = (round(float(side)) for side in root.attrib["viewBox"].split()[:1:-1])
    cells = np.full((rows, cols), 255, np.uint8)
    for path in root.iter(f"{SVG}path"):
        if path.attrib["fill"] == "none":
            continue
        for run in re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", path.attrib["d"])[0].split("z")[:-1]:
            col, row, width, back = map(int, re.findall(r"\d+(?=[ hv]|$)", run.replace("v1", "")))
            assert width == back
            assert (cells[row, col : col + width] == 255).all()
            cells[row, col : col + width] = PALETTE.index(path.attrib["fill"])
    return cells


@given(GRIDS)
def test_an_svg_shows_the_grid(cells: np.ndarray) -> None:
    assert np.array_equal(decoded(grid_svg(cells)), cells)


def test_an_svg_says_what_it_is() -> None:
    root = ElementTree.fromstring(grid_svg(grid("123", "456"), cell=7, title='"target" & <more>'))
    words = '"target" & <more>: 2 rows, 3 columns'
    assert root.attrib["aria-label"] == words
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}title") == words
    assert (root.attrib["width"], root.attrib["height"]) == ("21", "14")
    assert ElementTree.fromstring(grid_svg(grid("1"))).findtext(f"{SVG}title") == "1 rows, 1 columns"


def test_an_svg_crosses_out() -> None:
    wrong = np.array([[False, True, False]])
    assert grid_svg(grid("000"), wrong=wrong).count('d="M1.25 0.25l.5 .5m-.5 0l.5-.5"') == 2
    assert "stroke-width" in grid_svg(grid("000"), wrong=wrong)
    assert grid_svg(grid("000"), wrong=np.zeros((1, 3), bool)) == grid_svg(grid("000"))


def test_an_svg_of_the_largest_grid_is_small() -> None:
    noise = np.random.default_rng(0).integers(0, 10, (30, 30)).astype(np.uint8)
    assert len(grid_svg(noise)) < 20_000
    assert len(grid_svg(np.zeros((30, 30), np.uint8))) < 2_000


def test_wrong_cells_by_hand() -> None:
    same = wrong_cells(grid("12", "34"), grid("12", "34"))
    assert same.tolist() == [[False, False], [False, False]]
    larger = wrong_cells(grid("120", "354"), grid("12"))
    assert larger.tolist() == [[False, False, True], [True, True, True]]
    smaller = wrong_cells(grid("15"), grid("120", "354"))
    assert smaller.tolist() == [[False, True]]


def colours_of(image: Image.Image) -> set[str]:
    return {hexadecimal(np.array(pixel)) for _, pixel in image.getcolors(image.width * image.height)}


TASK = Task("a", (Pair(grid("11"), grid("2")),), (Pair(grid("3"), grid("44")), Pair(grid("3"), None)), "mine")


def test_a_task_shows_its_pairs() -> None:
    shown = colours_of(task_png(TASK))
    assert {PALETTE[colour] for colour in (1, 2, 3, 4)} <= shown
    assert not {PALETTE[colour] for colour in (6, 7, 8, 9)} & shown


def test_a_task_can_hide_its_answers() -> None:
    shown = colours_of(task_png(TASK, outputs=False))
    assert {PALETTE[colour] for colour in (1, 2, 3)} <= shown
    assert PALETTE[4] not in shown


def largest_square(image: Image.Image, colour: int) -> int:
    """Pixels of the longest run of a colour in any row of the picture."""
    match = (np.asarray(image) == [int(PALETTE[colour][i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2)
    return max(len(run) for row in match for run in row.tobytes().split(b"\0"))


def test_the_cell_fits_the_task() -> None:
    assert largest_square(task_png(TASK), 3) == LARGEST_CELL - 1
    assert largest_square(task_png(TASK, cell=13), 3) == 12
    one = Pair(np.zeros((30, 30), np.uint8), np.full((29, 23), 3, np.uint8))
    for pairs in (1, 7):
        image = task_png(Task("a", (one,) * pairs, (one,)))
        assert image.width <= WIDTH + 100
        assert largest_square(image, 3) >= 8
