"""What a notebook is told when it lets a model or `solve` answer, and where that is computed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import arc_affinity as aa
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.storage.names import ZOO
from arc_affinity.notebook import answering
from arc_affinity.types import Pair, Task

pytestmark = pytest.mark.many_steps

GRID = np.array([[1, 2]], np.uint8)


def task(name: str) -> Task:
    return Task(name, (Pair(GRID, GRID + 1), Pair(GRID + 2, GRID + 3)), (Pair(GRID + 4, None),), "mine")


@pytest.mark.parametrize(("name", "seen"), [("007bbfb7", 1), ("new", 0)])
def test_tasks_that_the_base_was_trained_on_are_told(name: str, seen: int, caplog: pytest.LogCaptureFixture) -> None:
    solved = aa.solve([task(name)], steps=1, views=1, workers=1, sources="network")
    assert solved.summary["seen_by_base"] == seen
    assert [record.getMessage().partition(" before")[0] for record in caplog.records] == [
        "the base was trained on 1 of these tasks"
    ] * seen


def test_tests_that_a_model_was_trained_on_are_told(caplog: pytest.LogCaptureFixture) -> None:
    known = [each for each in aa.load_tasks("re-arc") if each.id in ("5daaa586", "00d62c1b")]
    aa.predict("rotary-foundational", [task("new"), *known], attempts=1)
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("rotary-foundational was trained on examples that are asked here, of 1 of 2 tasks;")


@pytest.mark.parametrize(
    "wrong",
    [{"sources": "serch"}, {"views": 0}, {"views": -2}, {"seed": -1}, {"steps": 1.5}, {"steps": "3"}, {"workers": 0}],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ArcAffinityError, match=name):
        aa.solve([task("new")], **{"steps": 1, "views": 1, "workers": 1, "sources": "search"} | wrong)


FAULTS = [
    (lambda _: [], "there are no tasks to answer"),
    (lambda _: [task("t1"), task("t2"), task("t1")], "two tasks are called t1"),
    (lambda _: [replace(task("t1"), train=())], "task t1: no train pairs"),
    (lambda _: [replace(task("t1"), test=())], "task t1 has no test to answer"),
    (lambda _: [replace(task("t1"), train=(Pair(GRID, None),))], "task t1, train pair 0: no output"),
    (
        lambda by_hand: [replace(task("t1"), train=(by_hand(GRID.astype(float), GRID),) * 2)],
        "task t1, train pair 0, input: an array of float64",
    ),
    (
        lambda _: [replace(task("t1"), test=(Pair(GRID + 9, None),))],
        "task t1, test pair 0, input, row 0, column 0: 10 is not a",
    ),
]


@pytest.mark.parametrize(("made", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_tasks_that_cannot_be_asked_are_refused(made: Callable[..., list[Task]], told: str, by_hand: Callable) -> None:
    tasks = made(by_hand)
    for model in ("rotary", "solver-small"):
        with pytest.raises(ArcAffinityError, match=told):
            aa.predict(model, tasks)
    with pytest.raises(ArcAffinityError, match=told):
        aa.solve(tasks, steps=1, views=1, workers=1, sources="search")


@pytest.mark.parametrize("model", ["rotary", "solver-small"])
@pytest.mark.parametrize("wrong", [{"views": 0}, {"attempts": 0}, {"seed": -1}, {"views": 2.5}, {"attempts": True}])
def test_numbers_out_of_range_are_refused(model: str, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ArcAffinityError, match=f"^{name} must be a whole number"):
        aa.predict(model, [task("new")], **wrong)


def of_whole_numbers(made: Task, by_hand: Callable) -> Task:
    """The task as somebody makes it who does not say what the numbers of its arrays are."""
    train, test = (
        tuple(by_hand(*(grid if grid is None else grid.astype(int) for grid in (p.input, p.output))) for p in pairs)
        for pairs in (made.train, made.test)
    )
    return replace(made, train=train, test=test)


def test_grids_of_other_whole_numbers_are_answered_as_those_of_bytes(by_hand: Callable) -> None:
    plain, other = task("t1"), of_whole_numbers(task("t1"), by_hand)
    assert other.test[0].input.dtype == int
    asked, again = aa.predict("rotary", [plain]), aa.predict("rotary", [other])
    assert [each.to_json() for each in again.records] == [each.to_json() for each in asked.records]
    assert again.tasks == (plain,)
    mirrored = tuple(by_hand(each, each[:, ::-1]) for each in (np.array([[1, 2, 0]]), np.array([[3, 2], [1, 1]])))
    asks = Task("t2", mirrored, (by_hand(np.array([[5, 6, 7]]), None),))
    solved = aa.solve([asks], steps=1, views=1, workers=1, sources="search")
    assert solved.records[0].prediction is not None and solved.records[0].prediction.tolist() == [[7, 6, 5]]
    assert solved.tasks[0].test[0].input.dtype == np.uint8


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a model and a task that are called like others that come along."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ZOO / "rotary-foundational", "champion")
    (tmp_path / "arc-agi-1").mkdir()
    (tmp_path / "arc-agi-1" / "training").mkdir()
    text = '{"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4]]}]}'
    (tmp_path / "arc-agi-1" / "training" / "mine.json").write_text(text)
    return tmp_path


@pytest.mark.usefixtures("in_a_folder")
def test_a_path_is_a_path_and_no_name() -> None:
    theirs, mine = aa.find_model("champion"), aa.find_model(Path("champion"))
    assert mine.digest == aa.find_model("rotary-foundational").digest != theirs.digest
    assert aa.find_model(Path("./champion")).digest == aa.find_model(Path("champion").absolute()).digest == mine.digest
    with pytest.raises(ArcAffinityError, match="unknown model './rotary'; did you mean 'rotary'"):
        aa.find_model(Path("rotary"))
    with pytest.raises(ArcAffinityError, match="unknown base './solver-small'; did you mean 'solver-small'"):
        aa.solve([task("new")], steps=1, base=Path("solver-small"))
    with pytest.raises(ArcAffinityError, match="unknown recipe"):
        aa.train(Path("smoke"), "run")
    (made,) = aa.load_tasks(Path("arc-agi-1/training"))
    assert (made.id, made.dataset) == ("mine", "./arc-agi-1/training") and len(aa.load_tasks("arc-agi-1/training")) > 1
    with pytest.raises(ArcAffinityError, match="./nowhere: no such file or folder"):
        aa.load_tasks(Path("nowhere"))


def test_answers_to_a_dataset_at_a_path_are_read_and_scored(in_a_folder: Path) -> None:
    place = Path("arc-agi-1/training")
    answered = aa.predict(aa.find_model(Path("champion")), aa.load_tasks(place))
    assert {record.dataset for record in answered.records} == {"./arc-agi-1/training"}
    answered.save("records.jsonl")
    (in_a_folder / "ids").write_text("mine")
    read = aa.read_answers("records.jsonl", place, tasks=[Path("ids")])
    assert read.tasks == answered.tasks and aa.score(read) == aa.score(answered)
    answered.submit("submission.json")
    assert aa.score(aa.read_answers("submission.json", place.absolute())).solved == aa.score(answered).solved


class Moved(torch.nn.Module):
    """Notes where it is moved to."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.went = torch.device(device), list[str]()

    def to(self, device: torch.device) -> Moved:  # type: ignore[override]
        self.device = torch.device(device)
        self.went.append(str(device))
        return self


@pytest.mark.parametrize(
    ("at", "named", "went"),
    [
        ("cpu", None, ["cuda", "cpu"]),
        ("cpu", "cpu", ["cpu", "cpu"]),
        ("cuda:1", None, ["cuda:1", "cuda:1"]),
        ("cuda:1", "cpu", ["cpu", "cuda:1"]),
    ],
)
def test_a_model_computes_where_it_is_to_and_comes_back(
    at: str, named: str | None, went: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "pick_device", lambda name: torch.device(name or "cuda"))
    model, threads = Moved(at), torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), answering.computing_on(model, named):  # type: ignore[arg-type]
        assert model.went == went[:1] and torch.get_num_threads() == 1
        raise ZeroDivisionError
    assert model.went == went and torch.get_num_threads() == threads


def test_a_device_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    two = replace(task("new"), train=task("new").train * 2)
    calls = [
        lambda device: aa.predict("rotary", [two], device=device),
        lambda device: aa.finetune("rotary", two, steps=1, device=device),
        lambda device: aa.solve([two], steps=1, views=1, workers=1, sources="search", device=device),
    ]
    for call in calls:
        with pytest.raises(ArcAffinityError, match="no device 'nowhere' here"):
            call("nowhere")
        call("cpu")
