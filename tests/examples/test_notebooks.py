"""The notebooks run from top to bottom, with parameters that make them quick, and say what they promise."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
TASKS = ["00576224", "34b99a2b", "15696249", "af24b4cc", "626c0bcc", "ed98d772"]

pytestmark = pytest.mark.many_steps


@pytest.fixture(autouse=True)
def beside_the_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks find the files beside them, and write where no checkout is."""
    for path in EXAMPLES.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)


def code_cells(name: str) -> list[dict[str, Any]]:
    document = json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def run(name: str, **parameters: object) -> list[Any]:
    """What each cell shows, its last line's value, the cell tagged "parameters" set to ``parameters``."""
    space: dict[str, Any] = {}
    shown = []
    for cell in code_cells(name):
        *body, last = ast.parse("".join(cell["source"])).body
        if cell["metadata"].get("tags") == ["parameters"]:
            exec(compile(ast.Module([*body, last], []), name, "exec"), space)
            assert parameters.keys() <= space.keys()
            space.update(parameters)
            continue
        assert isinstance(last, ast.Expr), f"a cell of {name} shows nothing"
        exec(compile(ast.Module(body, []), name, "exec"), space)
        shown.append(eval(compile(ast.Expression(last.value), name, "eval"), space))
    return shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_kept_without_its_output(path: Path) -> None:
    assert path.stat().st_size < 10_000
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code_cells(path.stem))


@pytest.mark.slow
def test_first_steps() -> None:
    drawn, _, pictures, solved, programs, kinds = run("first_steps")
    assert drawn._repr_html_().count("<svg") > 8 and "attempt 1" in pictures._repr_html_()
    assert solved.solved.over_tasks == 1
    assert {source for _, source, _ in programs} == {"search"} and all(program for *_, program in programs)
    assert len(kinds) == 2 and "<table>" in kinds._repr_html_()


def test_solve_five_tasks() -> None:
    found = run("solve_five_tasks", ids=["00576224"], seconds=None, steps=1, views=1, workers=1)
    _, score, first, pictures, submission = found
    assert score.solved.over_tasks == 1 and all(right for _, right, _ in first)
    assert "attempt 2" in pictures.html and len(json.loads(submission.read_text())) == 1


def test_diagnose_a_submission() -> None:
    score, found, page, near, pictures = run("diagnose_a_submission", tasks=TASKS)
    assert len(score.by_task) == len(TASKS) and "6 tasks" in found.headline
    assert "00576224" in page.read_text(encoding="utf-8")
    assert set(near) <= set(TASKS) and "<svg" in pictures.html


def test_compare_two_solvers() -> None:
    *_, found, solved, pictures, page = run("compare_two_solvers", tasks=TASKS)
    assert any(" minus " in line for line in found.findings)
    assert solved["both"] + solved["search alone"] + len(solved["network alone"]) + solved["neither"] == len(TASKS)
    assert solved["search alone"] == 1 and solved["network alone"] == ["15696249", "af24b4cc"]
    assert "attempt 1, wrong" in pictures.html
    assert page.is_file()


@pytest.mark.slow
def test_train_and_adapt() -> None:
    changes = {"steps": 2, "validate_every": 2, "per_task": 2, "batch_cells": 1024, "model.width": 16}
    trained, _, specialist, pictures, score = run("train_and_adapt", changes=changes, steps=1, views=1)
    assert trained.metrics["val/loss"] > 0 and Path("out/smoke/metrics.csv").is_file()
    assert "after" in specialist._repr_html_() and "attempt 1" in pictures.html
    assert score.subject.model_digest == specialist.model.digest


def test_taxonomy() -> None:
    kinds, coded, agreed, differing, seen, pictures = run("taxonomy", count=20, unseen=3)
    assert len(kinds) == 9 and len(coded) == 5 and sum(seen.values()) == 3
    agreeing, judged = map(int, agreed.removesuffix(" agree").split(" of "))
    assert 0.5 * judged < agreeing <= judged == agreeing + len(differing) and "<svg" in pictures.html
