"""Grids, pairs and tasks on the terminal: colours behind digits, so that they read without colours too."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from arc_affinity.drawing.palette import DIGITS, PALETTE
from arc_affinity.text import printable
from arc_affinity.types import Grid, Pair, Task

STYLES = tuple(Style(color=digit, bgcolor=back) for digit, back in zip(DIGITS, PALETTE, strict=True))

ARROW = 5
"""Characters between an input and its output."""


def grid_text(grid: Grid) -> Text:
    """Return a grid as text, a line a row and two characters a cell: its digit on its colour."""
    lines = [Text.assemble(*((f"{colour} ", STYLES[colour]) for colour in row)) for row in grid.tolist()]
    # What joins gives its settings to the whole: no row is ever broken or cut.
    return Text("\n", no_wrap=True, overflow="ignore").join(lines)


def pair_table(pair: Pair, name: str = "", outputs: bool = True, width: int = 80) -> RenderableType:
    """Return a pair, its output beside the input where ``width`` characters allow, else below it.

    Without ``outputs`` the output is hidden; one that is withheld is told of either way.
    """
    output = pair.output if outputs else None
    words = "output withheld" if pair.output is None else "output hidden"
    after: RenderableType = Text(words, "italic") if output is None else grid_text(output)
    first = Text(f"{name} input {_size(pair.input)}".strip(), "bold")
    second = Text("" if output is None else f"output {_size(output)}", "bold")
    needed = max(2 * pair.input.shape[1], len(first)) + ARROW
    needed += len(words) if output is None else max(2 * output.shape[1], len(second))
    if needed > width:
        return Group(first, grid_text(pair.input), second, after)
    table = Table.grid(padding=(0, ARROW // 2, 0, 0))
    table.add_row(first, "", second)
    table.add_row(grid_text(pair.input), "→", after)
    return table


def task_table(task: Task, outputs: bool = True, width: int = 80) -> RenderableType:
    """Return a task: its id and dataset, then its demonstrations and tests one below the other.

    ``outputs`` shows those of the tests too; a line has ``width`` characters.
    """
    parts: list[RenderableType] = [Text.assemble((task.id, "bold"), "  ", printable(task.dataset))]
    for name, pairs, shown in (("train", task.train, True), ("test", task.test, outputs)):
        for index, pair in enumerate(pairs):
            parts += [Text(), pair_table(pair, f"{name} {index}", shown, width)]
    return Group(*parts)


def _size(grid: Grid) -> str:
    return f"{grid.shape[0]} x {grid.shape[1]}"
