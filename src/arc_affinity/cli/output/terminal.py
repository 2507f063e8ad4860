"""What is printed: text from outside stays text, letter by letter, and any terminal can show it."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import rich.console
from rich.text import Text

from arc_affinity.text import printable

WITHOUT = {"→": "->", "–": "-", "—": "-", "…": "...", "·": "-", "×": "x", "•": "*", "≥": ">=", "≤": "<=", "’": "'"}
"""What is shown in place of signs that a terminal's encoding lacks."""

ENCODING_ERRORS = "arc_affinity.plain"

MODEL_FILES = ("config.json", "model.safetensors", "README.md", "adapter_config.json", "adapter_model.safetensors")
"""Files of a model's or an adapter's folder."""


class Console(rich.console.Console):
    """A console that takes no words of a text for commands: no markup, no emoji codes, no control characters."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Return a text as it stands."""
        return super().render_str(printable(text, keep="\n"), **settings)


def say_path(console: rich.console.Console, before: str, path: Path | str, after: str = "") -> None:
    """Print the name of a file, all of it on one line."""
    console.print(Text(printable(f"{before}{path}{after}")), soft_wrap=True, highlight=False)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep progress, notes and warnings of the block off stderr; what it raises is told later, as always."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


def open_streams() -> None:
    """Give this process empty standard streams where it was started with closed ones, as services may be.

    A file that is opened would take the number of a closed one, and whatever libraries and children print would land
    in it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # In this order each gets its own number, the lowest that is free.
            handle = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(handle, True)
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))


def show_everywhere() -> None:
    """Let this process print what its terminal's encoding lacks by other signs, in place of failing."""
    codecs.register_error(ENCODING_ERRORS, _in_other_signs)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ENCODING_ERRORS)


def _in_other_signs(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    wrong = error.object[error.start : error.end]
    return "".join(WITHOUT.get(each) or each.encode("ascii", "backslashreplace").decode() for each in wrong), error.end


def model_files(names: Iterable[str | Path | None]) -> list[Path]:
    """Return the files that are read of models and adapters, as far as they are named by their places."""
    places = [Path(name) for name in names if name is not None]
    return [place / below / file for place in places for below in ("", "model") for file in MODEL_FILES] + places
