"""``doctor`` tells versions, machine, datasets and weights, and fails where what comes with the package is damaged."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from arc_affinity.cli import doctor
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.pair_transformer import storage
from arc_affinity.models.storage import folders, names
from arc_affinity.types import Task


def test_everything_is_told(cli, tmp_path: Path) -> None:
    done = cli("doctor", "--json", "--data-dir", tmp_path)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["versions"]["torch"] == version("torch")
    assert None not in found["versions"].values()
    assert found["datasets"]["arc-agi-1/evaluation"].startswith("400 tasks, edition ")
    assert found["datasets"]["arc-agi-2/evaluation"] == "not here; arc-affinity data fetch arc-agi-2"
    assert set(found["weights"]) == {*folders.bundled_models(), "solver-small", "classifier of grids"}
    assert set(found["weights"].values()) == set(found["examples"].values()) == {"intact"}
    assert found["machine"]["GPU"] == "none"


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models that come with the package, to be harmed."""
    shutil.copytree(folders.ZOO, tmp_path / "zoo")
    for module in (folders, names, storage):
        monkeypatch.setattr(module, "ZOO", tmp_path / "zoo")
    return tmp_path / "zoo"


@pytest.mark.parametrize("name", ["rotary", "solver-small"])
@pytest.mark.parametrize("how", ["a bit turned", "no configuration", "no folder"])
def test_damaged_or_missing_models_are_found(cli, tmp_path: Path, zoo: Path, name: str, how: str) -> None:
    if how == "no folder":
        shutil.rmtree(zoo / name)
    elif how == "no configuration":
        (zoo / name / "config.json").unlink()
    else:
        weights = zoo / name / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(bytes(content))
    done = cli("doctor", "--data-dir", tmp_path)
    assert (done.code, done.err) == (1, f"error: damaged or missing: {name}; install the package again\n")
    told = " ".join(done.out.split())
    assert "classifier of grids intact" in told and "champion intact" in told and f" {name} intact" not in told


def test_damaged_examples_are_found(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(doctor.HELD_OUT.read_bytes())
    content[len(content) // 2] ^= 1
    other = tmp_path / doctor.HELD_OUT.name
    monkeypatch.setattr(doctor, "HELD_OUT", other)
    for held in (None, content):
        if held is not None:
            other.write_bytes(held)
        done = cli("doctor", "--data-dir", tmp_path, "--json")
        assert done.code == 1 and "damaged or missing: foundational-held-out; install" in done.err
        assert json.loads(done.out)["examples"]["foundational-held-out"] != "intact"


def test_what_is_not_installed_is_told(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> str:
        if name == "pooch":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(doctor, "version", found)
    done = cli("doctor", "--data-dir", tmp_path, "--json")
    assert done.code == 1 and "damaged or missing: pooch; install" in done.err
    versions = json.loads(done.out)["versions"]
    assert versions["pooch"] is None and versions["torch"] == version("torch") and "pytest" not in versions


def test_a_part_that_needs_what_is_not_installed_is_told_beside_the_others(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = cli("doctor", "--data-dir", tmp_path, "--json")
    assert done.code == 1 and done.err.startswith("error: damaged or missing: torch")
    told = json.loads(done.out)
    assert told["machine"]["torch"].startswith("cannot be looked at without it")
    assert told["datasets"]["arc-agi-1/training"].startswith("400 tasks")


def test_installed_datasets_must_be_whole_and_those_of_the_user_need_not(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mini-arc").mkdir()
    (tmp_path / "mini-arc" / "a.json").write_text("{")
    done = cli("doctor", "--data-dir", tmp_path, "--json")
    assert done.code == 0 and "not JSON" in json.loads(done.out)["datasets"]["mini-arc"]

    def tasks(name: str, folder: Path) -> tuple[Task, ...]:
        if name == "arc-agi-1/training":
            raise ArcAffinityError(f"{name} is damaged")
        return load_tasks(name, folder)[name == "arc-agi-1/evaluation" :]

    monkeypatch.setattr(doctor, "load_tasks", tasks)
    done = cli("doctor", "--data-dir", tmp_path, "--json")
    assert done.code == 1 and "missing: arc-agi-1/training, arc-agi-1/evaluation; install" in done.err
    told = json.loads(done.out)["datasets"]
    assert told["re-arc"] == "generated" and told["arc-agi-1/training"] == "arc-agi-1/training is damaged"
    assert told["arc-agi-1/evaluation"].startswith("399 tasks")
