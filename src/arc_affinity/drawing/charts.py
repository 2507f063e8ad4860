"""The figures of a report, each one SVG element: numbers in, text out, nothing else needed.

Shares go in as 0-1 and are written in per cent. A value of None is undefined; it is written as such and never
drawn as 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arc_affinity.drawing.svg import (
    WIDTH,
    Frame,
    box,
    dot,
    path,
    polyline,
    segment,
    shortened,
    svg,
    text,
    turned,
    width_of,
)

SHAPES: Mapping[str, str] = {
    "high": "circle",
    "medium": "square",
    "low": "triangle",
    "very low": "diamond",
}
"""The mark of each level of affinity, so that a level shows without its colour."""

UNKNOWN = "ring"
"""The mark of what has no level, among marks that have one."""

ROW = 24
"""Units from one line of a figure to the next."""

SWARM = 1000
"""Tasks up to which each has a mark of its own in the scatter."""

LANE = 5.4
"""Units from one mark to the next where they would cover each other."""

LANES = (0, -1, 1, -2, 2, -3, 3)
"""Lanes around a value, the nearest first; they stay within the margin of the frame."""


@dataclass(frozen=True)
class Point:
    """A task in the scatter: cell accuracy, share of exact grids, and the level of its category's affinity."""

    cell: float
    exact: float
    level: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Estimate:
    """A line of a figure: a value between the ends of its interval, or None where undefined.

    ``note`` stands beside the value, such as the number of tasks; ``level`` chooses mark and colour.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    level: str | None = None


@dataclass(frozen=True)
class Part:
    """A part of a bar: what it is called, its class in the style sheet, and how many it counts."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True)
class Curve:
    """Values over epochs, with the ends of their intervals where they have one."""

    name: str
    level: str | None
    points: Sequence[tuple[int, float, float | None, float | None]]


def gap_scatter(points: Sequence[Point], cell_bound: float, grid_bound: float, title: str) -> str:
    """Draw tasks by cell accuracy (across) and share of exact grids (up), gap tasks in the marked corner.

    Marks that would cover each other are moved up or down around their value. Where there are too many for
    that, tasks of equal whole per cents and level are one mark, whose area is their number.
    """
    frame = Frame(46, 8, WIDTH - 46 - 12, 300, y_range=(-0.07, 1.07))
    marks = _swarm(frame, points) if len(points) <= SWARM else _bubbles(frame, points)
    left, top = frame.x(cell_bound), frame.y(grid_bound)
    zone = [
        box(left, top, frame.right - left, frame.bottom - top, "zone"),
        path(f"M{left:.1f} {frame.bottom:.1f}V{top:.1f}H{frame.right:.1f}", "mark"),
    ]
    words = f"{_tasks(len(points))}; {sum(p.cell > cell_bound and p.exact < grid_bound for p in points)} in the gap"
    used = [level for level in (*SHAPES, None) if any(p.level == level for p in points)]
    key, height = _key(used, frame.bottom + 44)
    axes = _axes(frame, "cell accuracy, %", "exact grids, %")
    return svg(title, words, height, [*axes, *zone, *marks, *key])


def sensitivity_heatmap(
    cells: Sequence[float],
    grids: Sequence[float],
    shares: Sequence[Sequence[float | None]],
    chosen: tuple[float, float],
    title: str,
) -> str:
    """Draw the share of tasks in the gap for every pair of thresholds.

    Args:
        cells: thresholds of cell accuracy, one a column.
        grids: thresholds of exact grids, one a row, drawn upwards.
        shares: for each of ``grids``, the share of tasks for each of ``cells``.
        chosen: the pair of thresholds to outline.
        title: what is drawn.
    """
    frame = Frame(46, 14, WIDTH - 46 - 12, 26.0 * len(grids))
    wide, tall = frame.width / len(cells), frame.height / len(grids)
    parts = []
    for row, (grid, line) in enumerate(zip(grids, shares, strict=True)):
        top = frame.bottom - (row + 1) * tall
        parts.append(text(frame.left - 6, top + tall / 2 + 4, _percent(grid), "faint", "end"))
        for col, share in enumerate(line):
            parts += _heat(frame.left + col * wide, top, wide, tall, share)
    for col, cell in enumerate(cells):
        parts.append(text(frame.left + (col + 0.5) * wide, frame.bottom + 16, _percent(cell), "faint", "middle"))
    if chosen[0] in cells and chosen[1] in grids:
        col, row = cells.index(chosen[0]), grids.index(chosen[1])
        parts.append(box(frame.left + col * wide, frame.bottom - (row + 1) * tall, wide, tall, "chosen"))
    parts += [
        text((frame.left + frame.right) / 2, frame.bottom + 34, "cell accuracy above, %", "faint", "middle"),
        turned(12, (frame.top + frame.bottom) / 2, "exact grids below, %", "faint"),
    ]
    known = [share for line in shares for share in line if share is not None]
    words = f"{sum(s > 0.5 for s in known)} of {len(known)} pairs of thresholds hold over half of the tasks"
    return svg(title, words, frame.bottom + 44, parts)


def estimates(
    rows: Sequence[Estimate], title: str, axis: str, span: tuple[float, float] = (0.0, 1.0), zero: float | None = None
) -> str:
    """Draw values with their intervals, one a line.

    Args:
        rows: what to draw, from above.
        title: what is drawn.
        axis: words below the axis.
        span: values at the ends of the axis.
        zero: value to rule a line at, such as "no difference".
    """
    wide = min(170.0, max((width_of(row.label) for row in rows), default=0.0) + 8)
    notes = max((width_of(_value(row)) for row in rows), default=0.0) + 10
    frame = Frame(wide, 6, WIDTH - wide - notes - 10, ROW * len(rows), span)
    parts = _ruled(frame, axis)
    if zero is not None:
        parts.append(segment(frame.x(zero), frame.top, frame.x(zero), frame.bottom, "mark"))
    levelled = any(row.level is not None for row in rows)
    for place, row in enumerate(rows):
        parts += _estimate(frame, row, frame.top + ROW * (place + 0.5), levelled)
    used = [level for level in (*SHAPES, None) if levelled and any(row.level == level for row in rows)]
    key, height = _key(used, frame.bottom + 44) if used else ([], frame.bottom + 42)
    return svg(title, "; ".join(f"{row.label}: {_value(row)}" for row in rows), height, [*parts, *key])


def stacked_bars(bars: Sequence[tuple[str, Sequence[Part]]], title: str) -> str:
    """Draw what became of the outputs: one bar a label, its parts side by side with their counts."""
    key, top = _parts_key([part for _, parts in bars for part in parts])
    parts = [*key]
    for place, (label, counts) in enumerate(bars):
        y = top + 46 * place
        total = sum(part.count for part in counts)
        parts.append(text(0, y + 11, shortened(f"{label} ({total} outputs)", WIDTH), "strong"))
        left = 0.0
        for part in counts:
            wide = WIDTH * part.count / max(total, 1)
            if part.count:
                parts += _bar_part(left, y + 16, wide, part, total)
            left += wide
    words = "; ".join(f"{label}: " + ", ".join(f"{p.name} {p.count}" for p in counts) for label, counts in bars)
    return svg(title, words, top + 46 * len(bars), parts)


def curves(lines: Sequence[Curve], title: str, axis: str) -> str:
    """Draw values over epochs, each line with the band of its intervals and its name at its end."""
    epochs = [epoch for line in lines for epoch, *_ in line.points]
    first, last = min(epochs), max(epochs)
    frame = Frame(46, 14, WIDTH - 46 - 84, 240, (first, last if last > first else first + 1))
    parts = _axes(frame, "epoch", axis, ticks=_whole_ticks(first, last))
    for line in lines:
        kind = _class(line.level)
        banded = [(e, low, high) for e, _, low, high in line.points if low is not None and high is not None]
        if len(banded) > 1:
            there = [(frame.x(e), frame.y(high)) for e, _, high in banded]
            back = [(frame.x(e), frame.y(low)) for e, low, _ in reversed(banded)]
            steps = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (*there, *back)) + "z"
            parts.append(path(steps, f"band {kind}"))
        parts.append(polyline([(frame.x(e), frame.y(v)) for e, v, *_ in line.points], f"line {kind}"))
        shape = _shape(line.level)
        parts += [dot(frame.x(e), frame.y(v), 3.5, kind, shape) for e, v, *_ in line.points]
    parts += _end_names(frame, lines)
    return svg(title, f"{len(lines)} lines over epochs {first} to {last}", frame.bottom + 44, parts)


def _swarm(frame: Frame, points: Sequence[Point]) -> list[str]:
    """One mark a task, in the free lane nearest to its value."""
    ends: dict[int, list[float]] = {}
    marks = []
    for point in sorted(points, key=lambda p: (p.exact, p.cell)):
        x = frame.x(point.cell)
        lanes = ends.setdefault(round(100 * point.exact), [-LANE] * len(LANES))
        free = (lane for lane, end in enumerate(lanes) if x - end >= LANE)
        lane = next(free, lanes.index(min(lanes)))
        lanes[lane] = x
        tip = f"{100 * point.cell:.1f} % of cells, {100 * point.exact:.0f} % exact"
        y = frame.y(point.exact) + LANE * LANES[lane]
        shape = _shape(point.level)
        marks.append(dot(x, y, 3, _class(point.level), shape, f"{point.name}: {tip}" if point.name else tip))
    return marks


def _bubbles(frame: Frame, points: Sequence[Point]) -> list[str]:
    """One mark for the tasks of equal whole per cents and level."""
    groups = Counter((round(100 * p.cell), round(100 * p.exact), p.level) for p in points)
    most = max(groups.values())
    return [
        dot(
            frame.x(cell / 100),
            frame.y(exact / 100),
            1.5 + 8 * (count / most) ** 0.5,
            _class(level),
            _shape(level),
            f"{_tasks(count)}: {cell} % of cells, {exact} % exact ({level or 'affinity unknown'})",
        )
        for (cell, exact, level), count in sorted(groups.items(), key=lambda item: -item[1])
    ]


def _axes(frame: Frame, across: str, up: str, ticks: Sequence[int] | None = None) -> list[str]:
    """Rules and words of a plot of shares; whole numbers across where ``ticks`` are given."""
    parts = []
    for tenth in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        y = frame.y(tenth)
        parts.append(segment(frame.left, y, frame.right, y, "rule"))
        parts.append(text(frame.left - 6, y + 4, _percent(tenth), "faint", "end"))
    for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0) if ticks is None else ticks:
        words = _percent(value) if ticks is None else str(value)
        parts.append(text(frame.x(value), frame.bottom + 18, words, "faint", "middle"))
    parts.append(segment(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    parts.append(text((frame.left + frame.right) / 2, frame.bottom + 34, across, "faint", "middle"))
    parts.append(turned(12, (frame.top + frame.bottom) / 2, up, "faint"))
    return parts


def _ruled(frame: Frame, axis: str) -> list[str]:
    """Vertical rules with their values, for lines of estimates."""
    low, high = frame.x_range
    parts = []
    for quarter in range(5):
        value = low + (high - low) * quarter / 4
        parts.append(segment(frame.x(value), frame.top, frame.x(value), frame.bottom, "rule"))
        parts.append(text(frame.x(value), frame.bottom + 16, _percent(value), "faint", "middle"))
    parts.append(text((frame.left + frame.right) / 2, frame.bottom + 33, axis, "faint", "middle"))
    return parts


def _estimate(frame: Frame, row: Estimate, y: float, levelled: bool) -> list[str]:
    """One line: its label, interval, mark and value; ``levelled`` says that marks tell levels."""
    parts = [text(0, y + 4, shortened(row.label, frame.left - 6))]
    if row.low is not None and row.high is not None:
        left, right = (min(max(frame.x(v), frame.left), frame.right) for v in (row.low, row.high))
        parts.append(path(f"M{left:.1f} {y - 4:.1f}v8m0-4H{right:.1f}m0-4v8", "whisker"))
    if row.value is not None:
        kind, shape = (_class(row.level), _shape(row.level)) if levelled else ("main", "circle")
        parts.append(dot(frame.x(row.value), y, 5, kind, shape))
    words = "undefined" if row.value is None else f"{100 * row.value:.1f}"
    parts.append(text(frame.right + 12, y + 4, words, "faint" if row.value is None else ""))
    parts.append(text(frame.right + 18 + width_of(words), y + 4, row.note, "faint"))
    return parts


def _heat(left: float, top: float, wide: float, tall: float, share: float | None) -> list[str]:
    """A cell of the heatmap: the darker, the larger, with its number."""
    middle = left + wide / 2
    if share is None:
        return [box(left, top, wide, tall, "rule"), text(middle, top + tall / 2 + 4, "–", "faint", "middle")]
    # From light to dark blue through equal steps, so that a print in grey reads alike.
    low, high = (232, 240, 250), (16, 62, 128)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    where = f'x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
    ink = "on-dark" if share > 0.5 else "on-light"
    return [
        f'<rect {where} fill="#{red:02x}{green:02x}{blue:02x}" class="cell"/>',
        text(middle, top + tall / 2 + 4, _percent(share), ink, "middle"),
    ]


def _bar_part(left: float, top: float, wide: float, part: Part, total: int) -> list[str]:
    """A part of a bar, its count in it where there is room."""
    tip = f"{part.name}: {part.count} of {total}"
    drawn = [box(left, top, max(wide, 1.0), 20, f"cell {part.kind}", tip)]
    if wide > width_of(str(part.count)) + 4:
        ink = "on-dark" if part.kind in ("solved", "wrong-size", "no-grid") else "on-light"
        drawn.append(text(left + wide / 2, top + 14, str(part.count), ink, "middle"))
    return drawn


def _parts_key(parts: Sequence[Part]) -> tuple[list[str], float]:
    """What the colours of the bars stand for, and where the bars begin."""
    names = dict.fromkeys((part.name, part.kind) for part in parts)
    drawn, left, top = [], 0.0, 4.0
    for name, kind in names:
        if left + 20 + width_of(name) > WIDTH:
            left, top = 0.0, top + 18
        drawn += [box(left, top, 11, 11, kind), text(left + 16, top + 10, name, "faint")]
        left += 30 + width_of(name)
    return drawn, top + 30


def _key(levels: Sequence[str | None], top: float) -> tuple[list[str], float]:
    """What the marks stand for, and the height of the figure with it."""
    drawn, left = [text(0, top + 10, "affinity:", "faint")], 56.0
    for level in levels:
        words = level or "unknown"
        drawn.append(dot(left + 6, top + 6, 5, _class(level), _shape(level)))
        drawn.append(text(left + 16, top + 10, words, "faint"))
        left += 34 + width_of(words)
    return drawn, top + 20


def _end_names(frame: Frame, lines: Sequence[Curve]) -> list[str]:
    """The lines' names beside their last points, moved apart where they would overlap."""
    ends = sorted((frame.y(line.points[-1][1]), line.name) for line in lines)
    parts, lowest = [], frame.top - 14.0
    for y, name in ends:
        lowest = max(y, lowest + 14)
        parts.append(text(frame.right + 10, lowest + 4, shortened(name, 76)))
    return parts


def _whole_ticks(first: int, last: int) -> list[int]:
    """At most six whole numbers from the first to the last."""
    step = max(1, -(-(last - first) // 5))
    return list(range(first, last + 1, step))


def _value(row: Estimate) -> str:
    if row.value is None:
        return f"undefined {row.note}".strip()
    return f"{100 * row.value:.1f} {row.note}".strip()


def _shape(level: str | None) -> str:
    return UNKNOWN if level is None else SHAPES.get(level, UNKNOWN)


def _class(level: str | None, other: str = "none") -> str:
    return level.replace(" ", "-") if level is not None and level in SHAPES else other


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
