"""What the classifiers say of tasks, in one form: programs that were found, and networks' guesses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from arc_affinity.search import solve
from arc_affinity.taxonomy import answers
from arc_affinity.taxonomy.by_grids import classifier
from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.types import Pair, Task

PAIR = Pair(np.ones((1, 2), np.uint8), np.ones((1, 2), np.uint8))


def test_programs_that_were_found(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {
        "turned": "input | mirror left-right | mirror top-bottom | tile 1x2",
        "nothing said": "input",
        "none": None,
        "long": "input | " + " | ".join(["mirror left-right"] * 40),
    }

    def found(task: Task, seconds: float) -> SimpleNamespace:
        assert seconds == 2.5
        return SimpleNamespace(text=words[task.id], cost=3.0, reason="no program")

    monkeypatch.setattr(solve, "found_program", found)
    told = answers.by_search([Task(name, (PAIR,), ()) for name in words], 2.5)
    turned, silent, none, long = told.answers.values()
    assert (turned.category, turned.confidence, turned.reason) == ("S1", pytest.approx(2 / 3), words["turned"])
    assert (silent.category, silent.confidence) == (AMBIGUOUS, 0.0)
    assert (none.category, none.reason, none.confidence) == (AMBIGUOUS, "no program", 0.0)
    assert long.reason == words["long"][: answers.SHOWN_TEXT - 1] + "…" and len(long.reason) == answers.SHOWN_TEXT
    assert set(told.details) == {"turned", "nothing said", "long"}
    assert told.details["turned"]["program"] == words["turned"] and told.details["turned"]["cost"] == 3.0
    kinds = told.details["turned"]["kinds"]
    assert (kinds["S1"], kinds["S2"]) == (0.6667, 0.3333)


def test_what_networks_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {"S1": 0.123456, "S2": 0.5, "A2": 0.3, "C1": 0.076544}
    guess = SimpleNamespace(category="S2", best="S2", probabilities=shares, reason="sure", confidence=0.5)
    monkeypatch.setattr(classifier, "classify_all", lambda tasks: {task.id: guess for task in tasks})
    told = answers.by_grids([Task("t", (PAIR,), ())])
    assert told.answers["t"].reason == "S2 0.50, A2 0.30: sure"
    assert (told.answers["t"].category, told.answers["t"].confidence) == ("S2", 0.5)
    assert told.details["t"] == {"best": "S2", "probabilities": {"S1": 0.1235, "S2": 0.5, "A2": 0.3, "C1": 0.0765}}
