"""Which room may import which, and who may import torch, parse, print or read the environment.

Imports inside functions count too: what is lazy is still a dependency.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

PACKAGE = "arc_affinity"
SOURCE = Path(__file__).parents[1] / "src" / PACKAGE

EVERYONE = ("errors", "locks", "files", "documents", "processes", "statistics", "text")
"""Leaves that every room may import; they import nothing but each other."""

MAY_IMPORT = {
    "errors": (),
    "locks": ("errors",),
    "files": ("errors", "locks"),
    "documents": ("errors", "documents"),
    "processes": ("errors",),
    "statistics": ("errors", "statistics"),
    "text": (),
    "types": (),
    "drawing": ("types", "drawing"),
    "data": ("types", "data"),
    "models": ("types", "data", "models"),
    "search": ("types", "data", "search"),
    "evaluation": ("types", "data", "models", "search", "evaluation"),
    "training": ("types", "data", "models", "search", "evaluation", "training"),
    "taxonomy": ("types", "data", "search", "models.parts", "taxonomy"),
    "diagnosis": ("types", "drawing", "evaluation.records", "evaluation.scoring", "taxonomy.categories", "diagnosis"),
    "paper": ("drawing", "evaluation.scoring", "taxonomy", "diagnosis", "paper"),
    "notebook": (
        *("types", "drawing", "data", "models", "search", "evaluation", "training"),
        *("taxonomy", "diagnosis", "paper", "notebook"),
    ),
    "__main__": ("cli",),
    "cli": (
        *("types", "drawing", "data", "models", "search", "evaluation", "training"),
        *("taxonomy", "diagnosis", "paper", "notebook", "cli"),
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

TORCH = ("torch", "lightning", "pytorch_lightning", "torchmetrics", "safetensors.torch")
PARSERS = {"argparse", "cyclopts", "click", "getopt", "rich"}


def modules() -> dict[str, Path]:
    """Every module of the package by its name below the package ("data.datasets"; "" is the package itself)."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


@cache
def nodes(name: str) -> list[ast.AST]:
    """Everything that a module is written of."""
    return list(ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))))


@cache
def imported(name: str) -> set[str]:
    """Full names that a module imports anywhere; ``from a import b`` gives ``a.b`` and ``a``."""
    found = set()
    for node in nodes(name):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import in line {node.lineno}; the project uses full names"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
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


def test_imports_go_one_way() -> None:
    wrong = []
    for name in filter(None, MODULES):
        room = name.split(".")[0]
        assert room in MAY_IMPORT, f"{room} is no room of the design"
        # A package above an imported module is named too ("evaluation" for "evaluation.records"): judge the leaf.
        targets = {each for each in own(name) if not any(other.startswith(f"{each}.") for other in own(name))}
        allowed = MAY_IMPORT[room] + (() if room in EVERYONE else EVERYONE)
        wrong += [f"{name} imports {each}" for each in sorted(targets) if not is_within(each, allowed)]
    assert not wrong


def test_the_package_itself_imports_nothing() -> None:
    assert own("") == set()


def test_modules_without_torch() -> None:
    wrong = []
    for name in MODULES:
        if is_within(name, WITHOUT_TORCH):
            heavy = {each for each in closure(name) if any(is_within(full, TORCH) for full in imported(each))}
            wrong += [f"{name} brings {each}, which imports torch" for each in sorted(heavy)]
    assert not wrong


def test_modules_without_torch_import_where_it_is_missing() -> None:
    names = [f"{PACKAGE}.{name}" for name in MODULES if is_within(name, WITHOUT_TORCH)]
    script = f"{HIDE_TORCH}\nimport {', '.join(names)}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_command_line_parses_prints_and_reads_the_environment() -> None:
    wrong = []
    for name in MODULES:
        if is_within(name, ("cli",)):
            continue
        imports = imported(name)
        # Grids on a terminal are text of rich, which only the command line prints.
        parsers = PARSERS - {"rich"} if name == "drawing.terminal" else PARSERS
        found = {each.split(".")[0] for each in imports} & parsers | imports & {"os.environ", "os.getenv", "sys.argv"}
        for node in nodes(name):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found |= {node.func.id} & {"print", "input"}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                streams = {"os.environ", "os.getenv", "sys.argv", "sys.stdout", "sys.stderr"}
                found |= {f"{node.value.id}.{node.attr}"} & streams
        wrong += [f"{name}: {each}" for each in sorted(found)]
    assert not wrong
