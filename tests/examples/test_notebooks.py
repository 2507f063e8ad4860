"""The notebooks run from top to bottom and say what they promise."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def cells(path: Path) -> list[str]:
    """The code of each cell."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]


def run(path: Path) -> list[Any]:
    """What each cell shows: its last line's value."""
    space: dict[str, Any] = {}
    shown = []
    for code in cells(path):
        *body, last = ast.parse(code).body
        assert isinstance(last, ast.Expr), f"a cell of {path.name} shows nothing"
        exec(compile(ast.Module(body, []), path.name, "exec"), space)
        shown.append(eval(compile(ast.Expression(last.value), path.name, "eval"), space))
    return shown


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_kept_without_its_output(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.many_steps
def test_first_steps() -> None:
    drawn, _, pictures, solved, programs, kinds = run(EXAMPLES / "first_steps.ipynb")
    assert drawn._repr_html_().count("<svg") > 8 and "attempt 1" in pictures._repr_html_()
    assert solved.solved.over_tasks == 1
    assert {source for _, source, _ in programs} == {"search"} and all(program for *_, program in programs)
    assert len(kinds) == 2 and "<table>" in kinds._repr_html_()
