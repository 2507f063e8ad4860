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


WHITE, BLACK = "#ffffff", "#000000"
"""The inks. On any colour at all one of them has a contrast of 4.5:1, which no softer black would have."""


class Hue(NamedTuple):
    """A colour of charts on a light and on a dark page."""

    light: str
    dark: str


HUES: Mapping[str, Hue] = MappingProxyType(
    {
        "navy": Hue("#1f4e96", "#3f7fd6"),
        "teal": Hue("#4f9d8c", "#4f9d8c"),
        "sky": Hue("#7fb2e5", "#7fb2e5"),
        "yellow": Hue("#f0c04c", "#f0c04c"),
        "pink": Hue("#c77bb0", "#c77bb0"),
        "brick": Hue("#c9530e", "#c9530e"),
        "grey": Hue("#6d757f", "#7d8590"),
        "blue": Hue("#0072b2", "#56b4e9"),
        "green": Hue("#009e73", "#2fc89c"),
        "orange": Hue("#e69f00", "#e69f00"),
    }
)
"""After Okabe and Ito (2008), who chose them to differ for any colour vision; wherever they are used a shape or a sign
differs too."""


def ink_on(colour: str) -> str:
    """Return the ink, `WHITE` or `BLACK`, that differs more from a colour such as ``#1f4e96``: by 4.5:1 or more."""
    return max(WHITE, BLACK, key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1-21 (WCAG 2.1, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def stylesheet() -> str:
    """Return a class of CSS for each hue, such as ``navy``: ``--fill`` is its colour, ``--ink`` that of words on it.

    The classes ``white`` and ``black`` are the inks alone, for words on a colour that is no hue and no page changes.
    """
    inks = f".white{{--ink:{WHITE}}}.black{{--ink:{BLACK}}}"
    light = "".join(_rule(name, hue.light) for name, hue in HUES.items())
    dark = "".join(_rule(name, hue.dark) for name, hue in HUES.items() if hue.dark != hue.light)
    return f"{inks}{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _rule(name: str, colour: str) -> str:
    return f".{name}{{--fill:{colour};--ink:{ink_on(colour)}}}"


def _luminance(colour: str) -> float:
    """The relative luminance of a colour, 0-1 (WCAG 2.1, "relative luminance")."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
