"""What a run's candidates become: records in order, and figures over outputs and tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from arc_affinity.evaluation.candidates.merging import Merged
from arc_affinity.evaluation.candidates.outcome import figures_of, records_of
from arc_affinity.evaluation.candidates.programs import Program
from arc_affinity.evaluation.predicting.voting import Choice
from arc_affinity.evaluation.records.record import Origin
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.types import Pair, Task

GRIDS = [np.full((2, 3), colour, np.uint8) for colour in range(6)]
ORIGIN = Origin("m", "0123", "toy", Protocol.ARC_PRIZE, 0)


def task(name: str, *answers: int | None) -> Task:
    tests = tuple(Pair(GRIDS[0], None if answer is None else GRIDS[answer]) for answer in answers)
    return Task(name, (Pair(GRIDS[0], GRIDS[1]),), tests, "toy")


def merged(*colours: int) -> list[Merged]:
    """Candidates, every other one of a program."""
    return [
        Merged(GRIDS[colour], "search", None, Program(GRIDS[colour], f"paint {colour}", 1.0, 1, 1))
        if number % 2
        else Merged(GRIDS[colour], "network", Choice(GRIDS[colour], 3, 8, -1.5), None)
        for number, colour in enumerate(colours)
    ]


def drafts(*colours: int) -> list[Any]:
    return [SimpleNamespace(grid=GRIDS[colour]) for colour in colours]


TASKS = (task("a", 1, 2), task("b", 3))
MERGED = {("a", 0): merged(4, 1), ("a", 1): merged(4, 5, 2), ("b", 0): []}
DRAFTS = {("a", 0): drafts(4, 1, 1), ("b", 0): drafts(0, 3)}


def test_candidates_become_records_in_order() -> None:
    records = records_of(TASKS, MERGED, ORIGIN)
    told = [
        (r.task_id, r.test_index, r.attempt, None if r.prediction is None else int(r.prediction[0, 0]), r.source)
        for r in records
    ]
    assert told == [
        ("a", 0, 1, 4, "network"),
        ("a", 0, 2, 1, "search"),
        ("a", 1, 1, 4, "network"),
        ("a", 1, 2, 5, "search"),
        ("a", 1, 3, 2, "network"),
        # Nothing was found.
        ("b", 0, 1, None, None),
    ]
    assert [(r.votes, r.views, r.log_likelihood, r.program) for r in records[:2]] == [
        (3, 8, -1.5, None),
        (None, None, None, "paint 1"),
    ]
    assert (records[-1].votes, records[-1].views) == (0, 0)


def test_figures_by_hand() -> None:
    found = figures_of(TASKS, records_of(TASKS, MERGED, ORIGIN), DRAFTS, MERGED)
    # Of a's outputs the first is right at the second attempt, the second at the third, which does not count; b's answer
    # was written and got lost.
    assert found == {
        "outputs": 3,
        "outputs_unanswered": 1,
        "views_median": 2.0,
        "score": 0.25,
        "first": 0.0,
        "among_candidates": 1.0,
    }
    better = {**MERGED, ("a", 0): merged(1)}
    assert figures_of(TASKS, records_of(TASKS, better, ORIGIN), DRAFTS, better)["first"] == 0.25
    lost = {**DRAFTS, ("b", 0): drafts(0)}
    assert figures_of(TASKS, records_of(TASKS, MERGED, ORIGIN), lost, MERGED)["among_candidates"] == pytest.approx(0.5)


def test_where_an_answer_is_withheld_nothing_is_right_or_wrong() -> None:
    withheld = (*TASKS[:1], task("b", None))
    found = figures_of(withheld, records_of(withheld, MERGED, ORIGIN), DRAFTS, MERGED)
    assert found == {"outputs": 3, "outputs_unanswered": 1, "views_median": 2.0}
