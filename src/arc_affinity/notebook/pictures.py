"""Tasks, grids and answers as something that a notebook draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from arc_affinity.data.checks import check_grid, check_grids, check_pair
from arc_affinity.drawing.svg import grid_svg, wrong_cells
from arc_affinity.errors import ArcAffinityError
from arc_affinity.notebook.answers import Answers
from arc_affinity.notebook.html import figure, row
from arc_affinity.types import Grid, Pair, Task

SHOWN = 20
"""Tasks that are drawn; of more, the first."""


@dataclass(frozen=True)
class Drawing:
    """A picture in HTML, which a notebook shows; ``html`` is its text."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def show(what: Grid | Pair | Task | Sequence[Task] | Answers, *, cell: int = 14) -> Drawing:
    """Return a drawing of a grid, a pair, a task, several tasks, or answers beside what was wanted.

    Of answers the attempts that count are drawn, with wrong cells crossed out where the target is known. Of many tasks
    the first 20 are.

    Args:
        what: what to draw.
        cell: pixels of a cell.

    Raises:
        ArcAffinityError: it is none of these, or what should be a grid is none.

    Example:
        >>> import arc_affinity as aa
        >>> task = aa.load_tasks("arc-agi-1/training")[0]
        >>> aa.show(task).html.count("<svg")
        12
    """
    if isinstance(what, Answers):
        return Drawing("".join(_answered(what, cell)))
    if isinstance(what, Task):
        return Drawing(_task(what, cell))
    if isinstance(what, Pair):
        check_pair(what, "the pair")
        return Drawing(row(_pair(what, "", cell)))
    if isinstance(what, np.ndarray):
        check_grid(what, "the grid")
        return Drawing(grid_svg(what, cell))
    if isinstance(what, Sequence) and what and all(isinstance(each, Task) for each in what):
        return Drawing("".join(_task(task, cell) for task in what[:SHOWN]))
    raise ArcAffinityError(f"show draws grids, pairs, tasks and answers, not {type(what).__name__}")


def _task(task: Task, cell: int) -> str:
    check_grids(task)
    parts = (("train", task.train), ("test", task.test))
    drawn = (_pair(pair, f"{part} {i}", cell) for part, pairs in parts for i, pair in enumerate(pairs))
    return f"<h4>{escape(task.id)}</h4>" + row(each for pair in drawn for each in pair)


def _pair(pair: Pair, name: str, cell: int) -> Iterator[str]:
    yield figure(grid_svg(pair.input, cell, title="input"), f"{name} input".strip())
    if pair.output is not None:
        yield figure(grid_svg(pair.output, cell, title="output"), f"{name} output".strip())


def _answered(answers: Answers, cell: int) -> Iterator[str]:
    shown: set[str] = set()
    several = len({record.protocol for record in answers.records}) > 1
    for (task_id, index, protocol, _), records in answers.by_output.items():
        shown.add(task_id)
        if len(shown) > SHOWN:
            return
        first = records[0]
        drawn = [figure(grid_svg(first.input, cell, title="input"), "input")]
        if first.target is not None:
            drawn.append(figure(grid_svg(first.target, cell, title="target"), "target"))
        for record in answers.counting(records):
            drawn.append(_attempt(record.prediction, first.target, record.attempt, record.exact, cell))
        yield f"<h4>{escape(task_id)}, test {index}{f', {protocol}' if several else ''}</h4>" + row(drawn)


def _attempt(grid: Grid | None, target: Grid | None, number: int, exact: bool | None, cell: int) -> str:
    verdict = "" if exact is None else ", right" if exact else ", wrong"
    if grid is None:
        return figure("<p>no grid</p>", f"attempt {number}{verdict}")
    wrong = None if target is None else wrong_cells(grid, target)
    return figure(grid_svg(grid, cell, wrong, f"attempt {number}"), f"attempt {number}{verdict}")
