"""Numbers and foreign text as words: shares in per cent, p values, counts, and characters that would hide or steer."""

from __future__ import annotations

import unicodedata

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's kinds of characters that steer a terminal or hide: they are shown by their number."""


def printable(text: str, keep: str = "") -> str:
    """Return a text on one line whose every character can be seen; those in ``keep`` stay as they are."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        repr(each)[1:-1] if unicodedata.category(each) in UNSEEN and each not in keep else each for each in text
    )


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share (0-1) such as "69.5 %"; "undefined" for None."""
    return "undefined" if share is None else f"{100 * share:.{digits}f} %"


def p_value(p: float | None) -> str:
    """Return a p such as "p 0.045", "p < 0.001" or "p undefined"."""
    if p is None:
        return "p undefined"
    return "p < 0.001" if p < 0.0005 else f"p {p:.3f}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 task" or "1,200 tasks"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
