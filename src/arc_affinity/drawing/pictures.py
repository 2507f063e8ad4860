"""Grids and tasks as pictures: PNG for files, SVG for pages. Pairs count from 0; sizes are rows x columns."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

from arc_affinity.types import Grid, Pair, Task

PALETTE = (
    "#000000",
    "#0074D9",
    "#FF4136",
    "#2ECC40",
    "#FFDC00",
    "#AAAAAA",
    "#F012BE",
    "#FF851B",
    "#7FDBFF",
    "#870C25",
)
"""The colours 0-9 as ARC's own page shows them (github.com/fchollet/ARC-AGI, apps/css/common.css)."""

LINE = "#555555"
"""Between cells."""

INK, FAINT, PAPER = "#222222", "#999999", "#FFFFFF"
"""Words, what stands beside them, and the page."""

WIDTH = 1400
"""Pixels that the pairs of a task are fitted into, side by side."""

SMALLEST_CELL, LARGEST_CELL = 9, 24
"""Pixels of a cell where the size is chosen to fit."""

GAP = 18
"""Pixels between one pair and the next."""

Mask = Bool[np.ndarray, "rows cols"]


def wrong_cells(
    prediction: UInt8[np.ndarray, "rows cols"], target: UInt8[np.ndarray, "target_rows target_cols"]
) -> Mask:
    """Return which cells of ``prediction`` are not as in ``target``; those beyond its border are wrong."""
    wrong = np.ones(prediction.shape, bool)
    rows, cols = np.minimum(prediction.shape, target.shape)
    wrong[:rows, :cols] = prediction[:rows, :cols] != target[:rows, :cols]
    return wrong


def grid_png(grid: Grid, cell: int = 20, wrong: Mask | None = None) -> Image.Image:
    """Draw a grid, ``cell`` pixels a cell, with lines between cells and around.

    Args:
        grid: what to draw.
        cell: pixels from one line to the next, at least 2.
        wrong: cells to cross out.

    Returns:
        An RGB image of ``(cols * cell + 1, rows * cell + 1)`` pixels.
    """
    colours = np.array([_rgb(colour) for colour in (*PALETTE, LINE)], np.uint8)
    pixels = np.pad(grid, ((0, 1), (0, 1))).repeat(cell, axis=0).repeat(cell, axis=1)
    pixels = pixels[: grid.shape[0] * cell + 1, : grid.shape[1] * cell + 1]
    pixels[::cell] = pixels[:, ::cell] = len(PALETTE)
    image = Image.fromarray(colours[pixels])
    if wrong is not None:
        _cross_out(image, cell, wrong)
    return image


def grid_svg(grid: Grid, cell: int = 12, wrong: Mask | None = None, title: str = "") -> str:
    """Draw a grid as one SVG element for a page; neighbours of one colour in a row are one shape.

    Args:
        grid: what to draw.
        cell: pixels of a cell.
        wrong: cells to cross out.
        title: what the grid is, such as "target"; its size is added. Read aloud, and shown under the pointer.
    """
    rows, cols = grid.shape
    words = escape(f"{title}: {rows} rows, {cols} columns".removeprefix(": "), quote=True)
    lines = "".join(f"M0 {row}h{cols}" for row in range(rows + 1))
    lines += "".join(f"M{col} 0v{rows}" for col in range(cols + 1))
    crosses = "" if wrong is None else "".join(_cross_path(row, col) for row, col in np.argwhere(wrong).tolist())
    # Each cross is drawn wide in black, then narrow in white: one of the two shows on any colour.
    strokes = [(lines, LINE, 0.06), (crosses, "#000", 0.3), (crosses, "#fff", 0.15)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" '
        f'width="{cols * cell}" height="{rows * cell}" '
        f'viewBox="-.03 -.03 {cols + 0.06:.2f} {rows + 0.06:.2f}">'
        f"<title>{words}</title>"
        + "".join(f'<path fill="{PALETTE[c]}" d="{_runs_path(grid, c)}"/>' for c in np.unique(grid).tolist())
        + "".join(
            f'<path fill="none" stroke="{colour}" stroke-width="{width}" d="{path}"/>'
            for path, colour, width in strokes
            if path
        )
        + "</svg>"
    )


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
    body = _stacked([_text(f"{task.id}  {task.dataset}".strip(), 16), *rows], gap=GAP)
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
    return [_beside(row) for row in rows]


def _beside(images: Sequence[Image.Image]) -> Image.Image:
    """Images side by side, in line at the top."""
    paper = _paper(sum(image.width + GAP for image in images), max(image.height for image in images))
    left = 0
    for image in images:
        paper.paste(image, (left, 0))
        left += image.width + GAP
    return paper


def _column(name: str, pair: Pair, show: bool, cell: int, depth: int) -> Image.Image:
    """A pair, input above output; ``depth`` pixels are kept for the input, so that outputs stand in line."""
    space = _paper(1, depth - pair.input.shape[0] * cell + 1)
    images = [_text(f"{name}: {_size(pair.input)}", 13), grid_png(pair.input, cell), space]
    if pair.output is None or not show:
        words = "output withheld" if pair.output is None else "output hidden"
        return _stacked([*images, _text(words, 13)])
    return _stacked([*images, _text(f"output: {_size(pair.output)}", 13), grid_png(pair.output, cell)])


def _size(grid: Grid) -> str:
    return f"{grid.shape[0]} x {grid.shape[1]}"


def _fitting_cell(pairs: Sequence[Pair]) -> int:
    """The largest size of a cell at which the columns of ``pairs`` fit side by side."""
    widest = (max(g.shape[1] for g in (pair.input, pair.output) if g is not None) for pair in pairs)
    # The line between train and test takes a gap too.
    room = WIDTH - (GAP + 1) * (len(pairs) + 1)
    return int(np.clip(room // sum(widest), SMALLEST_CELL, LARGEST_CELL))


def _stacked(images: Sequence[Image.Image], gap: int = 4) -> Image.Image:
    """Images one below the other, in line on the left."""
    paper = _paper(max(image.width for image in images), sum(image.height + gap for image in images))
    top = 0
    for image in images:
        paper.paste(image, (0, top))
        top += image.height + gap
    return paper


def _text(words: str, size: int) -> Image.Image:
    """Words on paper, cut close on the sides."""
    font = ImageFont.load_default(size)
    width = int(font.getlength(words)) + 1
    image = _paper(width, round(1.3 * size))
    ImageDraw.Draw(image).text((0, 0), words, INK, font)
    return image


def _paper(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), PAPER)


def _cross_out(image: Image.Image, cell: int, wrong: Mask) -> None:
    """Cross cells out, in black and white so that it shows on any colour."""
    draw = ImageDraw.Draw(image)
    inset, narrow = round(0.28 * cell), max(1, cell // 10)
    for row, col in np.argwhere(wrong).tolist():
        low, high = (
            (col * cell + inset, row * cell + inset),
            ((col + 1) * cell - inset, (row + 1) * cell - inset),
        )
        for width, colour in ((narrow + 2, "#000000"), (narrow, "#FFFFFF")):
            draw.line((*low, *high), colour, width)
            draw.line((low[0], high[1], high[0], low[1]), colour, width)


def _cross_path(row: int, col: int) -> str:
    return f"M{col}.25 {row}.25l.5 .5m-.5 0l.5-.5"


def _runs_path(grid: Grid, colour: int) -> str:
    """Every run of a colour along a row, as SVG subpaths."""
    padded = np.pad(grid == colour, ((0, 0), (1, 1))).astype(np.int8)
    edges = np.diff(padded, axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return "".join(
        f"M{start} {row}h{end - start}v1h{start - end}z"
        for (row, start), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True)
    )


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
