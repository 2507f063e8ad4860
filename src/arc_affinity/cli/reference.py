"""The pages ``docs/cli.md``, made from what ``--help`` says, and ``docs/recipe.md``, made from a recipe's own fields.

Run with the files to write, in this order; the second may be left out.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from docstring_parser import parse  # cyclopts reads the help with it
from rich.console import Console

from arc_affinity.cli.main import COMMANDS, build_app, whole_help
from arc_affinity.files import write_text
from arc_affinity.models.config import ModelConfig
from arc_affinity.training.recipes.recipe import RECIPES, Recipe

WIDTH = 100
"""Columns of the help pages in the document."""

INTRODUCTION = """\
# The command line

Made by `make docs` from what `--help` says; a test holds the two equal.

Exit codes: 0 done; 1 the work failed or the data is bad; 2 the command line is wrong; 130 interrupted.
Whatever went wrong is told in one line on stderr, and `--debug`, anywhere in the command line, adds the
traceback.
"""

RECIPE = """\
# Every field of a recipe

Made by `make docs` from the fields themselves; a test holds the two equal. [Train a model](training.md) shows recipes
at work. Every field but the name is a flag of `train` too: `--learning-rate 1e-3`, and `--model.width 96` for one of
the network.
"""

FAR = 2**31
"""From where on a bound is not told."""

NETWORK = "In the table `[model]`.\n"


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


def recipe_page() -> str:
    """Return the whole of ``docs/recipe.md``."""
    tables = ["## The run\n", *_fields(Recipe), "\n## The network\n", NETWORK, *_fields(ModelConfig)]
    named = [f"### {name}\n\n```toml\n{_toml(recipe)}\n```\n" for name, recipe in RECIPES.items()]
    return "\n".join([RECIPE, *tables, "\n## The named recipes\n", "What differs from the defaults.\n", *named])


def _fields(kind: type[Recipe | ModelConfig]) -> Iterator[str]:
    """The lines of a table of the fields that hold plain values."""
    meant = {each.arg_name: each.description or "" for each in parse(kind.__doc__ or "").params}
    hints = get_type_hints(kind, include_extras=True)
    yield "| field | kind | default | meaning |\n|---|---|---|---|"
    for field in fields(kind):
        if field.name != "model":
            default = "" if field.default is MISSING else f"`{json.dumps(field.default)}`"
            meaning = " ".join(meant[field.name].split())
            yield f"| `{field.name}` | {_kind(hints[field.name])} | {default} | {meaning} |"


def _kind(hint: Any) -> str:
    """The kind of a field in words, with its bounds."""
    if get_origin(hint) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(hint))
    if get_origin(hint) is tuple:
        return "list of `[tokens, validations]`"
    if get_origin(hint) is not Annotated:
        return {str: "text", bool: "`true` or `false`"}[hint]
    of, limits = get_args(hint)
    bounds = ((limits.ge, "from {}"), (limits.le, "to {}"), (limits.lt, "below {}"))
    # Bounds against nonsense would only be in the way here.
    told = [words.format(f"{bound:,}") for bound, words in bounds if bound is not None and bound < FAR]
    return " ".join(["whole number" if of is int else "number", *told])


def _toml(recipe: Recipe) -> str:
    """The fields of a recipe that are not the defaults, as a recipe file has them."""
    lines = [f"name = {json.dumps(recipe.name)}"]
    for values, below, head in ((recipe, Recipe("name"), ""), (recipe.model, ModelConfig(), "\n[model]")):
        names = (field.name for field in fields(values) if field.name not in ("name", "model"))
        changed = [name for name in names if getattr(values, name) != getattr(below, name)]
        # A JSON string, number, boolean or list is TOML as well.
        lines += [head] * bool(head and changed)
        lines += [f"{name} = {json.dumps(getattr(values, name))}" for name in changed]
    return "\n".join(lines)


if __name__ == "__main__":
    for path, page in zip(sys.argv[1:], (reference, recipe_page), strict=False):
        write_text(Path(path), page())
