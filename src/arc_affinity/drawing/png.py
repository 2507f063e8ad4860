"""Grids and tasks as PNG pictures. Pairs count from 0; sizes are rows x columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from arc_affinity.drawing.palette import LINE, PALETTE
from arc_affinity.types import Grid, Pair, Task

INK, FAINT, PAPER = "#222222", "#999999", "#FFFFFF"
"""Words, what stands beside them, and the page."""

WIDTH = 1400
"""Pixels that the pairs of a task are fitted into, side by side."""

SMALLEST_CELL, LARGEST_CELL = 9, 24
"""Pixels of a cell where the size is chosen to fit."""

GAP = 18
"""Pixels between one pair and the next."""


def grid_png(grid: Grid, cell: int = 20) -> Image.Image:
    """Draw a grid, ``cell`` pixels a cell (2 or more), with lines between cells and around.

    Returns:
        An RGB image of ``(cols * cell + 1, rows * cell + 1)`` pixels.
    """
    colours = np.array([list(bytes.fromhex(colour[1:])) for colour in (*PALETTE, LINE)], np.uint8)
    pixels = np.pad(grid, ((0, 1), (0, 1))).repeat(cell, axis=0).repeat(cell, axis=1)
    pixels = pixels[: grid.shape[0] * cell + 1, : grid.shape[1] * cell + 1]
    pixels[::cell] = pixels[:, ::cell] = len(PALETTE)
    return Image.fromarray(colours[pixels])


def task_png(task: Task, outputs: bool = True, cell: int | None = None) -> Image.Image:
    """Draw a task: every pair a column, its input above its output, tests to the right of a line.

    Args:
        task: what to draw; columns that would go beyond `WIDTH` begin a new row.
        outputs: whether to show the outputs of the tests; one that is withheld is never shown.
        cell: pixels of a cell; chosen so that the task fits into `WIDTH` if None.
    """
    pairs = (*task.train, *task.test)
    size = cell or _fitting_cell(pairs)
    depth = max(pair.input.shape[0] for pair in pairs) * size
    train = [_column(f"train {i}", pair, True, size, depth) for i, pair in enumerate(task.train)]
    test = [_column(f"test {i}", pair, outputs, size, depth) for i, pair in enumerate(task.test)]
    tall = max(column.height for column in (*train, *test))
    rows = _rows([*train, Image.new("RGB", (1, tall), FAINT), *test])
    body = _joined([_text(f"{task.id}  {task.dataset}".strip(), 16), *rows], down=GAP)
    picture = _paper(body.width + 2 * GAP, body.height + GAP)
    picture.paste(body, (GAP, GAP))
    return picture


def _rows(columns: Sequence[Image.Image]) -> list[Image.Image]:
    """Columns side by side, in as many rows as `WIDTH` asks for."""
    rows: list[list[Image.Image]] = [[]]
    for column in columns:
        if rows[-1] and sum(each.width + GAP for each in (*rows[-1], column)) > WIDTH:
            rows.append([])
        rows[-1].append(column)
    return [_joined(row, across=GAP) for row in rows]


def _column(name: str, pair: Pair, show: bool, cell: int, depth: int) -> Image.Image:
    """A pair, input above output; ``depth`` pixels are kept for the input, so that outputs stand in line."""
    space = _paper(1, depth - pair.input.shape[0] * cell + 1)
    images = [_text(f"{name}: {_size(pair.input)}", 13), grid_png(pair.input, cell), space]
    if pair.output is None or not show:
        words = "output withheld" if pair.output is None else "output hidden"
        return _joined([*images, _text(words, 13)], down=4)
    return _joined([*images, _text(f"output: {_size(pair.output)}", 13), grid_png(pair.output, cell)], down=4)


def _size(grid: Grid) -> str:
    return f"{grid.shape[0]} x {grid.shape[1]}"


def _fitting_cell(pairs: Sequence[Pair]) -> int:
    """The largest size of a cell at which the columns of ``pairs`` fit side by side."""
    widest = (max(g.shape[1] for g in (pair.input, pair.output) if g is not None) for pair in pairs)
    # The line between train and test takes a gap too.
    room = WIDTH - (GAP + 1) * (len(pairs) + 1)
    return int(np.clip(room // sum(widest), SMALLEST_CELL, LARGEST_CELL))


def _joined(images: Sequence[Image.Image], across: int = 0, down: int = 0) -> Image.Image:
    """Images with gaps side by side (``across``) or one below the other (``down``), in line at the top left."""
    widths, heights = [image.width + across for image in images], [image.height + down for image in images]
    paper = _paper(*((sum(widths), max(heights)) if across else (max(widths), sum(heights))))
    for at, image in enumerate(images):
        paper.paste(image, (sum(widths[:at]), 0) if across else (0, sum(heights[:at])))
    return paper


def _text(words: str, size: int) -> Image.Image:
    font = ImageFont.load_default(size)
    width = int(font.getlength(words)) + 1
    image = _paper(width, round(1.3 * size))
    ImageDraw.Draw(image).text((0, 0), words, INK, font)
    return image


def _paper(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), PAPER)
