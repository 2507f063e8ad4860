"""Features of cells, and rules learned from them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.search.cell_rules import rules
from arc_affinity.search.cell_rules.features import FAMILIES, OUTSIDE, CellFeatures, Feature, cell_features
from arc_affinity.search.cell_rules.rules import (
    MANY,
    MOST_DEPTH,
    MOST_LEAVES,
    Learner,
    _impurity,
    answer,
    describe,
    learn_rules,
    leaves,
    tabulate,
)

SCENE = """
2.......
.11111.3
.1...1.3
.1.4.1..
.11111..
........
"""


def draw(text: str) -> np.ndarray:
    """A grid from rows of digits; a dot is 0."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in text.split()], np.uint8)


NUMBERS = [
    ("enclosed", (2, 2), 1),
    ("enclosed", (0, 3), 0),
    ("straight neighbours drawn", (2, 2), 2),
    ("straight neighbours of 1", (2, 2), 2),
    ("corner neighbours of 1", (2, 2), 3),
    ("neighbours like it", (1, 2), 3),
    ("ways to 1", (3, 2), 3),
    ("directions with something", (3, 2), 4),
    ("between like cells left and right", (2, 3), 1),
    ("row has 3", (1, 0), 1),
    ("column has 3", (0, 0), 0),
    ("cells in row", (1, 0), 6),
    ("from border", (2, 3), 2),
    ("on diagonal", (3, 3), 1),
    ("row even", (2, 5), 1),
    ("column even", (2, 5), 0),
    ("from bottom even", (1, 0), 1),
    ("from right even", (0, 1), 1),
    ("from right even", (0, 2), 0),
    ("middle column", (0, 3), 0),
    ("size of region", (1, 1), 14),
    ("size of region", (1, 7), 2),
    ("largest region", (1, 1), 1),
    ("smallest region", (3, 3), 1),
    ("rank of region", (1, 7), 1),
    ("holes of region", (1, 1), 1),
    ("region at border", (1, 7), 1),
    ("height of region", (1, 1), 4),
    ("region touches 4", (2, 2), 1),
    ("region touches 4", (0, 4), 0),
    ("in box of object", (2, 3), 1),
    ("object has 4", (1, 7), 0),
    ("depth in object", (2, 2), 3),
    ("corner of object", (0, 0), 1),
    ("depth in region", (5, 0), 1),
]
COLOURS = [
    ("above", (0, 0), OUTSIDE),
    ("left", (1, 2), 1),
    ("below right", (0, 0), 1),
    ("seen right", (2, 2), 1),
    ("seen right", (3, 2), 4),
    ("seen up left", (3, 3), 1),
    ("like cells left and right", (2, 3), 1),
    ("highest neighbour", (2, 3), 4),
    ("cell at +2,+0", (1, 3), 4),
    ("mirrored left-right", (0, 7), 2),
    ("commonest", (0, 0), 1),
    ("commonest of row", (2, 0), 1),
    ("rarest of row", (2, 0), 3),
    ("first of row", (0, 5), 2),
    ("own or wall", (2, 2), 4),
    ("commonest of object", (2, 2), 1),
    ("mirrored left-right in object", (1, 1), 1),
]


@pytest.mark.parametrize(("name", "cell", "value"), NUMBERS)
def test_numbers(name: str, cell: tuple[int, int], value: int) -> None:
    assert cell_features(draw(SCENE)).numbers[name].layer[cell] == value


@pytest.mark.parametrize(("name", "cell", "value"), COLOURS)
def test_colours(name: str, cell: tuple[int, int], value: int) -> None:
    assert cell_features(draw(SCENE)).colours[name].layer[cell] == value


def test_parts_of_a_lattice() -> None:
    features = cell_features(draw("1.5.. 2.5.. 55555 ..5.3 ..533"))
    assert features.numbers["part has the most cells"].layer[3].tolist() == [0, 0, 0, 1, 1]
    assert features.numbers["row of part"].layer[:, 0].tolist() == [1, 1, 0, 2, 2]
    assert features.colours["first part here"].layer[4].tolist() == [2, 0, 5, 2, 0]
    assert features.colours["fullest part here"].layer[0].tolist() == [0, 3, 5, 0, 3]


LATTICE = """
..5115..
3351.512
55555555
8852..21
4.52.512
"""


def test_every_feature_is_what_it_was() -> None:
    """A row a feature: colour or number, tier, family, name, what every cell has of it. From 10 on values are letters.

    Rules in records ask by these names. Of the second grid those are here that look at things.
    """
    rows = []
    for grid, families in ((SCENE, ("", *FAMILIES)), (LATTICE, ("lines", "regions", "objects", "lattice"))):
        features = cell_features(draw(grid))
        for kind, named in (("colour", features.colours), ("number", features.numbers)):
            for name, each in named.items():
                if each.family not in families:
                    continue
                cells = [[np.base_repr(int(value), 36).lower() for value in row] for row in each.layer]
                drawn = " ".join("".join(row) for row in cells)
                rows.append(f"{kind} | {each.tier} | {each.family} | {name} | {drawn}")
    table = Path(__file__).parent / "features.txt"
    assert rows == table.read_text(encoding="utf-8").splitlines()


GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 9))


@settings(max_examples=30)
@given(GRIDS)
def test_every_feature_has_the_size_of_its_grid(grid: np.ndarray) -> None:
    features = cell_features(grid)
    for each in (*features.colours.values(), *features.numbers.values()):
        assert each.layer.shape == grid.shape
        assert each.family in ("", *FAMILIES)
    assert all(int(np.max(each.layer)) <= OUTSIDE for each in features.colours.values())


def test_a_rule_is_learned_and_named() -> None:
    given = [draw("12.. .2.1 ...."), draw("..2 1.2"), draw("2121 ....")]
    # The third is a test: its right neighbour of 2 becomes 7 like those of the demonstrations.
    wanted = [draw("127. .271 ...."), draw("..2 1.2")]
    rules = learn_rules([cell_features(grid) for grid in given], wanted)
    assert rules
    for rule in rules:
        for grid, target in zip(rule.grids, wanted, strict=False):
            np.testing.assert_array_equal(grid, target)
    assert any(np.array_equal(rule.grids[2], draw("2121 ....")) for rule in rules)


RULES = """
2.5 0.5 (left is 2 ? 7 : own)
3.5 0.5 (own is 0 ? (left is 2 ? 7 : 0) : own)
4.0 0.5 (seen left is 2 ? (highest seen across background is 0 ? 7 : own) : own)
5.0 0.0 (own is 0 ? (seen left is 2 ? (seen down is 0 ? 7 : 0) : 0) : own)
3.0 0.5 (cell at +1,-2 is own ? 7 : own)
4.0 0.5 (own is 0 ? (cell at +1,-2 is 0 ? 7 : 0) : own)
4.5 0.0 (mirrored left-right is 2 ? (mirrored top-bottom is own ? 7 : own) : own)
5.0 0.0 (own is 0 ? (mirrored left-right is 2 ? (mirrored top-bottom is 0 ? 7 : 0) : 0) : own)
5.5 0.0 (commonest of column is 0 ? (commonest is 1 ? (commonest of row is 0 ? own : 7) : own) : own)
6.5 0.0 (own is 0 ? (commonest of row is 1 ? (commonest of column is 0 ? (commonest is 1 ? 7 : 0) : 0) : 0) : own)
6.0 0.0 (from left is 2 ? (own is 0 ? (from top is 2 ? own : 7) : own) : own)
6.0 0.5 (own is 0 ? (from left is 2 ? (from top is 2 ? 0 : 7) : 0) : own)
5.0 0.5 (from left of region is 3 ? (mirrored left-right in region is 0 ? own : 7) : own)
4.0 0.5 (own is 0 ? (mirrored left-right in region is 2 ? 7 : 0) : own)
"""
"""Size, share of demonstrations held out that are right, and text of the rules of a small task."""


def test_rules_of_a_small_task() -> None:
    given = [draw("12.. .2.1 ...."), draw("..2 1.2"), draw("2121 ....")]
    found = learn_rules([cell_features(grid) for grid in given], [draw("127. .271 ...."), draw("..2 1.2")])
    assert [f"{rule.size} {rule.held_out} {rule.text}" for rule in found] == RULES.strip().splitlines()
    # One demonstration is enough to learn the other.
    given = [draw("1.2 .1."), draw("21. 1.1"), draw("2..1")]
    wanted = [np.where(grid == 1, 5, grid).astype(np.uint8) for grid in given[:2]]
    found = learn_rules([cell_features(grid) for grid in given], wanted)
    assert [(rule.text, rule.size, rule.held_out) for rule in found] == [
        ("(own is 1 ? 5 : own)", 2.0, 1.0),
        ("(own is 0 ? 0 : (own is 1 ? 5 : 2))", 3.0, 1.0),
    ]
    alone = learn_rules([cell_features(grid) for grid in given[::2]], wanted[:1])
    assert alone and all(rule.held_out == 0 for rule in alone)


def test_impurity_is_entropy_times_number() -> None:
    counts = np.array([[1, 0], [1, 1], [3, 1], [0, 0]], np.float32)
    quarter = 3 * np.log2(4 / 3) + 2
    np.testing.assert_allclose(_impurity(counts), [0, 2, quarter, 0], atol=1e-6)


def test_what_cannot_be_explained_has_no_rule() -> None:
    # Twice the same input, and outputs that differ.
    same = draw("1.")
    features = [cell_features(same)] * 3
    assert learn_rules(features, [draw("12"), draw("13")]) == []


def test_questions_are_of_the_values_that_occur() -> None:
    numbers = {"flag": [0, 1, 1, 0], "count": [0, 2, 5, 7], "few": [0, 2, 2, 0], "same": [3, 3, 3, 3]}
    layers = {name: Feature(0, "", np.array([row])) for name, row in numbers.items()}
    cells = tabulate([CellFeatures({"own": Feature(0, "", draw("1111"))}, layers)], 1)
    asked = dict(zip(cells.question_names, (np.flatnonzero(row).tolist() for row in cells.answers), strict=True))
    assert asked == {
        "flag": [1, 2],
        "count is 0": [0], "count is 2": [1], "count is 5": [2], "count is 7": [3], "count is not 0": [1, 2, 3],
        "count is at least 2": [1, 2, 3], "count is at least 5": [2, 3],
        "few is 0": [0, 3], "few is 2": [1, 2], "few is not 0": [1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("simple", "asked"), [([0, 0, 0, 1, 1, 1, 1, 1], "telling"), ([0, 0, 0, 0, 1, 1, 1, 1], "simple")]
)
def test_a_question_that_tells_much_more_is_asked_though_it_is_less_simple(simple: list[int], asked: str) -> None:
    numbers = {
        "telling": Feature(1, "", np.array([[0, 0, 0, 0, 1, 1, 1, 1]])),
        "simple": Feature(0, "", np.array([simple])),
    }
    cells = tabulate([CellFeatures({"own": Feature(0, "", draw("........"))}, numbers)], 1)
    tree = Learner(cells, draw("55556666").ravel(), 1).fit(np.arange(8))
    assert tree is not None and describe(tree, cells) == f"({asked} ? 6 : 5)"


def test_trees_stay_small() -> None:
    rng = np.random.default_rng(3)
    given, wanted = (rng.integers(0, 10, (11, 13)).astype(np.uint8) for _ in range(2))
    cells = tabulate([cell_features(given)], 1)
    tree = Learner(cells, wanted.ravel(), 2).fit(np.arange(given.size))
    assert tree is None or leaves(tree) <= MOST_LEAVES


@pytest.mark.parametrize("turned", [False, True], ids=["the rest is no", "the rest is yes"])
def test_trees_are_bounded_in_depth(turned: bool) -> None:
    for flags, found in ((MOST_DEPTH, True), (MOST_DEPTH + 1, False)):
        # Each flag tells one cell from all others, so every question leads one step deeper.
        rows = (np.eye(flags, flags + 1, dtype=int) > 0) != turned
        numbers = {f"flag {number}": Feature(0, "", row[None]) for number, row in enumerate(rows)}
        cells = tabulate([CellFeatures({"own": Feature(0, "", draw("." * (flags + 1)))}, numbers)], 1)
        tree = Learner(cells, np.arange(1, flags + 2, dtype=np.uint8), 0).fit(np.arange(flags + 1), True)
        assert (tree is not None) == found
        assert tree is None or leaves(tree) == flags + 1


def test_trees_are_bounded_in_leaves() -> None:
    for count, found in ((MOST_LEAVES, True), (MOST_LEAVES + 1, False)):
        numbers = {"count": Feature(0, "", np.arange(count)[None])}
        cells = tabulate([CellFeatures({"own": Feature(0, "", draw("." * count))}, numbers)], 1)
        target = (np.arange(count) % 9 + 1).astype(np.uint8)
        tree = Learner(cells, target, 2).fit(np.arange(count), True)
        assert (tree is not None and leaves(tree) == count) == found


def test_a_tree_answers_for_any_cells() -> None:
    given = draw("1212 2121")
    wanted = draw("1515 5151")
    cells = tabulate([cell_features(given)], 1)
    tree = Learner(cells, wanted.ravel(), 0).fit(np.arange(given.size))
    assert tree is not None and leaves(tree) == 2
    assert answer(tree, cells, np.array([7, 0, 1])).tolist() == [1, 1, 5]


def test_no_rule_is_begun_after_the_time() -> None:
    given = [draw("12. .2."), draw("2.1 1.."), draw("..2 212")]
    wanted = [np.where(grid == 2, 5, grid).astype(np.uint8) for grid in given]
    features = [cell_features(grid) for grid in given]
    assert max(rule.held_out for rule in learn_rules(features, wanted)) == 1
    assert learn_rules(features, wanted, over=lambda: True) == []
    looks: list[bool] = []

    def after_three_looks() -> bool:
        looks.append(len(looks) > 2)
        return looks[-1]

    # The first rule is begun in time, and nobody has the time to hold it against a demonstration left out.
    [rule] = learn_rules(features, wanted, over=after_three_looks)
    assert rule.held_out == 0


@pytest.mark.parametrize(("looks", "tables", "learners"), [(0, 0, 0), (1, 1, 0), (2, 1, 1), (5, 1, 2)])
def test_nothing_is_prepared_after_the_time(
    looks: int, tables: int, learners: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is looked at before the table, before each plan and before both of its trees, of which there is none."""
    made: list[object] = []

    class Counted(Learner):
        def __init__(self, *args: object) -> None:
            made.append(self)
            super().__init__(*args)  # type: ignore[arg-type]

        def fit(self, *_: object) -> None:
            return None

    monkeypatch.setattr(rules, "tabulate", lambda *args: made.append("table") or tabulate(*args))
    monkeypatch.setattr(rules, "Learner", Counted)
    times = iter([False] * looks)
    assert learn_rules([cell_features(draw("12 21"))] * 2, [draw("13 31")], over=lambda: next(times, True)) == []
    assert (made.count("table"), len(made) - made.count("table")) == (tables, learners)


def test_trees_are_the_same_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    given = [rng.integers(0, 4, (7, 11)).astype(np.uint8) for _ in range(3)]
    wanted = [np.where(np.roll(grid, 1, 1) == 3, 7, grid).astype(np.uint8) for grid in given[:2]]
    features = [cell_features(grid) for grid in given]
    whole = [rule.text for rule in learn_rules(features, wanted, limits=MANY)]
    monkeypatch.setattr(rules, "BATCH", 13)
    assert [rule.text for rule in learn_rules(features, wanted, limits=MANY)] == whole and len(whole) > 3


def test_answers_of_cells_are_kept_in_a_byte() -> None:
    """29 demonstrations of 30x30 have 26,100 cells and a thousand questions."""
    noise = np.random.default_rng(7).integers(0, 10, (30, 30)).astype(np.uint8)
    learner = Learner(tabulate([cell_features(noise)], 1), noise.ravel(), 2)
    assert learner.answers.nbytes == 900 * len(learner.usable)
    tracemalloc.start()
    learner.fit(np.arange(900))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # One batch of this size as numbers of 4 bytes, and its bytes; all that is small beside it.
    assert most < 6 * 900 * len(learner.usable)
