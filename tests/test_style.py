"""The style rules that a machine can see and ruff does not look for (CONTRIBUTING.md, "Style")."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def functions() -> list[tuple[Path, Function]]:
    return [(path, node) for path in SOURCES for node in nodes(path) if isinstance(node, Function)]


def length(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def depth(node: ast.AST, level: int = 0) -> int:
    """How deep blocks are nested in a function, an elif counting as its if and inner functions apart."""
    deepest = level
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, depth(child, level + (isinstance(child, NESTING) and not is_elif)))
    return deepest


def test_a_function_is_one_screen() -> None:
    assert not [f"{path}, {each.name}: {length(each)} lines" for path, each in functions() if length(each) > 100]
    assert not [f"{path}, {each.name}: {depth(each)} deep" for path, each in functions() if depth(each) > 3]


def test_most_functions_are_short() -> None:
    lengths = [length(each) for _, each in functions()]
    assert statistics.median(lengths) <= 15
    assert statistics.quantiles(lengths, n=20)[-1] < 50


def test_no_hasattr_and_no_path_edits() -> None:
    named = {path: {node.id for node in nodes(path) if isinstance(node, ast.Name)} for path in SOURCES}
    assert not [str(path) for path, names in named.items() if "hasattr" in names]
    assert not [str(path) for path in SOURCES if "sys.path" in path.read_text(encoding="utf-8")]


CHANGING = {
    "candidates/collecting.Answers",
    "cli/errors.Outcome",
    "joint/trainer.Trainer",
    "models/encoder_decoder.EncoderOutput",
    "report/outputs.Output",
    "report/outputs.Pictures",
    "search/compose.Finished",
}
"""Dataclasses that change while something is worked out; all others are values."""


def test_values_are_frozen() -> None:
    classes = [(path, node) for path in SOURCES for node in nodes(path) if isinstance(node, ast.ClassDef)]
    changing = {
        f"{path.parent.name}/{path.stem}.{node.name}"
        for path, node in classes
        for each in map(ast.unparse, node.decorator_list)
        if each.startswith("dataclass") and "frozen=True" not in each
    }
    assert changing == CHANGING


def test_no_path_of_one_machine_and_nothing_left_undone() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    local = re.compile(r"(?<![\w./:])/(?:home|root|tmp|Users)/\w")
    elsewhere = re.compile(r"\b(?:[Dd]ecision|[Ii]ssue) \d")
    beside = re.compile(r"\.\./shared\b|/ [\"']shared[\"']")  # tests may ask for it, and are skipped where it is not
    undone = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b")  # in brackets so as not to find itself
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if path.suffix not in {".py", ".md", ".toml", ".sh", ".txt", ".ipynb"} or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not local.search(line), f"{name}:{number}: a path of one machine"
            assert not undone.search(line), f"{name}:{number}: left undone"
            assert not elsewhere.search(line), f"{name}:{number}: refers to a document outside of the tree"
            in_tests = name.startswith("tests/")
            assert in_tests or not beside.search(line), f"{name}:{number}: refers to a folder beside the tree"
