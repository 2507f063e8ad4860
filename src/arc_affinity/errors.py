"""The exceptions that users see, and what ends in them everywhere: misspelt names, missing packages, full disks."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

NAMED = 25
"""Names that a message lists; of more, three stand for all."""


class ArcAffinityError(Exception):
    """Bad input or failed work, told in one line; the command line prints it and exits with 1."""


class UsageError(ArcAffinityError):
    """The command line itself is wrong: flags that are missing or do not go together, or a value that no flag takes.

    The command line prints it and exits with 2, as for a flag that there is not.
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> ArcAffinityError:
    """Return the error for a ``name`` that is none of ``known``, suggesting the nearest, or naming them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    named = ", ".join(names) if len(names) <= NAMED else f"{', '.join(names[:3])} and {len(names) - 3:,} more"
    hint = f"did you mean {near[0]!r}?" if near else f"known: {named or 'none'}"
    return ArcAffinityError(f"unknown {kind} {name!r}; {hint}")


@contextlib.contextmanager
def os_errors(failed: str) -> Iterator[None]:
    """Tell the operating system's errors within the block as ours: what ``failed`` ("cannot write FILE"), and why."""
    try:
        yield
    except OSError as error:
        raise ArcAffinityError(f"{failed}: {error.strerror or error}") from error


def listing(what: str, names: Sequence[str]) -> str:
    """Return ``what``, the number of ``names`` and the first three of them, for a message of one line."""
    more = ", …" if len(names) > 3 else ""
    return f"{what}: {len(names)} ({', '.join(names[:3])}{more})"


def optional(module: str, extra: str, *, called: str | None = None) -> Any:
    """Return a module of a package that comes with an extra alone; typed loosely, as it may be missing.

    Args:
        module: to import.
        extra: of this package, which brings it.
        called: what people call the package; ``module`` unless given.

    Raises:
        ArcAffinityError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        said = f"{called or module} is not installed; pip install 'arc-affinity[{extra}]' brings it"
        raise ArcAffinityError(said) from error
