"""Features of made pairs, and that they depend on no colour, no order, and are always finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from arc_affinity.taxonomy.by_grids.changes import change_features
from arc_affinity.taxonomy.by_grids.features import names, pair_features, pair_palette, task_features, task_names
from arc_affinity.taxonomy.by_grids.images import CHANNELS, SIDE, pair_image
from arc_affinity.taxonomy.by_grids.regions import Scene
from arc_affinity.taxonomy.by_grids.relations import relation_features, turns
from arc_affinity.types import Pair

GRIDS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 11)), elements=st.integers(0, 9))


def features(pair: Pair) -> dict[str, float]:
    return dict(zip(names(), pair_features(pair).tolist(), strict=True))


def related(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    return relation_features(Scene(before), Scene(after))


def changed(before: list[list[int]], after: list[list[int]]) -> dict[str, float]:
    return change_features(Scene(np.array(before, np.uint8)), Scene(np.array(after, np.uint8)))


@settings(max_examples=60)
@given(GRIDS, GRIDS, st.permutations(range(10)))
def test_no_colour_matters(before, after, colours):
    table = np.array(colours, np.uint8)
    # Of equally common colours the smaller is the background: only pairs without ties are free of names.
    for grid in (before, after):
        first, second = np.sort(np.bincount(grid.ravel(), minlength=10))[[-1, -2]]
        if first == second:
            return
    renamed = Pair(table[before], table[after])
    first, second = features(Pair(before, after)), features(renamed)
    # The largest things are looked at; which of equally large ones come first may depend on place alone.
    assert first == pytest.approx(second)


@settings(max_examples=60)
@given(GRIDS, GRIDS)
def test_features_are_finite_and_as_many_as_names(before, after):
    found = pair_features(Pair(before, after))
    assert found.shape == (len(names()),)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (30, 30)])
@pytest.mark.parametrize("colour", [0, 7])
def test_the_smallest_and_the_plainest(shape, colour):
    plain = np.full(shape, colour, np.uint8)
    assert np.isfinite(pair_features(Pair(plain, plain))).all()
    assert np.isfinite(pair_features(Pair(plain, np.zeros((1, 1), np.uint8)))).all()


def test_the_order_of_pairs_does_not_matter():
    generator = np.random.default_rng(3)
    pairs = [Pair(*generator.integers(0, 10, (2, 5, 7)).astype(np.uint8)) for _ in range(3)]
    rows = np.stack([pair_features(pair) for pair in pairs])
    palettes = np.stack([pair_palette(pair) for pair in pairs])
    first, second = task_features(rows, palettes), task_features(rows[::-1], palettes[::-1])
    assert first.shape == (len(task_names()),)
    np.testing.assert_allclose(first, second, rtol=1e-5)
    several = task_features(np.stack([rows, rows]), np.stack([palettes, palettes]))
    np.testing.assert_array_equal(several, [first, first])


def drawn(text: str) -> np.ndarray:
    """A grid from rows of digits; a dot is 0."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in text.split()], np.uint8)


PAIRS = [
    Pair(drawn(before), drawn(after))
    for before, after in (
        ("2.....3 .111..3 .1.1... .111.4. ......4", "2...... .111... .151.33 .111.4. ......4"),
        ("12.3 3..1 .22.", "12.33.21 3..11..3 .22..22."),
        ("11.5.22 1..5.2. 3.151.. ..15.11 .335113", "... .2. 1.."),
        ("7... .7.. ..7. ....", "7..8 .78. .87. 8..7"),
        ("4444... 4..4.6. 4444... ....33. .6..3..", "4444... 4664.6. 4444.6. ....336 .66.36."),
        ("12345 67891 23456", "73 84 95"),
        ("1.1511. ..15.1.", "1.. .1."),
        ("12 .3", "111222 111222 ...333 ...333"),
        ("1122 1122 ..33 ..33", "21 3."),
        ("22...22 22...22 ....... 3.3.3.. .......", "......3 22..... 22....3 ...22.. ...22.3"),
        ("77777 7...7 7.4.7 7...7 77777 .....", "88888 8...8 8.4.8 8...8 88888 8888."),
        ("..... .33.. .33.. ..... ..... 6....", "1111. 1331. 1331. 1111. 5.5.. 65..."),
        ("123 456", "41 52 63"),
        ("1234 5678 9123", "67 12"),
        ("1234 5678", "12 56"),
        ("112233 112233 44..55 44..55", "123 4.5"),
        ("55.... 5...22 ..3.22 ..33..", "88.... 8...99 ..3.99 ..33.."),
        ("1111.. 1..1.. 1..1.2 1111.2 ....22", "1111.. 1331.2 13.1.2 1111.2 2.2222"),
        ("33.. 3... ....", "5"),
        (".77. .7.. .... ....", ".... ...7 ..77 ...."),
    )
]


def test_every_number_is_what_it_was():
    """A row a number: its name and what it is of each pair. The bundled classifier has learned from these."""
    table = (Path(__file__).parent / "features.txt").read_text(encoding="utf-8").splitlines()
    wanted = {row.split(" | ")[0]: [float(value) for value in row.split(" | ")[1].split()] for row in table}
    assert tuple(wanted) == names()
    found = np.stack([pair_features(pair) for pair in PAIRS], axis=1)
    np.testing.assert_allclose(found, np.array(list(wanted.values())), rtol=1e-4, atol=1e-6)


def test_colours_that_come_again():
    pairs = [Pair(np.array([[0, 0, c]], np.uint8), np.array([[0, 8, c]], np.uint8)) for c in (2, 3, 5)]
    found = task_features(np.stack([pair_features(p) for p in pairs]), np.stack([pair_palette(p) for p in pairs]))
    named = dict(zip(task_names(), found.tolist(), strict=True))
    assert named["colours of all inputs"] == 1
    assert named["colours of all outputs"] == 2
    assert named["colours of all changes"] == 1
    assert named["colours of all outputs and no input"] == 1
    assert named["share of colours of all inputs"] == 0.5


def test_relations_of_whole_grids():
    grid = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    assert related(grid, grid[:, ::-1])["output is input turned"] == 1
    assert related(grid, np.rot90(grid))["output is input turned"] == 1
    assert related(grid, grid[:, :2])["output is cut out"] == 1
    assert related(grid, np.hstack([grid, grid]))["output is tiles of input"] == 1
    assert related(grid, np.vstack([grid, grid[::-1]]))["output tiles, turned"] == 1
    assert related(grid, grid.repeat(3, axis=0).repeat(2, axis=1))["output is input scaled"] == 1
    assert related(grid.repeat(2, axis=0), grid)["input is output scaled"] == 1
    assert len({turn.tobytes() + bytes(turn.shape) for turn in turns(grid)}) == 8


def test_sizes_by_hand():
    sizes = {(4, 3): "twice", (2, 6): "twice", (4, 6): "twice", (1, 3): "half", (2, 1): "half", (6, 3): "", (3, 2): ""}
    for size, named in sizes.items():
        found = features(Pair(np.ones((2, 3), np.uint8), np.ones(size, np.uint8)))
        assert (found["twice"], found["half"]) == (named == "twice", named == "half"), size
    # Two halves with a line between.
    assert features(Pair(np.ones((2, 7), np.uint8), np.ones((2, 3), np.uint8)))["half"] == 1


def test_halves_combined():
    left = np.array([[1, 0, 1], [0, 0, 1]], np.uint8)
    right = np.array([[1, 1, 0], [0, 1, 0]], np.uint8)
    line = np.full((2, 1), 5, np.uint8)
    both = (left & right).astype(np.uint8)
    found = related(np.hstack([left, line, right]), both)
    assert (found["input halves exist"], found["input halves combined"]) == (1, 1)
    assert related(np.vstack([left, right]), both)["input halves combined"] == 1
    assert related(left, right)["input halves exist"] == 0


def test_changes_by_hand():
    before = [[0, 0, 0, 0, 0], [0, 3, 0, 3, 0], [0, 0, 0, 0, 0]]
    between = [[0, 0, 0, 0, 0], [0, 3, 3, 3, 0], [0, 0, 0, 0, 0]]
    found = changed(before, between)
    assert found["changed"] == pytest.approx(1 / 15)
    assert found["between own colour"] == found["beside own colour"] == found["changed background"] == 1
    assert found["lines to the border"] == 0
    around = [[7, 7, 7, 0, 0], [7, 3, 7, 3, 0], [7, 7, 7, 0, 0]]
    assert changed(before, around)["frames around"] == 0.5
    # Around the left one; the right one has two of its corners alone, and no frame is whole.
    corners = [[7, 0, 7, 0, 0], [0, 3, 0, 3, 0], [7, 0, 7, 0, 0]]
    found = changed(before, corners)
    assert (found["corners"], found["frames around"]) == (0.5, 0)
    slope = [[3, 0, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 3, 3, 0]]
    found = changed([[3, 0, 0, 0, 0], [0] * 5, [0] * 5], slope)
    # Of three changed cells the last lies beside another too, and both that lie beside each other are not counted.
    assert found["across diagonals"] == pytest.approx(1 / 3)
    framed = np.zeros((5, 7), np.uint8)
    framed[1:3, 1:4] = 3
    plain = framed.copy()
    framed[0, :5] = framed[3, :5] = framed[:4, 0] = framed[:4, 4] = 8
    assert changed(plain.tolist(), framed.tolist())["frames around"] == 1
    block = np.zeros((5, 7), np.uint8)
    block[:3, :3] = block[4, 6] = 3
    hollow = block.copy()
    hollow[1, 1] = 0
    assert changed(block.tolist(), hollow.tolist())["frames within"] == 0.5
    rays = [[0, 3, 0, 3, 0], [0, 3, 0, 3, 0], [0, 0, 0, 0, 0]]
    assert changed(before, rays)["lines to the border"] == 1
    recoloured = [[0, 0, 0, 0, 0], [0, 8, 0, 3, 0], [0, 0, 0, 0, 0]]
    assert changed(before, recoloured)["whole objects changed"] == 1


def test_holes_that_are_filled():
    ring = [[5, 5, 5, 0, 0], [5, 0, 5, 0, 0], [5, 5, 5, 0, 0], [0, 0, 0, 0, 0]]
    full = [[5, 5, 5, 0, 0], [5, 9, 5, 0, 0], [5, 5, 5, 0, 0], [0, 0, 0, 0, 0]]
    found = changed(ring, full)
    assert (found["enclosed changed"], found["enclosed left"], found["boxes filled"]) == (1, 0, 1)


def test_where_nothing_changed_or_sizes_differ():
    assert set(changed([[1, 2]], [[1, 2]]).values()) == {0.0}
    assert set(changed([[1, 2]], [[1]]).values()) == {0.0}


def test_images():
    before, after = np.zeros((3, 5), np.uint8), np.zeros((3, 5), np.uint8)
    after[0, 0] = before[2, 4] = 7
    image = pair_image(Pair(before, after))
    assert image.shape == (CHANNELS, SIDE, SIDE)
    assert image[0].sum() * 4 == 15
    assert (image[1].sum() * 4, image[5].sum() * 4) == (1, 1)
    assert image[8].sum() * 4 == 2
    assert image[9].sum() * 4 == 1
    assert (image[8, 0, 0], image[9, 0, 0]) == (0.25, 0.25)
