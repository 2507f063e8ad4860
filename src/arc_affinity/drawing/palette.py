"""Every colour that is drawn with: ARC's ten for the cells of grids, and a few hues, light and dark, for charts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

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

DIGITS = (
    "#8A8A8A",
    "#FFFFFF",
    "#FFFFFF",
    "#000000",
    "#000000",
    "#000000",
    "#FFFFFF",
    "#000000",
    "#000000",
    "#FFFFFF",
)
"""Of a digit on each of them, at least 3:1 in contrast (WCAG 2.1); grey on black, which is mostly background."""

LINE = "#555555"
"""Between cells."""


class Hue(NamedTuple):
    """A colour of charts on a light and on a dark page, and that of words on it."""

    light: str
    dark: str
    ink: str


WHITE, BLACK = "#ffffff", "#16181b"

HUES: Mapping[str, Hue] = MappingProxyType(
    {
        "navy": Hue("#1f4e96", "#3f7fd6", WHITE),
        "teal": Hue("#4f9d8c", "#4f9d8c", BLACK),
        "sky": Hue("#7fb2e5", "#7fb2e5", BLACK),
        "yellow": Hue("#f0c04c", "#f0c04c", BLACK),
        "pink": Hue("#c77bb0", "#c77bb0", BLACK),
        "brick": Hue("#c9530e", "#c9530e", WHITE),
        "grey": Hue("#6d757f", "#7d8590", WHITE),
        "blue": Hue("#0072b2", "#56b4e9", WHITE),
        "green": Hue("#009e73", "#2fc89c", BLACK),
        "orange": Hue("#e69f00", "#e69f00", BLACK),
    }
)
"""After Okabe and Ito (2008), who chose them to differ for any colour vision; wherever they are used a shape or a sign
differs too."""


def stylesheet() -> str:
    """Return a class of CSS for each hue, such as ``navy``: ``--fill`` is its colour, ``--ink`` that of words on it."""
    light = "".join(f".{name}{{--fill:{hue.light};--ink:{hue.ink}}}" for name, hue in HUES.items())
    dark = "".join(f".{name}{{--fill:{hue.dark}}}" for name, hue in HUES.items() if hue.dark != hue.light)
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"
