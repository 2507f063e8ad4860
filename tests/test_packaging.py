"""What pyproject.toml promises of other packages is what `make lowest` tries."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def requirements(lines: list[str]) -> dict[str, str]:
    """The least release of each package; each line must say one."""
    found = {}
    for line in lines:
        named = re.match(r"([a-z][a-z0-9_-]*)(?:>=|==)([0-9.]+)", line)
        assert named, f"{line} names no least release"
        found[named[1]] = named[2]
    return found


def test_the_oldest_releases_are_those_that_are_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    promised = requirements(project["dependencies"])
    tried = requirements([line for line in lines if not line.startswith("#")])
    assert tried.keys() == promised.keys()
    for name, least in promised.items():
        parts, exact = least.split("."), tried[name].split(".")
        assert exact[: len(parts)] == parts and not any(int(part) for part in exact[len(parts) :]), name


def test_no_release_is_tried_that_the_usual_constraints_forbid_the_next_of() -> None:
    """The usual constraints are at least what is promised."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    usual = requirements([line for line in lines if not line.startswith("#")])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, least in requirements(project["dependencies"]).items():
        assert tuple(map(int, usual.get(name, least).split("."))) >= tuple(map(int, least.split("."))), name
