"""One rule for the tasks that a command is told of: ids, files of ids, paths of task files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arc_affinity.data.datasets.choosing import choose_ids, choose_tasks, read_ids, task_named
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.errors import ArcAffinityError

PAIR = {"input": [[1]], "output": [[2]]}
TASK = {"train": [PAIR], "test": [PAIR]}


def test_ids_in_the_order_they_are_named() -> None:
    assert choose_ids(("a", "b", "c"), ()) == ("a", "b", "c")
    assert choose_ids(("a", "b", "c"), ("c", "a", "c")) == ("c", "a")


def test_a_file_of_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("c\na  b\n")
    Path("list.json").write_text('["c", "b"]')
    Path("b").write_text("c")
    assert read_ids(Path("words.txt")) == ("c", "a", "b")
    assert choose_ids(("a", "b", "c"), ("list.json", "a")) == ("c", "b", "a")
    assert choose_ids(("a", "b", "c"), ("b",)) == ("b",), "an id, whatever file is called so"
    Path("bad.json").write_text('["../x"]')
    with pytest.raises(ArcAffinityError, match="bad.json"):
        choose_ids(("a",), ("bad.json",))


def test_a_file_of_ids_that_is_not_there_is_told_as_one() -> None:
    for name in ("ids.txt", "mine/ids"):
        with pytest.raises(ArcAffinityError, match=f"^{name} is no id of a task, and there is no such file of ids$"):
            choose_ids(["a", "b"], ["a", name])


@pytest.mark.parametrize("content", ["", " \n", "[]", "\ufeff"])
def test_a_file_without_ids_does_not_stand_for_all(tmp_path: Path, content: str) -> None:
    (tmp_path / "ids").write_text(content)
    with pytest.raises(ArcAffinityError, match="ids names no task"):
        choose_ids(("a", "b"), (str(tmp_path / "ids"), "a"))


@pytest.mark.parametrize("content", ['["c", "b"]', "c b"])
def test_a_mark_of_the_byte_order_is_no_part_of_the_ids(tmp_path: Path, content: str) -> None:
    (tmp_path / "ids").write_text(content, encoding="utf-8-sig")
    assert read_ids(tmp_path / "ids") == ("c", "b")


def test_an_unknown_id_is_told_with_the_dataset_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "concept-arc").mkdir()
    (tmp_path / "concept-arc" / "Count1.json").write_text(json.dumps(TASK))
    (tmp_path / "arc-agi-2" / "training").mkdir(parents=True)
    (tmp_path / "arc-agi-2" / "training" / "damaged.json").write_text("{")
    for task_id, where in (("00576224", "arc-agi-1/evaluation"), ("Count1", "concept-arc")):
        with pytest.raises(ArcAffinityError, match=f"unknown task '{task_id}' here; {where} has it"):
            choose_ids(("c0f76784",), (task_id,), tmp_path)
    with pytest.raises(ArcAffinityError, match="unknown task '00576225'; did you mean '00576226'"):
        choose_ids(("00576226",), ("00576225",), tmp_path)


def test_tasks_keep_their_order(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.json").write_text(json.dumps(TASK))
    known = load_tasks(str(tmp_path))
    assert [task.id for task in choose_tasks(known, ("c", "a"))] == ["a", "c"]
    assert choose_tasks(known, ()) == known


def test_a_task_by_id_or_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(TASK))
    assert task_named(str(tmp_path / "a.json")).id == "a"
    assert task_named("00576224", data_dir=tmp_path).dataset == "arc-agi-1/evaluation"
    (tmp_path / "two.json").write_text(json.dumps({"a": TASK, "b": TASK}))
    with pytest.raises(ArcAffinityError, match="two.json holds 2 tasks; name one of them"):
        task_named(str(tmp_path / "two.json"))
