"""The part of the page about single tasks: a table to sort, filter and search, and the grids behind it.

Grids stand once, as text, in one block of JSON; the page's script draws a task when it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from arc_affinity.diagnosis.report.numbers import Report, category_name
from arc_affinity.diagnosis.report.outputs import (
    NAMES,
    PICTURED_ATTEMPTS,
    Kind,
    Pictures,
    Place,
    RecordSet,
    TaskResult,
    pack,
)
from arc_affinity.types import Pair

DEMONSTRATIONS = 10
"""Demonstrations of a task that are shown; no task of ARC has more."""

BUDGET = 7_000_000
"""Characters of grids in a page; tasks beyond it keep their row and lose their pictures."""

LISTED = 5000
"""Rows of the table; all tasks are in the JSON document."""


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


def data_block(report: Report, shown: Shown) -> str:
    """Return the grids of the tasks as JSON that is safe within a script element."""
    places = _places(report)
    pictures = [_by_task(each.records) for each in report.sets]
    tasks: dict[str, object] = {}
    used = 0
    for task_id in report.task_ids[:LISTED]:
        task = _task(places[task_id], pictures, shown)
        used += len(json.dumps(task))
        if used > BUDGET:
            break
        tasks[task_id] = task
    content = {
        "kinds": {str(kind): name for kind, name in NAMES.items()},
        "sets": [f"{each.letter} · {each.name}" for each in report.sets],
        "lead": report.sets.index(report.lead),
        "pairs": shown.title,
        "tasks": tasks,
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def task_section(report: Report) -> Iterator[str]:
    """Yield the HTML of the controls and the table."""
    listed = report.task_ids[:LISTED]
    yield f"<p>{_intro(report, listed)}</p>"
    yield from _controls(report)
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Table of tasks"><table id="tasks-table">'
    yield "<caption>All accuracies are of attempt 1, in per cent; several outputs of a task are averaged.</caption>"
    yield f"<thead><tr>{''.join(_heads(report))}</tr></thead><tbody>"
    for task_id in listed:
        yield _row(report, task_id)
    yield "</tbody></table></div>"
    yield "<noscript><p>Sorting, searching and pictures need JavaScript, which is off here.</p></noscript>"


def _intro(report: Report, listed: Sequence[str]) -> str:
    left_out = len(report.task_ids) - len(listed)
    more = f" {left_out} further tasks are only in the JSON document." if left_out else ""
    return (
        "Open a task to see its demonstrations, the target and every attempt; click a grid to see it large. Wrong "
        "cells carry a cross, or a frame where digits are written; a dashed outline is the target's size where the "
        f"attempt has another.{more}"
    )


def _controls(report: Report) -> Iterator[str]:
    """Search, filters and the switch for digits."""
    yield '<div class="controls" role="search">'
    yield '<label>Search task or category<input type="search" id="search" autocomplete="off"></label>'
    codes = sorted({report.category_of(task_id) for task_id in report.task_ids})
    yield _select("Category", "category", [(code, category_name(code)) for code in codes])
    for each in report.sets:
        kinds = [(str(kind), name) for kind, name in NAMES.items()]
        outcomes = [("all", "solved whole"), ("part", "solved in part"), ("none", "not solved"), *kinds[1:]]
        yield _select(f"Outcome of {each.letter}", f"outcome-{each.letter.lower()}", outcomes)
    yield '<label class="switch"><input type="checkbox" id="digits">Digits in the cells</label>'
    yield '<label><span>&nbsp;</span><button type="button" id="clear">Clear</button></label>'
    yield '</div><p id="count" class="small" role="status"></p>'


def _select(label: str, of: str, options: Sequence[tuple[str, str]]) -> str:
    # The script reads the attribute data-of, in the spelling that its dataset gives it.
    key = "".join(part.capitalize() if place else part for place, part in enumerate(of.split("-")))
    choices = "".join(f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in options)
    return f'<label>{escape(label)}<select data-of="{key}"><option value="">any</option>{choices}</select></label>'


def _heads(report: Report) -> Iterator[str]:
    """The column heads, each a button that sorts."""
    yield _head("task", "text", "ascending")
    yield _head("category", "text")
    for each in report.sets:
        yield _head(f"{each.letter}: outcome", "text")
        yield _head(f"{each.letter}: cell accuracy", "number")
        if len(report.sets) == 1:
            yield _head(f"{each.letter}: change accuracy", "number")


def _head(words: str, kind: str, order: str = "none") -> str:
    look = ' class="words"' if kind == "text" else ""
    return (
        f'<th scope="col"{look} data-kind="{kind}" aria-sort="{order}"><button type="button">{escape(words)}'
        "</button></th>"
    )


def _row(report: Report, task_id: str) -> str:
    """One task's row; what the filters look at stands in its data attributes."""
    code = report.category_of(task_id)
    results = [each.records.tasks.get(task_id) for each in report.sets]
    outcomes = "".join(
        f' data-outcome-{each.letter.lower()}="{_tokens(result)}"'
        for each, result in zip(report.sets, results, strict=True)
    )
    words = escape(f"{task_id} {code} {category_name(code)}".lower(), quote=True)
    name = escape(task_id, quote=True)
    cells = "".join(_cells(result, len(report.sets) == 1) for result in results)
    return (
        f'<tr id="task-{name}" data-task="{name}" data-words="{words}" '
        f'data-category="{escape(code, quote=True)}"{outcomes}>'
        f'<th scope="row"><button type="button" aria-expanded="false">{name}</button></th>'
        f'<td class="words">{escape(code)}</td>{cells}</tr>'
    )


def _cells(result: TaskResult | None, changed: bool) -> str:
    """A set's columns of a row."""
    if result is None:
        return '<td class="words undefined" data-v="">not asked</td>' + '<td data-v="">–</td>' * (1 + changed)
    solved = round(result.solved * result.outputs)
    if solved == result.outputs:
        outcome = '<td class="words was-solved">solved</td>'
    else:
        share = f"{solved} of {result.outputs} solved; " if result.outputs > 1 else ""
        outcome = f'<td class="words">{share}{NAMES[result.kind]}</td>'
    last = _number(result.change_accuracy) if changed else ""
    return f"{outcome}{_number(result.cell_accuracy)}{last}"


def _number(value: float | None) -> str:
    if value is None:
        return '<td data-v="" class="undefined">undefined</td>'
    return f'<td data-v="{value:.6f}">{100 * value:.1f}</td>'


def _tokens(result: TaskResult | None) -> str:
    """What the filter of outcomes finds this task by."""
    if result is None:
        return ""
    solved = "all" if result.solved == 1 else "part" if result.solved else "none"
    failed = [str(kind) for kind, count in result.kinds.items() if count and kind is not Kind.SOLVED]
    return " ".join([solved, *failed])


def _by_task(records: RecordSet) -> dict[str, dict[int, Pictures]]:
    """The pictures of a set by task and output."""
    found: dict[str, dict[int, Pictures]] = {}
    for place, output in records.outputs.items():
        if output.pictures is not None:
            found.setdefault(place.task_id, {})[place.test_index] = output.pictures
    return found


def _places(report: Report) -> Mapping[str, Sequence[Place]]:
    """The outputs of each task in order, over all sets: an output's index may be its place in a store."""
    found: dict[str, set[Place]] = {}
    for each in report.sets:
        for place in each.records.outputs:
            found.setdefault(place.task_id, set()).add(place)
    return {task_id: sorted(places) for task_id, places in found.items()}


def _task(
    places: Sequence[Place], sets: Sequence[Mapping[str, Mapping[int, Pictures]]], shown: Shown
) -> dict[str, object]:
    """The grids of the task with these outputs."""
    task_id = places[0].task_id
    pictured = {index for pictures in sets for index in pictures.get(task_id, {})}
    own = any(place in shown.by_output for place in places)
    return {
        "train": _pairs(() if own else shown.by_task.get(task_id, ())),
        "outputs": len(places),
        "tests": [
            _test([each.get(task_id, {}).get(place.test_index) for each in sets], number)
            | ({"given": _pairs(shown.by_output[place])} if place in shown.by_output else {})
            for number, place in enumerate(places, 1)
            if place.test_index in pictured
        ],
    }


def _pairs(pairs: Sequence[Pair]) -> list[list[str | None]]:
    """Packed pairs."""
    return [[pack(p.input), None if p.output is None else pack(p.output)] for p in pairs[:DEMONSTRATIONS]]


def _test(pictures: Sequence[Pictures | None], number: int) -> dict[str, object]:
    """One output's grids: the question, the ``number`` of its task from 1, and what each set answered."""
    known = next(each for each in pictures if each is not None)
    return {
        "number": number,
        "input": known.input,
        "target": known.target,
        "attempts": [None if each is None else _attempts(each) for each in pictures],
    }


def _attempts(pictures: Pictures) -> list[list[str | None]]:
    """Packed grid and kind of each attempt, in order, and the program that gave it if there is one."""
    numbered = sorted(pictures.attempts.items())[:PICTURED_ATTEMPTS]
    return [
        [attempt.grid, None if attempt.kind is None else str(attempt.kind), *filter(None, [attempt.program])]
        for _, attempt in numbered
    ]
