"""``doctor`` tells versions, machine, datasets and weights, and fails where what comes with the package is damaged."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from arc_affinity.cli import doctor
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.storage import folders, names


def test_everything_is_told(cli, tmp_path: Path) -> None:
    done = cli("doctor", "--json", "--data-dir", tmp_path)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["versions"]["torch"] == version("torch")
    assert None not in found["versions"].values()
    assert found["datasets"]["arc-agi-1/evaluation"].startswith("400 tasks, edition ")
    assert found["datasets"]["arc-agi-2/evaluation"] == "not here; arc-affinity data fetch arc-agi-2"
    assert set(found["weights"]) == {*folders.bundled_models(), "solver-small", "classifier of grids"}
    assert set(found["weights"].values()) == {"intact"}
    assert found["machine"]["GPU"] == "none"


def test_damaged_weights_are_found(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folders.ZOO / "rotary", tmp_path / "rotary")
    weights = tmp_path / "rotary" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    monkeypatch.setattr(folders, "ZOO", tmp_path)
    monkeypatch.setattr(names, "ZOO", tmp_path)
    done = cli("doctor", "--data-dir", tmp_path)
    assert done.code == 1
    assert "bundled weights are damaged: rotary; install the package again" in done.err
    assert "classifier of grids intact" in " ".join(done.out.split())


def test_what_is_not_installed_or_damaged_is_told(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> str:
        if name == "pooch":
            raise PackageNotFoundError(name)
        return version(name)

    def tasks(name: str, folder: Path) -> tuple[()]:
        raise ArcAffinityError(f"{name} is damaged")

    monkeypatch.setattr(doctor, "version", found)
    monkeypatch.setattr(doctor, "load_tasks", tasks)
    versions, states = doctor._versions(), doctor._datasets(tmp_path)
    assert versions["pooch"] is None and versions["torch"] == version("torch") and "pytest" not in versions
    assert states["re-arc"] == "generated" and states["arc-agi-1/training"] == "arc-agi-1/training is damaged"
