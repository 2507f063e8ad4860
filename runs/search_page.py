"""Write the ten tasks of docs/program_search.md with their pictures: python runs/search_page.py.

Each task of ARC-AGI-1 training is searched until a number of states, not of seconds, so that every machine writes the
same page; a task whose program is wrong stops it. Pictures show two demonstrations and the test with the answer.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import fill

import numpy as np

from arc_affinity.data.datasets.registry import find_task
from arc_affinity.drawing.png import task_png
from arc_affinity.files import replacing, write_text
from arc_affinity.search import Found, solve_task
from arc_affinity.taxonomy.by_program.found import kinds_of
from arc_affinity.taxonomy.categories import BY_CODE
from arc_affinity.types import Pair, Task

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURES = DOCS / "program_search.md", DOCS / "search"
BEGIN, END = "<!-- ten tasks: runs/search_page.py -->", "<!-- end of the ten tasks -->"
STATES = 1500
CELL, DEMONSTRATIONS = 9, 2

TOLD = {
    "62c24649": "The input and its mirror images make a square.",
    "1e0a9b12": "Every cell falls down as far as it can.",
    "05f2a901": "The other object is pulled to the one of colour 8, until they touch.",
    "0520fde7": "What both halves have, left and right of the line, is kept, and 1 becomes 2.",
    "88a62173": "The region whose picture comes least often is taken; touching corners connect.",
    "b91ae062": "As many times larger as there are colours.",
    "a5313dff": "What background is enclosed becomes 1.",
    "0ca9ddb6": "7 where the highest of the four neighbours is 1; else 4 where a corner neighbour is 2.",
    "007bbfb7": "The input scaled up, and of it only what is the same in another program's grid, the input tiled.",
    "b230c067": "A rule for cells: background stays, the largest object becomes 1, the others 2.",
}


def solved(task: Task) -> Found:
    """The first answer to the first test, which must be right."""
    found = solve_task(task, seconds=float("inf"), states=STATES)[0][0]
    if not np.array_equal(found.grid, task.test[0].output):
        raise SystemExit(f"{task.id}: {found.program} is wrong")
    return found


def draw(task: Task, found: Found) -> None:
    """Write the picture of a task with the answer that was found, in few colours, so that it is small."""
    answered = replace(
        task, dataset="", train=task.train[:DEMONSTRATIONS], test=(Pair(task.test[0].input, found.grid),)
    )
    with replacing(PICTURES / f"{task.id}.png") as aside:
        task_png(answered, cell=CELL).quantize(64).save(aside, "PNG", optimize=True)


def section(task: Task, found: Found) -> str:
    """What the page says of a task."""
    code = kinds_of(found.program).primary
    kind = f"{code} {BY_CODE[code].name}" if code else "none"
    told = f"{TOLD[task.id]} Cost {found.cost:.1f}; programs that agree: {found.agreeing}; category by program: {kind}."
    return (
        f"### {task.id}\n\n`{found.program}`\n\n{fill(told, 120)}\n\n"
        f"![{task.id}: two demonstrations and the answer](search/{task.id}.png)\n"
    )


def main() -> None:
    """Write pictures and sections."""
    PICTURES.mkdir(exist_ok=True)
    sections = []
    for task_id in TOLD:
        task = find_task(task_id, "arc-agi-1/training")
        found = solved(task)
        draw(task, found)
        sections.append(section(task, found))
        print(task_id, found.program)
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    write_text(PAGE, before + BEGIN + "\n\n" + "\n".join(sections) + "\n" + END + after)


if __name__ == "__main__":
    main()
