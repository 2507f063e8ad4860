"""The one exception that users see, and words that messages share: a hint for a misspelt name, a list cut short."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class ArcAffinityError(Exception):
    """Bad input or failed work, told in one line; the command line prints it and exits with 1."""


def unknown(kind: str, name: str, known: Iterable[str]) -> ArcAffinityError:
    """Return the error for a ``name`` that is none of ``known``, suggesting the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names[:12]) or 'none'}"
    return ArcAffinityError(f"unknown {kind} {name!r}; {hint}")


def listing(what: str, names: Sequence[str]) -> str:
    """Return ``what``, the number of ``names`` and the first three of them, for a message of one line."""
    more = ", …" if len(names) > 3 else ""
    return f"{what}: {len(names)} ({', '.join(names[:3])}{more})"
