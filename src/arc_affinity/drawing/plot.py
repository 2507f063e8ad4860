"""What every chart is made of: its frame, words, lines and marks as SVG, and one style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from arc_affinity.drawing.palette import stylesheet

WIDTH = 420
"""Units of a chart's width; about the pixels of a phone's, so that words stay legible there."""

FONT = 12
"""Units of the height of words."""

STYLE = (
    stylesheet()
    + """
.plot{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:#1c1e21;
--hair:#dde1e6;--faint:#5d6570;--page:#fff}
.plot text{fill:currentColor}.plot .faint{fill:var(--faint)}.plot .strong{font-weight:600}.plot .ink{fill:var(--ink)}
.plot .rule{stroke:var(--hair);fill:none}
.plot .mark{stroke:currentColor;stroke-width:1.2;fill:none;stroke-dasharray:4 3}
.plot .zone{fill:var(--fill);opacity:.12}.plot .whisker{stroke:currentColor;stroke-width:1.6;fill:none}
.plot .dot,.plot .cell{fill:var(--fill);stroke:var(--page);stroke-width:1}
.plot .ring{fill:none;stroke:var(--fill);stroke-width:2}
.plot .chosen{stroke:currentColor;stroke-width:2.2;fill:none}
@media (prefers-color-scheme:dark){.plot{color:#e6e8eb;--hair:#333a43;--faint:#a2aab4;--page:#14171b}}
@media print{.plot{color:#000;--hair:#ccc;--faint:#444;--page:#fff}}
"""
)
"""Style of every chart, in a page once and in each file of its own."""


@dataclass(frozen=True)
class Series:
    """What marks or parts of one kind are called, and their looks: a hue of the palette, and a shape beside the colour.

    The shape is circle, square, triangle, diamond or ring.
    """

    name: str
    hue: str
    shape: str = "circle"


@dataclass(frozen=True)
class Frame:
    """Where the values of a plot lie: units of its border, and the values at its edges."""

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)

    @property
    def right(self) -> float:
        """The right border."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower border."""
        return self.top + self.height

    def x(self, value: float) -> float:
        """The place of a value on the horizontal axis."""
        low, high = self.x_range
        return self.left + self.width * (value - low) / (high - low)

    def y(self, value: float) -> float:
        """The place of a value on the vertical axis, which grows upwards."""
        low, high = self.y_range
        return self.bottom - self.height * (value - low) / (high - low)

    def names(self, across: str, up: str = "") -> list[str]:
        """The words of the axes, below the plot and beside it."""
        below = text((self.left + self.right) / 2, self.bottom + 34, across, "faint", "middle")
        place = f"translate(12 {(self.top + self.bottom) / 2:.1f}) rotate(-90)"
        beside = f'<text transform="{place}" class="faint" text-anchor="middle">{escape(up)}</text>'
        return [below, beside] if up else [below]


def svg(title: str, description: str, height: float, parts: Iterable[str]) -> str:
    """Return one SVG element for a page; ``title`` and ``description`` are read aloud in its place."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" '
        f'aria-label="{escape(f"{title}. {description}")}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}">{"".join(parts)}</svg>'
    )


def standalone(figure: str) -> str:
    """Return a chart as a file of its own: with its style and a ground."""
    head, _, rest = figure.partition(">")
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return f"{head}><style>{STYLE}.ground{{fill:var(--page)}}</style>{ground}{rest}\n"


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a place; ``kind`` is a class of `STYLE`, ``anchor`` start, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def path(steps: str, kind: str) -> str:
    """A line by the steps of SVG's path language."""
    return f'<path d="{steps}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str, tip: str = "", fill: str = "") -> str:
    """A rectangle; ``tip`` shows under the pointer, ``fill`` is a colour where the class gives none."""
    where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    colour = f' style="--fill:{fill}"' if fill else ""
    return f'<rect {where} class="{kind}"{colour}>{_tip(tip)}</rect>'


def dot(x: float, y: float, size: float, series: Series, tip: str = "") -> str:
    """A mark of half-width ``size``."""
    square, tall, wide, drop, tip_of = (factor * size for factor in (0.9, 1.15, 1.1, 0.85, 1.25))
    steps = {
        "square": f"M{x - square:.1f} {y - square:.1f}h{2 * square:.1f}v{2 * square:.1f}h{-2 * square:.1f}z",
        "triangle": f"M{x:.1f} {y - tall:.1f}l{wide:.1f} {tall + drop:.1f}h{-2 * wide:.1f}z",
        "diamond": f"M{x:.1f} {y - tip_of:.1f}l{tip_of:.1f} {tip_of:.1f}l{-tip_of:.1f} {tip_of:.1f}"
        f"l{-tip_of:.1f} {-tip_of:.1f}z",
    }
    look = f'class="dot {series.hue}{" ring" if series.shape == "ring" else ""}"'
    if series.shape in steps:
        return f'<path d="{steps[series.shape]}" {look}>{_tip(tip)}</path>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {look}>{_tip(tip)}</circle>'


def key(series: Sequence[Series], top: float, title: str = "") -> tuple[list[str], float]:
    """What the marks stand for, in as many lines as it takes, and where the last line ends."""
    drawn, left = ([text(0, top + 10, title, "faint")], width_of(title) + 8) if title else ([], 0.0)
    for each in series:
        if left + 20 + width_of(each.name) > WIDTH:
            left, top = 0.0, top + 18
        drawn += [dot(left + 6, top + 6, 5, each), text(left + 16, top + 10, each.name, "faint")]
        left += 30 + width_of(each.name)
    return drawn, top + 20


def width_of(words: str) -> float:
    """About how wide words are, in units; system fonts differ, so this is on the safe side."""
    return 0.56 * FONT * len(words)


def shortened(words: str, room: float) -> str:
    """Words cut to fit into ``room`` units, with a mark where something is left out."""
    fitting = max(1, int(room / (0.56 * FONT)))
    return words if len(words) <= fitting else words[: fitting - 1] + "…"


def _tip(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""
