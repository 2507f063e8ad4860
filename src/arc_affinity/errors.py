"""The one exception that users see, and the hint that goes with a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ArcAffinityError(Exception):
    """Bad input or failed work, told in one line; the command line prints it and exits with 1."""


def unknown(kind: str, name: str, known: Iterable[str]) -> ArcAffinityError:
    """Return the error for a ``name`` that is none of ``known``, suggesting the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names[:12]) or 'none'}"
    return ArcAffinityError(f"unknown {kind} {name!r}; {hint}")
