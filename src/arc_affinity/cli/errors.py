"""How the command line fails: one line on stderr and an exit code, a traceback only with ``--debug``."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from cyclopts import CycloptsError, UnknownCommandError, UnusedCliTokensError

from arc_affinity.errors import ArcAffinityError, UsageError, unknown
from arc_affinity.text import printable

FAILED = 1
"""Exit code when the work failed or the data is bad."""

USAGE = 2
"""Exit code when the command line is wrong."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the signal's number, as shells count."""


@dataclass
class Outcome:
    """Exit code of a command; 0 until something goes wrong."""

    code: int = 0


@contextlib.contextmanager
def tell(debug: bool, words: Sequence[str]) -> Iterator[Outcome]:
    """Turn the known errors of a block into one line on stderr and an exit code.

    Args:
        debug: print the traceback as well.
        words: the known commands ("data list"), to suggest the nearest to an unknown one.
    """
    outcome = Outcome()
    try:
        yield outcome
    except BrokenPipeError:
        # The reader (such as head) is gone; Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        outcome.code = FAILED
    except (ArcAffinityError, CycloptsError, OSError, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        outcome.code = USAGE if isinstance(error, CycloptsError | UsageError) else FAILED
        if isinstance(error, KeyboardInterrupt):
            outcome.code = INTERRUPTED
        _say(_message(error, words))


@contextlib.contextmanager
def wrong_usage(flag: str = "") -> Iterator[None]:
    """Tell what a block finds wrong as wrong usage: it looks at nothing but what the command line says.

    Args:
        flag: named before the message, where the message would not tell whose value is meant.

    Raises:
        UsageError: in place of an `ArcAffinityError`.
    """
    try:
        yield
    except ArcAffinityError as error:
        raise UsageError(f"{flag}: {error}" if flag else str(error)) from error


def in_one_line(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """Say an unexpected error in one line; takes the place of ``sys.excepthook``."""
    cause = error.__cause__ or error
    _say(f"{type(cause).__name__}: {cause} (unexpected; --debug shows the traceback)")


def split_flag(arguments: Sequence[str], *names: str) -> tuple[bool, list[str]]:
    """Return whether a flag that every command takes stands anywhere before a ``--``, and the other arguments."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    others = [word for word in arguments[:end] if word not in names]
    return len(others) < end, [*others, *arguments[end:]]


def _message(error: BaseException, words: Sequence[str]) -> str:
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    if isinstance(error, CycloptsError):
        return _usage(error, words)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _usage(error: CycloptsError, words: Sequence[str]) -> str:
    """The line for a wrong command line, with the page that says how it is right."""
    chain = list(error.command_chain or ())
    page = " ".join(["arc-affinity", *chain, "--help"])
    return f"{_wrong(error, chain, words).rstrip('.')} (see {page})"


def _wrong(error: CycloptsError, chain: list[str], words: Sequence[str]) -> str:
    if isinstance(error, UnknownCommandError):
        # The library's own message would import every command to suggest one.
        token = (error.unused_tokens or [""])[0]
        if token.startswith("-"):
            return str(unknown("flag", token, ("--help", "--version", "--debug", "--quiet")))
        depth = len(chain)
        known = {each.split()[depth] for each in words if each.split()[:depth] == chain}
        return str(unknown("command", token, known))
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected argument {(error.unused_tokens or [''])[0]!r}"
    return str(error)


def _say(message: str) -> None:
    """Print one line on stderr, whatever line breaks the message holds."""
    # Where stderr cannot be written either, the exit code says it alone.
    with contextlib.suppress(OSError):
        print("error:", printable(re.sub(r"\s*[\r\n]+\s*", " ", message.strip())), file=sys.stderr, flush=True)
