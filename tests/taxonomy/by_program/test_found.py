"""Categories of found programs, from their words."""

from __future__ import annotations

import numpy as np
import pytest

from arc_affinity.search.cell_rules.features import cell_features
from arc_affinity.search.functions.library import steps_for
from arc_affinity.taxonomy.by_program.found import (
    CHOICES,
    KIND_OF,
    KINDS,
    NO_KIND,
    kind_of,
    kinds_of,
    plain_name,
    steps_of,
)
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.types import Pair

LATTICE = np.array([[1, 0, 5, 2, 2], [0, 1, 5, 2, 0], [5, 5, 5, 5, 5], [0, 1, 5, 0, 0], [3, 0, 5, 0, 1]], np.uint8)


@pytest.mark.parametrize(
    ("program", "category", "share"),
    [
        ("input | mirror left-right", "S1", 1.0),
        ("input | mirror left-right | tile 1x2", "S2", 0.5),
        ("input | tile 1x2 | mirror left-right", "S1", 0.5),
        ("input | scale up 3x3", "K1", 1.0),
        ("input | halves left and right | common | paint 3", "C1", 1 / 3),
        ("input | cut at lines | exclusive", "L1", 1.0),
        ("input | objects with diagonals | least cells | the one", "C2", 1.0),
        ("input | fill enclosed with 4", "S3", 1.0),
        ("input | pull to 8", "A2", 1.0),
        ("input | colours 1>5 2>6", "C1", 1.0),
        ("input | colours | by cells down | first", "C2", 1.0),
        ("transposed: input | shoot down", "S3", 1.0),
        ("colours by count: input | fall down to 3", "A2", 1.0),
        ("parts as cells: input | objects | each transpose | in place", "S1", 1.0),
        ("input | cells (left is 3 ? 7 : own)", "S3", 1.0),
        ("input | cells (own is 3 ? 7 : own)", "C1", 1.0),
        ("input | cells (in largest object ? 1 : (above is own ? seen up : own))", "S3", 2 / 3),
        # A mirror, then a rule whose parts share one: the scaled grid (K1) and the colour asked (C1).
        ("input | turn left | cells ([input | scale up 3x3] is 2 ? own : (own is 1 ? 4 : 0))", "S1", 0.5),
        ("[input | mirror left-right] where 3, [input | turn round] over [input | shoot up]", "S1", 2 / 3),
        ("[input | only 3] over colour 1", "C1", 1.0),
    ],
)
def test_category(program: str, category: str, share: float) -> None:
    found = kinds_of(program)
    assert found.primary == category
    assert found.kinds[category] == pytest.approx(share)
    assert sum(found.kinds.values()) == pytest.approx(1)


@pytest.mark.parametrize("program", ["input", "input | objects | in place", "the demonstration with this input", ""])
def test_a_program_that_says_nothing(program: str) -> None:
    found = kinds_of(program)
    assert (found.primary, sum(found.kinds.values())) == (None, 0.0)


def test_steps() -> None:
    assert steps_of("mirrored: input | shift 0,-1 | crop") == [["input"], ["shift 0,-1"], ["crop"]]
    assert steps_of("input | crop | cells ([input | turn left] is 0 ? seen up : 3)")[2] == [
        "input",
        "turn left",
        " is 0",
        "seen up",
        "3",
    ]


def test_names_without_numbers() -> None:
    told = {
        "fall up to 3": "fall up to",
        "tile 1x2": "tile",
        "shift 0,-1": "shift",
        "row has 3": "row has",
        "cell at +2,-1": "cell at",
        "size of region is at least 4": "size of region",
        "each mirror left-right": "mirror left-right",
        "left is own": "left",
    }
    assert {name: plain_name(name) for name in told} == told


def test_every_function_question_and_copy_is_known() -> None:
    # New functions of the search must be given a kind, or none by name.
    names = [step.name for step in steps_for([Pair(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8))])]
    features = cell_features(LATTICE)
    names += [*features.colours, *features.numbers]
    unknown = [
        name
        for name in map(plain_name, names)
        if name not in KIND_OF and name not in NO_KIND and not name.startswith(CHOICES)
    ]
    assert unknown == []
    assert len(names) > 350


def test_kinds_do_not_overlap_and_are_used() -> None:
    assert tuple(KINDS) == CODES
    assert len(KIND_OF) == sum(map(len, KINDS.values()))
    assert not NO_KIND & KIND_OF.keys()
    assert not any(name.startswith(CHOICES) for name in KIND_OF)
    used = {plain_name(step.name) for step in steps_for([Pair(LATTICE, np.full((2, 2), 4, np.uint8))])}
    features = cell_features(LATTICE)
    used |= {plain_name(name) for name in (*features.colours, *features.numbers)}
    used |= {"colour table", "commonest of input", "second of input", "rarest of input", "colour", "input"}
    assert (KIND_OF.keys() | NO_KIND) - used == set()
    assert kind_of("own") is None
