"""The page ``docs/cli.md``, made from what ``--help`` says; run with the file to write."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from arc_affinity.cli.main import COMMANDS, build_app, whole_help
from arc_affinity.files import write_text

WIDTH = 100
"""Columns of the help pages in the document."""

INTRODUCTION = """\
# The command line

Made by `make docs` from what `--help` says; a test holds the two equal.

Exit codes: 0 done; 1 the work failed or the data is bad; 2 the command line is wrong; 130 interrupted.
Whatever went wrong is told in one line on stderr, and `--debug`, anywhere in the command line, adds the
traceback.
"""


def help_page(tokens: list[str]) -> str:
    """Return what ``arc-affinity TOKENS --help`` prints, without colours."""
    written = io.StringIO()
    app = build_app()
    whole_help(app, tokens)
    console = Console(file=written, width=WIDTH, color_system=None, legacy_windows=False)
    app.help_print(tokens, console=console)
    return "\n".join(line.rstrip() for line in written.getvalue().strip().splitlines())


def reference() -> str:
    """Return the whole of ``docs/cli.md``."""
    sections = [INTRODUCTION]
    for words in ["", *(words for words, _, _ in COMMANDS)]:
        title = f"arc-affinity {words}".strip()
        sections.append(f"## {title}\n\n```text\n{help_page(words.split())}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), reference())
