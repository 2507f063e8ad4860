"""Examples that no adapter has seen are made once, and opened by the next run."""

from __future__ import annotations

from pathlib import Path

import merged_adapters
import pytest
from merged_adapters import ASKED, unseen

from arc_affinity.data.generation.rearc import generate_task, input_key
from arc_affinity.data.store.examples import write_store

TASK = "d511f180"


def test_unseen_examples_are_made_once_and_then_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged_adapters, "SEEN", 7)
    made = unseen(TASK, tmp_path)
    known = {input_key(pair.input) for pair in generate_task(TASK, 7).pairs}
    assert len(made) == ASKED and known.isdisjoint(input_key(made.pair(i).input) for i in range(ASKED))
    monkeypatch.setattr(merged_adapters, "generate_task", None)
    assert unseen(TASK, tmp_path).edition == made.edition
    monkeypatch.setattr(merged_adapters, "SEEN", 11)
    with pytest.raises(SystemExit, match=f"{TASK} holds other examples"):
        unseen(TASK, tmp_path)


def test_a_store_of_another_origin_is_not_taken(tmp_path: Path) -> None:
    write_store(tmp_path / TASK, {TASK: generate_task(TASK, 2).pairs})
    with pytest.raises(SystemExit, match="holds other examples"):
        unseen(TASK, tmp_path)
