"""Pieces of hand-written SVG that every figure is made of: frames, texts, lines and one style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 420
"""Units of a figure's width; about the pixels of a phone's, so that words stay legible there."""

FONT = 12
"""Units of the height of words."""

STYLE = """
.plot{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:#1c1e21}
.plot text{fill:currentColor}.plot .faint{fill:#5d6570}.plot .strong{font-weight:600}
.plot .rule{stroke:#dde1e6;stroke-width:1;fill:none}.plot .axis{stroke:#8a929c;stroke-width:1;fill:none}
.plot .mark{stroke:currentColor;stroke-width:1.2;fill:none;stroke-dasharray:4 3}
.plot .zone{fill:#b4470a;opacity:.09}.plot .whisker{stroke:currentColor;stroke-width:1.6;fill:none}
.plot .dot{stroke:#fff;stroke-width:1}.plot .cell{stroke:#fff;stroke-width:1}
.plot .chosen{stroke:currentColor;stroke-width:2.2;fill:none}.plot .on-dark{fill:#fff}.plot .on-light{fill:#16181b}
.plot .high{fill:#0072b2}.plot .medium{fill:#009e73}.plot .low{fill:#e69f00}.plot .very-low{fill:#d55e00}
.plot .dot.ring{fill:none;stroke:#7d8590;stroke-width:2}
.plot .none{fill:#7d8590}.plot .main{fill:#2457a6}
.plot .solved{fill:#1f4e96}.plot .lost-in-ranking{fill:#4f9d8c}.plot .near-miss{fill:#7fb2e5}
.plot .wrong-cells{fill:#f0c04c}.plot .input-copy{fill:#c77bb0}.plot .wrong-size{fill:#c9530e}
.plot .no-grid{fill:#7d8590}
.plot .line{fill:none;stroke-width:2}.plot .band{opacity:.15}
.plot .line.high{fill:none;stroke:#0072b2}.plot .line.medium{fill:none;stroke:#009e73}
.plot .line.low{fill:none;stroke:#e69f00}.plot .line.very-low{fill:none;stroke:#d55e00}
.plot .line.none,.plot .line.main{fill:none;stroke:#7d8590}
@media (prefers-color-scheme:dark){
.plot{color:#e6e8eb}.plot .faint{fill:#a2aab4}.plot .rule{stroke:#333a43}.plot .axis{stroke:#737c88}
.plot .dot,.plot .cell{stroke:#14171b}.plot .zone{fill:#ff9a5c;opacity:.12}
.plot .high{fill:#56b4e9}.plot .medium{fill:#2fc89c}.plot .main{fill:#7fb2f5}.plot .solved{fill:#3f7fd6}
.plot .line.high{stroke:#56b4e9}.plot .line.medium{stroke:#2fc89c}}
@media print{.plot{color:#000}.plot .faint{fill:#444}.plot .dot,.plot .cell{stroke:#fff}.plot .rule{stroke:#ccc}}
"""
"""Style of every figure, in the page once and in each file of its own; colours after Okabe and Ito."""

BACKGROUND = ".ground{fill:#fff}@media (prefers-color-scheme:dark){.ground{fill:#14171b}}"
"""Only files of their own need a ground of their own."""


@dataclass(frozen=True)
class Frame:
    """Where the values of a plot lie: pixels of its border, and the values at its edges."""

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


def svg(title: str, description: str, height: float, parts: Iterable[str], width: float = WIDTH) -> str:
    """Return one SVG element for a page; ``title`` and ``description`` are read aloud in its place."""
    words = escape(f"{title}. {description}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" aria-label="{words}" '
        f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width)}" height="{number(height)}">'
        f"{''.join(parts)}</svg>"
    )


def standalone(figure: str) -> str:
    """Return a figure as a file of its own: with its style and a ground."""
    head, _, rest = figure.partition(">")
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return f"{head}><style>{STYLE}{BACKGROUND}</style>{ground}{rest}\n"


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a place; ``kind`` is a class of `STYLE`, ``anchor`` start, middle or end."""
    look = f' class="{kind}"' if kind else ""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{number(x)}" y="{number(y)}"{look}{side}>{escape(words)}</text>'


def turned(x: float, y: float, words: str, kind: str = "") -> str:
    """Words that run upwards, their middle at a place."""
    place = f"{number(x)} {number(y)}"
    return (
        f'<text transform="translate({place}) rotate(-90)" class="{kind}" text-anchor="middle">{escape(words)}</text>'
    )


def path(steps: str, kind: str) -> str:
    """A line by the steps of SVG's path language."""
    return f'<path d="{steps}" class="{kind}"/>'


def segment(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return path(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", kind)


def box(x: float, y: float, width: float, height: float, kind: str, tip: str = "") -> str:
    """A rectangle; ``tip`` shows under the pointer."""
    where = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect {where} class="{kind}">{_tip(tip)}</rect>' if tip else f'<rect {where} class="{kind}"/>'


def dot(x: float, y: float, size: float, kind: str, shape: str = "circle", tip: str = "") -> str:
    """A mark of half-width ``size``: circle, square, triangle, diamond or ring, so that colour is not alone."""
    steps = {
        "square": f"M{_at(x - 0.9 * size, y - 0.9 * size)}h{number(1.8 * size)}v{number(1.8 * size)}"
        f"h{number(-1.8 * size)}z",
        "triangle": f"M{_at(x, y - 1.15 * size)}L{_at(x + 1.1 * size, y + 0.85 * size)}"
        f"L{_at(x - 1.1 * size, y + 0.85 * size)}z",
        "diamond": f"M{_at(x, y - 1.25 * size)}L{_at(x + 1.25 * size, y)}L{_at(x, y + 1.25 * size)}"
        f"L{_at(x - 1.25 * size, y)}z",
    }
    look = f'class="dot {kind} ring"' if shape == "ring" else f'class="dot {kind}"'
    if shape in steps:
        return f'<path d="{steps[shape]}" {look}>{_tip(tip)}</path>'
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(size)}" {look}>{_tip(tip)}</circle>'


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return path("M" + "L".join(_at(x, y) for x, y in points), kind)


def width_of(words: str) -> float:
    """About how wide words are, in units; system fonts differ, so this is on the safe side."""
    return 0.56 * FONT * len(words)


def shortened(words: str, room: float) -> str:
    """Words cut to fit into ``room`` units, with a mark where something is left out."""
    fitting = max(1, int(room / (0.56 * FONT)))
    return words if len(words) <= fitting else words[: fitting - 1] + "…"


def number(value: float) -> str:
    """A coordinate with as few digits as do."""
    return f"{value:.1f}".removesuffix(".0")


def _at(x: float, y: float) -> str:
    return f"{number(x)} {number(y)}"


def _tip(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""
