"""Grids as SVG, for pages and notebooks."""

from __future__ import annotations

from html import escape
from itertools import groupby

import numpy as np
from jaxtyping import Bool, UInt8

from arc_affinity.drawing.palette import LINE, PALETTE
from arc_affinity.types import Grid

Mask = Bool[np.ndarray, "rows cols"]


def wrong_cells(
    prediction: UInt8[np.ndarray, "rows cols"], target: UInt8[np.ndarray, "target_rows target_cols"]
) -> Mask:
    """Return which cells of ``prediction`` are not as in ``target``; those beyond its border are wrong."""
    wrong = np.ones(prediction.shape, bool)
    rows, cols = np.minimum(prediction.shape, target.shape)
    wrong[:rows, :cols] = prediction[:rows, :cols] != target[:rows, :cols]
    return wrong


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
    fills: dict[int, str] = {}
    for row, cells in enumerate(grid.tolist()):
        for colour, run in groupby(range(cols), key=cells.__getitem__):
            start, *rest = run
            width = 1 + len(rest)
            fills[colour] = fills.get(colour, "") + f"M{start} {row}h{width}v1h-{width}z"
    lines = "".join(f"M0 {row}h{cols}" for row in range(rows + 1))
    lines += "".join(f"M{col} 0v{rows}" for col in range(cols + 1))
    marked = [] if wrong is None else np.argwhere(wrong).tolist()
    crosses = "".join(f"M{col}.25 {row}.25l.5 .5m-.5 0l.5-.5" for row, col in marked)
    # Each cross is drawn wide in black, then narrow in white: one of the two shows on any colour.
    strokes = [(lines, LINE, 0.06), (crosses, "#000", 0.3), (crosses, "#fff", 0.15)]
    paths = [f'<path fill="{PALETTE[colour]}" d="{steps}"/>' for colour, steps in sorted(fills.items())]
    paths += [f'<path fill="none" stroke="{ink}" stroke-width="{width}" d="{d}"/>' for d, ink, width in strokes if d]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" '
        f'width="{cols * cell}" height="{rows * cell}" viewBox="-.03 -.03 {cols + 0.06:.2f} {rows + 0.06:.2f}">'
        f"<title>{words}</title>{''.join(paths)}</svg>"
    )
