"""Which room may import which, and who may import torch, parse, print or read the environment.

Imports inside functions count too: what is lazy is still a dependency.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "arc_affinity"
SOURCE = Path(__file__).parents[1] / "src" / PACKAGE

EVERYONE = ("errors", "locks", "files", "documents", "processes", "statistics")
"""Leaves that every room may import; they import nothing but each other."""

MAY_IMPORT = {
    "errors": (),
    "locks": ("errors",),
    "files": ("errors", "locks"),
    "documents": ("errors",),
    "processes": (),
    "statistics": ("errors",),
    "types": (),
    "drawing": ("types", "drawing"),
    "data": ("types", "data"),
    "models": ("types", "data", "models"),
    "search": ("types", "data", "search"),
    "evaluation": ("types", "data", "models", "search", "evaluation"),
    "training": ("types", "data", "models", "search", "evaluation", "training"),
    "taxonomy": ("types", "data", "search", "models.parts", "taxonomy"),
    "diagnosis": ("types", "drawing", "evaluation.records", "evaluation.scoring", "taxonomy.categories", "diagnosis"),
    "paper": ("evaluation.scoring", "taxonomy", "diagnosis", "paper"),
    "notebook": (
        *("types", "drawing", "data", "models", "search", "evaluation", "training"),
        *("taxonomy", "diagnosis", "notebook"),
    ),
    "__main__": ("cli",),
    "cli": (
        *("types", "drawing", "data", "models", "search", "evaluation", "training"),
        *("taxonomy", "diagnosis", "paper", "cli"),
    ),
}
"""Rooms (or single modules) that a room may import, besides ``EVERYONE``."""

WITHOUT_TORCH = (
    "types",
    "data.datasets",
    "data.splits",
    "evaluation.scoring",
    "evaluation.records",
    "evaluation.submission",
    "evaluation.predicting.voting",
    "diagnosis",
    "paper",
    "drawing",
    "search",
    "taxonomy.categories",
    "training.recipes",
    "cli.main",
)
"""Modules, or rooms, that work where torch is not installed."""

HIDE_TORCH = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""
"""Makes Python think that torch is not installed; None in sys.modules would not do, as scipy looks in there itself."""

TORCH = {"torch", "lightning", "pytorch_lightning", "torchmetrics", "safetensors.torch"}
PARSERS = {"argparse", "cyclopts", "click", "getopt", "rich"}


def modules() -> dict[str, Path]:
    """Every module of the package by its name below the package ("data.datasets"; "" is the package itself)."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


def imported(name: str) -> set[str]:
    """Full names that a module imports anywhere; ``from a import b`` gives ``a.b`` and ``a``."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import in line {node.lineno}; the project uses full names"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(name: str) -> set[str]:
    """Modules of the package that a module imports, by their names below the package."""
    below = {each.removeprefix(f"{PACKAGE}.") for each in imported(name) if each.startswith(f"{PACKAGE}.")}
    return {each for each in below if each in MODULES}


def is_within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def parents(name: str) -> set[str]:
    """The packages above a module, which Python imports before it."""
    parts = name.split(".")
    return {".".join(parts[:depth]) for depth in range(len(parts))}


def closure(name: str) -> set[str]:
    """Every module of the package that comes along when ``name`` is imported."""
    reached: set[str] = set()
    waiting = {name}
    while waiting:
        current = waiting.pop()
        reached.add(current)
        waiting |= (own(current) | parents(current)) - reached
    return reached


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_imports_go_one_way(name: str) -> None:
    room = name.split(".")[0]
    assert room in MAY_IMPORT, f"{room} is no room of the design"
    # A package above an imported module is named too ("evaluation" for "evaluation.records"): judge the leaf.
    targets = {each for each in own(name) if not any(other.startswith(f"{each}.") for other in own(name))}
    allowed = MAY_IMPORT[room] + (() if room in EVERYONE else EVERYONE)
    wrong = sorted(each for each in targets if not is_within(each, allowed))
    assert not wrong, f"{name} imports {wrong}; {room} may import {sorted(allowed)}"


def test_the_package_itself_imports_nothing() -> None:
    assert own("") == set()


@pytest.mark.parametrize("name", [name for name in MODULES if is_within(name, WITHOUT_TORCH)])
def test_modules_without_torch(name: str) -> None:
    for each in sorted(closure(name)):
        heavy = sorted(other for other in imported(each) if other in TORCH or other.split(".")[0] in TORCH)
        assert not heavy, f"{name} brings {each}, which imports {heavy}"


def test_modules_without_torch_import_where_it_is_missing() -> None:
    names = [f"{PACKAGE}.{name}" for name in MODULES if is_within(name, WITHOUT_TORCH)]
    script = f"{HIDE_TORCH}\nimport {', '.join(names)}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in MODULES if not is_within(name, ("cli",))])
def test_only_the_command_line_parses_prints_and_reads_the_environment(name: str) -> None:
    assert not {each.split(".")[0] for each in imported(name)} & PARSERS
    assert not imported(name) & {"os.environ", "os.getenv", "sys.argv"}
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"print", "input"}
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    reads = {f"{node.value.id}.{node.attr}" for node in attributes if isinstance(node.value, ast.Name)}
    assert not reads & {"os.environ", "os.getenv", "sys.argv", "sys.stdout", "sys.stderr"}
