"""Charts, each one SVG element: numbers in, text out.

They are drawn here and not by matplotlib because a page has to follow its reader's dark mode, print, be read aloud,
show a value under the pointer and fit a phone, all in one file that needs nothing else: an SVG of matplotlib has fixed
colours, glyphs for text and 20 to 60 kB where these have 2 to 10 and share the page's style sheet. The charting
libraries that can do so bring a script of megabytes. Five kinds of charts is all that is drawn.

Shares go in as 0-1 and are written in per cent. A value of None is undefined; it is written as such and never drawn as
0. What a chart is about, and the names and looks of its series, come from whoever draws it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from arc_affinity.drawing.palette import WHITE, ink_on
from arc_affinity.drawing.plot import WIDTH, Frame, Series, box, dot, key, path, shortened, svg, text, width_of
from arc_affinity.statistics import Estimate
from arc_affinity.text import counted

PLAIN = Series("", "navy")
"""The look of marks of which there is one kind."""

ROW = 24
"""Units from one line of a chart to the next."""

SWARM = 1000
"""Points up to which each has a mark of its own in a scatter."""

LANE = 5.4
"""Units from one mark to the next where they would cover each other."""

LANES = (0, -1, 1, -2, 2, -3, 3)
"""Lanes around a value, the nearest first; they stay within the margin of the frame."""

TENTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Point(NamedTuple):
    """A point of a scatter: two shares, its series, and what it is called."""

    x: float
    y: float
    series: Series = PLAIN
    name: str = ""


class Line(NamedTuple):
    """A line of estimates: what is estimated, its value with its interval, and its series."""

    label: str
    estimate: Estimate
    series: Series = PLAIN


def scatter(
    points: Sequence[Point], axes: tuple[str, str], title: str, corner: tuple[float, float], key_title: str = ""
) -> str:
    """Draw points by two shares, with those right of and below ``corner`` in a marked zone.

    Marks that would cover each other are moved up or down around their value. Where there are too many for that,
    points of equal whole per cents and series are one mark, whose area is their number.

    Args:
        points: what to draw.
        axes: what the shares are of, across and up.
        title: what is drawn.
        corner: upper left corner of the zone, which reaches to the lower right of the plot.
        key_title: what the series are; no key without.
    """
    frame = Frame(46, 8, WIDTH - 46 - 12, 300, y_range=(-0.07, 1.07))
    parts = []
    for value in TENTHS:
        parts.append(path(f"M{frame.left:.1f} {frame.y(value):.1f}H{frame.right:.1f}", "rule"))
        parts.append(text(frame.left - 6, frame.y(value) + 4, f"{100 * value:.0f}", "faint", "end"))
        parts.append(text(frame.x(value), frame.bottom + 18, f"{100 * value:.0f}", "faint", "middle"))
    left, top = frame.x(corner[0]), frame.y(corner[1])
    parts += [
        *frame.names(*(f"{axis}, %" for axis in axes)),
        box(left, top, frame.right - left, frame.bottom - top, "zone orange"),
        path(f"M{left:.1f} {frame.bottom:.1f}V{top:.1f}H{frame.right:.1f}", "mark"),
        *(_swarm(frame, points, axes) if len(points) <= SWARM else _bubbles(frame, points, axes)),
    ]
    words = f"{len(points)} points; {sum(p.x > corner[0] and p.y < corner[1] for p in points)} in the zone"
    used = list(dict.fromkeys(point.series for point in points)) if key_title else []
    drawn, height = key(used, frame.bottom + 44, key_title) if used else ([], frame.bottom + 42)
    return svg(title, words, height, [*parts, *drawn])


def heatmap(
    columns: Sequence[float],
    rows: Sequence[float],
    shares: Sequence[Sequence[float]],
    axes: tuple[str, str],
    title: str,
    chosen: tuple[float, float],
) -> str:
    """Draw a share for every pair of values.

    Args:
        columns: values across, 0-1.
        rows: values upwards, 0-1.
        shares: for each of ``rows``, the share for each of ``columns``.
        axes: what the values are, across and up.
        title: what is drawn.
        chosen: the pair of values to outline.
    """
    frame = Frame(46, 14, WIDTH - 46 - 12, 26.0 * len(rows))
    wide, tall = frame.width / len(columns), frame.height / len(rows)
    parts = frame.names(*axes)
    for row, (name, line) in enumerate(zip(rows, shares, strict=True)):
        top = frame.bottom - (row + 1) * tall
        parts.append(text(frame.left - 6, top + tall / 2 + 4, f"{100 * name:.0f}", "faint", "end"))
        for col, share in enumerate(line):
            left = frame.left + col * wide
            # From light to dark blue through equal steps, so that a print in grey reads alike.
            low, high = (232, 240, 250), (16, 62, 128)
            fill = "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(low, high, strict=True))
            ink = "ink white" if ink_on(fill) == WHITE else "ink black"
            parts.append(box(left, top, wide, tall, "cell", fill=fill))
            parts.append(text(left + wide / 2, top + tall / 2 + 4, f"{100 * share:.0f}", ink, "middle"))
    for col, name in enumerate(columns):
        parts.append(text(frame.left + (col + 0.5) * wide, frame.bottom + 16, f"{100 * name:.0f}", "faint", "middle"))
    if chosen[0] in columns and chosen[1] in rows:
        col, row = columns.index(chosen[0]), rows.index(chosen[1])
        parts.append(box(frame.left + col * wide, frame.bottom - (row + 1) * tall, wide, tall, "chosen"))
    over = sum(share > 0.5 for line in shares for share in line)
    words = f"over half in {over} of {len(rows) * len(columns)} cells"
    return svg(title, words, frame.bottom + 44, parts)


def estimates(
    lines: Sequence[Line],
    axis: str,
    title: str,
    zero: float | None = None,
    marked: Sequence[float] = (),
    key_title: str = "",
) -> str:
    """Draw values with their intervals, one a line, on an axis that ends where the largest of them fits.

    Args:
        lines: what to draw, from above.
        axis: words below the axis.
        title: what is drawn.
        zero: value in the middle of the axis, such as "no difference"; None for an axis from 0.
        marked: values to rule a dashed line at, such as a published one.
        key_title: what the series are; no key without.
    """
    written = ["undefined" if e.value is None else f"{100 * e.value:.1f}" for _, e, _ in lines]
    left = min(170.0, max((width_of(each.label) for each in lines), default=0.0) + 8)
    right = max((width_of(f"{w} n {e.n}") for w, (_, e, _) in zip(written, lines, strict=True)), default=0.0) + 20
    known = [v for _, e, _ in lines for v in (e.value, e.low, e.high) if v is not None]
    ends = [abs(value - (zero or 0.0)) for value in (*known, *marked)]
    edge = next(step for step in (0.04, 0.08, 0.2, 0.4, 1.0) if step >= min(1.0, max(ends, default=0.0)))
    span = (0.0, edge) if zero is None else (zero - edge, zero + edge)
    frame = Frame(left, 6, WIDTH - left - right, ROW * len(lines), span)
    parts = frame.names(axis)
    for quarter in range(5):
        value = span[0] + (span[1] - span[0]) * quarter / 4
        parts.append(path(f"M{frame.x(value):.1f} {frame.top}V{frame.bottom}", "rule"))
        parts.append(text(frame.x(value), frame.bottom + 16, f"{100 * value:.0f}", "faint", "middle"))
    for value in (*marked, *([] if zero is None else [zero])):
        parts.append(path(f"M{frame.x(value):.1f} {frame.top}V{frame.bottom}", "mark"))
    for place, ((label, found, series), words) in enumerate(zip(lines, written, strict=True)):
        y = frame.top + ROW * (place + 0.5)
        parts.append(text(0, y + 4, shortened(label, frame.left - 6)))
        if found.low is not None and found.high is not None:
            low, high = (min(max(frame.x(v), frame.left), frame.right) for v in (found.low, found.high))
            parts.append(path(f"M{low:.1f} {y - 4:.1f}v8m0-4H{high:.1f}m0-4v8", "whisker"))
        if found.value is not None:
            parts.append(dot(frame.x(found.value), y, 5, series))
        parts.append(text(frame.right + 12, y + 4, words, "faint" if found.value is None else ""))
        parts.append(text(frame.right + 18 + width_of(words), y + 4, f"n {found.n}", "faint"))
    used = list(dict.fromkeys(series for _, _, series in lines)) if key_title else []
    drawn, height = key(used, frame.bottom + 44, key_title) if used else ([], frame.bottom + 42)
    told = "; ".join(f"{label}: {words} n {e.n}" for (label, e, _), words in zip(lines, written, strict=True))
    return svg(title, told, height, [*parts, *drawn])


def stacked_bars(bars: Sequence[tuple[str, Mapping[Series, int]]], unit: str, title: str) -> str:
    """Draw how many of each series there are: one bar a label, its parts side by side with their counts.

    ``unit`` is what is counted, such as "output".
    """
    # A part of a bar has no shape: its place in the order of the key tells it without its colour.
    used = dict.fromkeys(Series(series.name, series.hue, "square") for _, counts in bars for series in counts)
    parts, top = key(list(used), 4)
    for place, (label, counts) in enumerate(bars):
        y, left, total = top + 10 + 46 * place, 0.0, sum(counts.values())
        parts.append(text(0, y + 11, shortened(f"{label} ({counted(total, unit)})", WIDTH), "strong"))
        for series, count in counts.items():
            wide = WIDTH * count / max(total, 1)
            if count:
                tip = f"{series.name}: {count} of {total}"
                parts.append(box(left, y + 16, max(wide, 1.0), 20, f"cell {series.hue}", tip))
            if wide > width_of(str(count)) + 4:
                parts.append(text(left + wide / 2, y + 30, str(count), f"ink {series.hue}", "middle"))
            left += wide
    words = "; ".join(f"{label}: " + ", ".join(f"{s.name} {n}" for s, n in counts.items()) for label, counts in bars)
    return svg(title, words, top + 10 + 46 * len(bars), parts)


def _swarm(frame: Frame, points: Sequence[Point], axes: tuple[str, str]) -> list[str]:
    """One mark a point, in the free lane nearest to its value."""
    ends: dict[int, list[float]] = {}
    marks = []
    for point in sorted(points, key=lambda p: (p.y, p.x)):
        x = frame.x(point.x)
        lanes = ends.setdefault(round(100 * point.y), [-LANE] * len(LANES))
        free = (lane for lane, end in enumerate(lanes) if x - end >= LANE)
        lane = next(free, lanes.index(min(lanes)))
        lanes[lane] = x
        tip = f"{point.name}: {axes[0]} {100 * point.x:.1f} %, {axes[1]} {100 * point.y:.0f} %".removeprefix(": ")
        marks.append(dot(x, frame.y(point.y) + LANE * LANES[lane], 3, point.series, tip))
    return marks


def _bubbles(frame: Frame, points: Sequence[Point], axes: tuple[str, str]) -> list[str]:
    """One mark for the points of equal whole per cents and series."""
    groups = Counter((round(100 * p.x), round(100 * p.y), p.series) for p in points)
    most = max(groups.values())
    return [
        dot(
            frame.x(x / 100),
            frame.y(y / 100),
            1.5 + 8 * (count / most) ** 0.5,
            series,
            f"{counted(count, 'point')}: {axes[0]} {x} %, {axes[1]} {y} % {series.name}".strip(),
        )
        for (x, y, series), count in groups.most_common()
    ]
