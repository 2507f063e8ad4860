"""Who answers a task: the specialist in a folder, one a task, an adapter or a whole model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting import writing
from arc_affinity.models.storage.names import ADAPTER_CONFIG, CONFIG


def network(pairs: int, device: str = "cpu") -> Any:
    moved: list[str] = []
    config = SimpleNamespace(context_pairs=pairs)
    return SimpleNamespace(config=config, device=device, moved=moved, to=moved.append)


def loaded(pairs: int, digest: str = "0123", device: str = "cpu") -> Any:
    return SimpleNamespace(name="base", model=network(pairs, device), digest=digest)


def test_a_folder_is_one_specialist_or_has_one_a_task(tmp_path: Path) -> None:
    for name, file in (("a", ADAPTER_CONFIG), ("b", CONFIG), ("c", "other.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    wanted = {"a": tmp_path / "a", "b": tmp_path / "b", "c": None, "d": None}
    assert writing.specialists_in(tmp_path, "abcd") == wanted
    with pytest.raises(ArcAffinityError, match="holds no adapter, and none for a task asked for"):
        writing.specialists_in(tmp_path, "cd")
    assert writing.specialists_in(tmp_path / "a", "xy") == {"x": tmp_path / "a", "y": tmp_path / "a"}


def test_a_whole_model_answers_where_the_base_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loaded(3, "4567")
    monkeypatch.setattr(writing, "find_model", lambda name: whole)
    assert writing.specialist(loaded(3, device="meta"), tmp_path) is whole
    assert whole.model.moved == ["meta"]
    assert writing._digest(loaded(3), tmp_path) == "4567"
    with pytest.raises(ArcAffinityError, match="looks at 3 demonstrations, base at 2"):
        writing.specialist(loaded(2), tmp_path)
