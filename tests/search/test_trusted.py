"""Which found program is trusted, and what is said where none is."""

from __future__ import annotations

import numpy as np
import pytest

from arc_affinity.search import Found
from arc_affinity.search import solve as trusted
from arc_affinity.types import Pair, Task


def test_programs_too_long_to_be_trusted_are_none(monkeypatch):
    task = Task("made", (Pair(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8)),), ())
    grid = np.ones((1, 1), np.uint8)
    long, short = Found(grid, "input | crop", 6.5, 1, 1, "rule"), Found(grid, "input | crop", 6.4, 1, 1, "rule")
    part = Found(grid, "input", 1.0, 0, 1, "composition")
    told = {}
    # Agreement may put a longer program before a shorter one.
    for name, answers in {"long": [long], "short": [long, short], "part": [part], "none": []}.items():
        monkeypatch.setattr(trusted, "rank", lambda *_, answers=answers: (tuple(answers),))
        told[name] = trusted.found_program(task, 1.0)
    assert (told["short"].text, told["short"].cost) == ("input | crop", 6.4)
    assert {name: each.text for name, each in told.items() if name != "short"} == {
        "long": None,
        "part": None,
        "none": None,
    }
    assert told["long"].reason == "only programs too long to be trusted, the best of cost 6.5"
    assert told["none"].reason == "no program within 1 s that fits every demonstration"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (IndexError("odd grid"), "IndexError: odd grid"),
        (MemoryError(), "not enough memory"),
        (np._core._exceptions._ArrayMemoryError((7,), np.dtype(bool)), "not enough memory"),
    ],
    ids=["odd grid", "memory", "memory of an array"],
)
def test_a_search_that_fails_costs_one_task(monkeypatch, error, told):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(trusted, "candidates", fail)
    task = Task("made", (Pair(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8)),), ())
    assert trusted.found_program(task, 1.0).reason == f"the search failed ({told})"


def test_a_test_with_the_input_of_a_demonstration_hides_no_program():
    pairs = [Pair(grid, grid[:, ::-1]) for grid in np.random.default_rng(0).integers(1, 9, (3, 3, 4)).astype(np.uint8)]
    found = trusted.found_program(Task("made", tuple(pairs), (Pair(pairs[0].input, None),)), 5.0)
    assert found.text == "input | mirror left-right"
