"""A picture of ``classify``: of each category the task that the classifier is surest of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from arc_affinity.drawing.png import GAP, PAPER, task_png
from arc_affinity.files import replacing
from arc_affinity.taxonomy.by_code.rules import BY_HAND
from arc_affinity.taxonomy.categories import CATEGORIES
from arc_affinity.taxonomy.validation import Answer
from arc_affinity.types import Task

COLUMNS = 3
PAIRS = 2
"""Demonstrations that are drawn of a task."""

CELL = 9
"""Pixels of a cell."""


def save_picture(answers: Mapping[str, Answer], path: Path, tasks: Mapping[str, Task]) -> bool:
    """Draw one task of every category that was answered, a tile each, in rows of `COLUMNS`; ``tasks`` are by id.

    Returns whether there is one: otherwise nothing is written.

    Raises:
        ArcAffinityError: the file cannot be written.
    """
    tiles = []
    for each in CATEGORIES:
        task_id = surest(answers, each.code)
        if task_id is not None:
            task = tasks[task_id]
            title = f"{each.code} {each.name}: {task_id}"
            tiles.append(task_png(replace(task, id=title, dataset="", train=task.train[:PAIRS], test=()), cell=CELL))
    if not tiles:
        return False
    with replacing(path) as aside:
        _tiled(tiles).save(aside, "PNG")
    return True


def surest(answers: Mapping[str, Answer], code: str) -> str | None:
    """Return the task that was given a category with the most confidence; None without any.

    Of equals it is the one with the shortest reason; a task decided by hand comes last.
    """
    named = sorted(task for task, answer in answers.items() if answer.category == code)

    def plain(task: str) -> tuple[bool, float, int]:
        answer = answers[task]
        return answer.rule != BY_HAND, answer.confidence, -len(answer.reason)

    return max(named, key=plain, default=None)


def _tiled(tiles: list[Image.Image]) -> Image.Image:
    """Pictures, at least one, in rows, each row as tall as its tallest."""
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    wide = max(tile.width for tile in tiles) + GAP
    tall = [max(tile.height for tile in row) + GAP for row in rows]
    paper = Image.new("RGB", (wide * min(COLUMNS, len(tiles)), sum(tall)), PAPER)
    for number, row in enumerate(rows):
        for column, tile in enumerate(row):
            paper.paste(tile, (column * wide, sum(tall[:number])))
    return paper
