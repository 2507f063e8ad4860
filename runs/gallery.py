"""Draw docs/gallery.md and the picture of README from a run of `solve`: python runs/gallery.py RECORDS.

RECORDS are those of the 114 ARC-AGI-1 evaluation tasks of at most 12x12 (`BUDGET=60m runs/solve.sh small`). Of each
task of `SHOWN` the first test output is drawn, in the section of what became of it in that run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from arc_affinity.data.datasets.registry import find_task
from arc_affinity.diagnosis.page.figures import LOOKS
from arc_affinity.diagnosis.report.outputs import Collector, Kind, RecordSet
from arc_affinity.drawing.palette import HUES
from arc_affinity.drawing.svg import grid_svg, wrong_cells
from arc_affinity.evaluation.records.record import Record, read_records
from arc_affinity.files import write_text
from arc_affinity.types import Grid, Task

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURES, OVERVIEW = DOCS / "gallery.md", DOCS / "gallery", DOCS / "overview.svg"
WIDTH, GAP, LABEL, DEMONSTRATIONS = 860, 26, 18, 2
SMALLEST, LARGEST = 4, 16
"""Pixels of a cell."""

SHOWN = (
    *("48131b3c", "e345f17b", "9c56f360", "c48954c1", "84db8fc4", "ce039d91", "7953d61e"),
    *("3979b1a8", "af24b4cc", "15696249", "7c8af763", "ef26cbf6"),
    *("31adaf00", "4cd1b7b2", "9c1e755f", "f3e62deb"),
    *("0becf7df", "03560426", "626c0bcc", "4acc7107", "8fbca751", "4852f2fa"),
)
OVERVIEW_TASK = "c48954c1"

SECTIONS = {
    "Solved by a program": "A program that the search found reproduces every demonstration, and is right on the test.",
    "Solved by the network": "The network, trained on the demonstrations of all tasks asked, answered under "
    "many views; its answer stood first or second.",
    "Found, and not chosen": "The right answer was among the candidates, after the two that count.",
    "Not solved": "The first attempt is drawn; a cross marks a cell that is wrong.",
}

Piece = tuple[Grid | None, str, Grid | None]
"""A grid (None for an arrow), what it is, and what it should be where its wrong cells are to be marked."""


def main(path: Path) -> None:
    """Write the page and all pictures."""
    records: dict[str, list[Record]] = {}
    collector = Collector()
    for record in read_records(path):
        collector.add([record], str(path))
        if record.test_index == 0:
            records.setdefault(record.task_id, []).append(record)
    (results,) = collector.sets()
    sections: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for task_id in SHOWN:
        task, attempts = find_task(task_id, results.subject.dataset), records[task_id]
        shown = next((each for each in attempts if each.exact), attempts[0])
        sections[section_of(shown)].append(entry(task_id, shown))
        write_text(PICTURES / f"{task_id}.svg", sheet(pieces(task, shown)))
    solved = results.kinds[Kind.SOLVED]
    outputs = sum(results.kinds.values())
    text = (
        "# Gallery: solved and not\n\n"
        "What one hour of `solve` on two CPU cores made of ARC-AGI-1's public evaluation tasks whose grids are at most "
        f"12x12: {solved} of {outputs} test outputs solved within two attempts (`arc_prize`, transductive). Two "
        "demonstrations of each task, the test, and the answer. `python runs/gallery.py RECORDS` draws it again.\n\n"
    )
    parts = (f"## {name}\n\n{SECTIONS[name]}\n\n" + "\n".join(entries) for name, entries in sections.items() if entries)
    write_text(PAGE, text + "\n".join(parts))
    write_text(OVERVIEW, overview(find_task(OVERVIEW_TASK, results.subject.dataset), records[OVERVIEW_TASK], results))


def section_of(shown: Record) -> str:
    """Where a task belongs by its right answer, or by its first attempt if none is right."""
    if not shown.exact:
        return "Not solved"
    if shown.attempt > 2:
        return "Found, and not chosen"
    return "Solved by a program" if shown.source == "search" else "Solved by the network"


def entry(task_id: str, shown: Record) -> str:
    """What the page says of a task."""
    by = f"`{shown.program}`" if shown.source == "search" else f"network: {shown.votes} of {shown.views} views agree"
    place = "" if shown.attempt == 1 else f" (attempt {shown.attempt})"
    cells = "" if shown.exact else f"; {shown.cell_accuracy or 0:.0%} of the cells are right"
    picture = f"![{task_id}: two demonstrations, the test and the answer](gallery/{task_id}.svg)"
    return f"### {task_id}\n\n{by}{place}{cells}\n\n{picture}\n"


def pieces(task: Task, shown: Record) -> list[Piece]:
    """The grids of a picture, from left to right."""
    found: list[Piece] = []
    for number, pair in enumerate(task.train[:DEMONSTRATIONS], 1):
        found += [(pair.input, f"demonstration {number}", None), (None, "→", None), (pair.output, "", None)]
    found += [(shown.input, "test", None), (None, "→", None), (shown.prediction, "answer", shown.target)]
    return found if shown.exact else [*found, (shown.target, "target", None)]


def sheet(shown: Sequence[Piece]) -> str:
    """Grids side by side as one SVG file, their names above them."""
    grids = [grid for grid, _, _ in shown if grid is not None]
    spare = WIDTH - GAP * (len(shown) + 1)
    cell = max(SMALLEST, min(LARGEST, spare // sum(grid.shape[1] for grid in grids)))
    tall = max(grid.shape[0] for grid in grids) * cell
    drawn, left = [], GAP // 2
    for grid, name, target in shown:
        if grid is None:
            drawn.append(words(left - GAP // 2, LABEL + tall / 2 + 4, name, anchor="middle"))
            continue
        wrong = None if target is None else wrong_cells(grid, target)
        middle = LABEL + (tall - grid.shape[0] * cell) / 2
        drawn += [words(left, LABEL - 5, name), placed(left, middle, grid_svg(grid, cell, wrong, name))]
        left += max(grid.shape[1] * cell, 6 * len(name)) + GAP
    return svg(left - GAP // 2, tall + LABEL + GAP // 2, drawn)


def overview(task: Task, attempts: Sequence[Record], results: RecordSet) -> str:
    """A task, the ways to its answer, and what became of all tasks, in three columns."""
    cell, top, step, left, right = 9, 56, 108, 270, 650
    program, answer = next(each.program for each in attempts if each.program), attempts[0]
    heads = ((20, "tasks in"), (left, "arc-affinity solve"), (right, "arc-affinity diagnose"))
    drawn = [words(x, 26, head, 17, bold=True) for x, head in heads]
    for number, pair in enumerate((*task.train[:DEMONSTRATIONS], task.test[0]), 1):
        y, is_test = top + step * (number - 1), number > DEMONSTRATIONS
        name = "test" if is_test else f"demonstration {number}"
        drawn += [words(20, y - 6, name), placed(32, y + 27, grid_svg(pair.input, cell)), words(88, y + 46, "→", 17)]
        drawn.append(words(158, y + 52, "?", 34) if is_test else placed(130, y, grid_svg(pair.output, cell)))
    lines = (
        ("1. searches for programs", program),
        ("2. adapts a network to the demonstrations", f"{answer.votes} of {answer.views} views agree"),
        ("3. ranks what both of them found", ""),
    )
    for number, (what, detail) in enumerate(lines):
        y = top + 8 + number * 50
        drawn += [words(left, y, what, 14), words(left + 17, y + 18, detail, 12, mono=True)]
    drawn.append(placed(left + 17, top + 2 * step - 54, grid_svg(answer.prediction, 13)))
    drawn.append(words(left + 150, top + 2 * step + 8, "right" if answer.exact else "wrong", 14))
    drawn += mosaic(right, top - 6, results)
    return svg(960, top + 3 * step - 14, drawn)


def mosaic(left: int, top: int, results: RecordSet) -> Iterator[str]:
    """Every task a square by what became of it, with a key below."""
    kinds = [kind for kind in Kind for task in results.tasks.values() if task.kind is kind]
    for number, kind in enumerate(kinds):
        y, x = divmod(number, 16)
        yield tile(left + 17 * x, top + 17 * y, kind)
    below = top + 17 * (len(kinds) // 16 + 2)
    for number, kind in enumerate(dict.fromkeys(kinds)):
        yield tile(left, below + 22 * number, kind)
        yield words(left + 24, below + 12 + 22 * number, f"{kinds.count(kind)} {kind.replace('-', ' ')}", 13)


def tile(x: float, y: float, kind: Kind) -> str:
    """A square in the hue of an outcome, with its sign."""
    look = LOOKS[kind]
    hue = HUES[look.hue]
    sign = f'<text x="{x + 7.5}" y="{y + 11.5}" font-size="11" text-anchor="middle" fill="{hue.ink}">{look.sign}</text>'
    return f'<rect x="{x}" y="{y}" width="15" height="15" rx="2" fill="{hue.light}"/>{sign}'


def placed(x: float, y: float, piece: str) -> str:
    """A piece of SVG at a place."""
    return f'<g transform="translate({x} {y})">{piece}</g>'


def words(
    x: float, y: float, text: str, size: int = 12, *, anchor: str = "start", bold: bool = False, mono: bool = False
) -> str:
    """A line of text."""
    look = ' font-weight="bold"' if bold else ' font-family="monospace"' if mono else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"{look}>{escape(text)}</text>'


def svg(width: float, height: float, drawn: Sequence[str]) -> str:
    """A file of its own, on white so that it can stand on a dark page."""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    paper = '<rect width="100%" height="100%" rx="6" fill="#fff"/>'
    look = 'font-family="sans-serif" fill="#222"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>{paper}{"".join(drawn)}</svg>\n'


if __name__ == "__main__":
    main(Path(sys.argv[1]))
