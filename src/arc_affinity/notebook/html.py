"""The few pieces of HTML that results are drawn with; a notebook's own style decides how they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; what stands in it is text."""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(each))}</td>" for each in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def figure(picture: str, caption: str) -> str:
    """Return a picture, which is HTML already, over its caption, which is text."""
    return f'<figure style="margin:.4em;text-align:center">{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def row(pieces: Iterable[str]) -> str:
    """Return pieces of HTML side by side."""
    return f'<div style="display:flex;flex-wrap:wrap;align-items:flex-end">{"".join(pieces)}</div>'
