"""What the page's script draws from: the grids of tasks and attempts, once each, as text in one block of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arc_affinity.diagnosis.report.numbers import Report
from arc_affinity.diagnosis.report.outputs import NAMES, Attempt, Kind, Pictures, pack
from arc_affinity.drawing.palette import DIGITS, LINE, PALETTE
from arc_affinity.evaluation.records.record import Place
from arc_affinity.types import Pair

DEMONSTRATIONS = 10
"""Demonstrations of a task that are shown; no task of ARC has more."""

BUDGET = 7_000_000
"""Characters of grids in a page; tasks beyond it keep their row and lose their pictures."""

LISTED = 5000
"""Rows of the table; all tasks are in the JSON document."""

NOT_MADE = Attempt(Kind.NO_GRID, None)
"""An attempt that has no record, before one that has."""


@dataclass(frozen=True)
class Shown:
    """Pairs that stand beside the questions.

    Attributes:
        by_task: of a task, by its id; tasks may be missing.
        by_output: what a model was given with one question, where each has demonstrations of its own; these stand in
            place of the task's.
        title: what the pairs of a task are.
    """

    by_task: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    by_output: Mapping[Place, Sequence[Pair]] = field(default_factory=dict)
    title: str = "Demonstrations"


def page_data(report: Report, shown: Shown) -> dict[str, object]:
    """Return the grids of the tasks, the colours they are drawn in, and the names of sets and outcomes."""
    outputs: dict[str, dict[Place, list[Pictures | None]]] = {}
    for number, each in enumerate(report.sets):
        for place, output in each.records.outputs.items():
            found = outputs.setdefault(place[0], {}).setdefault(place, [None] * len(report.sets))
            found[number] = output.pictures
    tasks: dict[str, object] = {}
    used = 0
    for task_id in report.task_ids[:LISTED]:
        # An output's index may be its place in a store, so the page counts anew.
        tasks[task_id] = _task(task_id, sorted(outputs[task_id].items()), shown)
        used += len(json.dumps(tasks[task_id]))
        if used > BUDGET:
            del tasks[task_id]
            break
    return {
        "palette": PALETTE,
        "digits": DIGITS,
        "line": LINE,
        "kinds": dict(NAMES),
        "sets": [f"{each.letter} · {each.name}" for each in report.sets],
        "lead": report.sets.index(report.lead),
        "pairs": shown.title,
        "tasks": tasks,
    }


def _task(task_id: str, outputs: Sequence[tuple[Place, Sequence[Pictures | None]]], shown: Shown) -> dict[str, object]:
    """The grids of a task: its demonstrations, and of each pictured output the question and every set's answers."""
    tests = []
    for number, (place, by_set) in enumerate(outputs, 1):
        known = next((each for each in by_set if each is not None), None)
        if known is not None:
            attempts = [None if each is None else _attempts(each) for each in by_set]
            test = {"number": number, "input": known.input, "target": known.target, "attempts": attempts}
            given = {"given": _pairs(shown.by_output[place])} if place in shown.by_output else {}
            tests.append(test | given)
    own = any(place in shown.by_output for place, _ in outputs)
    train = _pairs(() if own else shown.by_task.get(task_id, ()))
    return {"train": train, "outputs": len(outputs), "tests": tests}


def _pairs(pairs: Sequence[Pair]) -> list[list[str | None]]:
    return [[pack(p.input), None if p.output is None else pack(p.output)] for p in pairs[:DEMONSTRATIONS]]


def _attempts(pictures: Pictures) -> list[list[str | None]]:
    """Packed grid and kind of each attempt, in order, and the program that gave it if there is one."""
    # The page numbers attempts by their place, so one that is not recorded keeps its own.
    numbers = range(1, max(pictures.attempts) + 1)
    found = [pictures.attempts.get(number, NOT_MADE) for number in numbers]
    return [[attempt.grid, attempt.kind, *filter(None, [attempt.program])] for attempt in found]
