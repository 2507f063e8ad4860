"""What pyproject.toml promises of other packages is what `make lowest` tries."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
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


def test_the_wheel_alone_has_all_that_the_commands_need(tmp_path: Path) -> None:
    """Built from a copy and installed by itself: no file of the checkout can stand in for one that it lacks."""
    copy, alone = tmp_path / "copy", tmp_path / "alone"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, copy]
    offline = [] if importlib.util.find_spec("setuptools") is None else ["--no-build-isolation"]
    subprocess.run([*command, *offline], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 30e6
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*install, "--target", alone, wheel], check=True, capture_output=True)
    there, kept = (
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        for folder in (copy / "src" / "arc_affinity", alone / "arc_affinity")
    )
    assert there == kept
    started = {**os.environ, "PYTHONPATH": str(alone)}
    told = subprocess.run([alone / "bin" / "arc-affinity", "--version"], env=started, capture_output=True, text=True)
    assert told.stdout.startswith("arc-affinity ") and not told.returncode
    submission, page = tmp_path / "submission.json", tmp_path / "page.html"
    submission.write_text(json.dumps({"00576224": [{"attempt_1": [[3]], "attempt_2": [[3]]}]}))
    run_alone(
        alone,
        "diagnose",
        str(submission),
        "--dataset",
        "arc-agi-1/evaluation",
        "--tasks",
        "00576224",
        "--out",
        str(page),
    )
    assert "00576224" in page.read_text(encoding="utf-8")


def run_alone(folder: Path, *words: str) -> None:
    """Run a command of the package in ``folder``; what is installed or checked out is not found."""
    script = (
        "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); import arc_affinity; "
        "assert arc_affinity.__file__.startswith(sys.path[0]), arc_affinity.__file__; "
        "runpy.run_module('arc_affinity', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-P", "-c", script, str(folder), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
