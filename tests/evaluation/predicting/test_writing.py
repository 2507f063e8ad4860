"""Who answers a task: the specialist in a folder, one a task, an adapter or a whole model."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting import writing
from arc_affinity.evaluation.predicting.asking import Asking, questions_of_tasks
from arc_affinity.evaluation.records.finished import is_finished
from arc_affinity.evaluation.records.record import Origin, make_record, read_records, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.storage.names import ADAPTER_CONFIG, CONFIG
from arc_affinity.types import Example, Pair, Task


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


def test_a_whole_model_that_was_fine_tuned_stands_beside_its_own_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "find_model", lambda name: loaded(3, "4567"))
    (tmp_path / "result.json").write_text(json.dumps({"model": "mine", "model_digest": "0123"}))
    assert writing._digest(loaded(3), tmp_path) == "4567"
    with pytest.raises(ArcAffinityError, match="was fine-tuned from mine, which base is not"):
        writing._digest(loaded(3, "89ab"), tmp_path)


GRID = np.ones((1, 2), np.uint8)
TASKS = [Task(name, (Pair(GRID, GRID),) * 2, (Pair(GRID, GRID),) * tests) for name, tests in (("a", 1), ("b", 2))]


def answers(origin: Origin, tasks: list[Task]) -> Any:
    for task in tasks:
        yield task.id, [make_record(origin, Example(task.id, i, p, ()), 1, GRID) for i, p in enumerate(task.test)]


def test_a_network_that_has_learned_its_tasks_is_told_by_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    def predict(solver: object, tasks: list[Task], origin: Origin, *, attempts: int, views: int, done: set[str]) -> Any:
        assert (attempts, views, done) == (1, 3, set())
        return answers(origin, tasks)

    monkeypatch.setattr(writing, "predict_by_solver", predict)
    out = tmp_path / "records.jsonl"
    settings = {"edition": "e", "attempts": 1, "views": 3, "seed": 7}
    writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *counts: told.append(counts), **settings)
    assert told == [(1, 2), (2, 2)]
    found = {(r.model, r.model_digest, r.dataset, r.protocol, r.seed, r.exposure, r.edition) for r in read_records(out)}
    assert found == {("base", "0123", "toy", Protocol.ARC_PRIZE, 7, "transductive", "e")}


@pytest.mark.parametrize(("attempts", "views"), [(2, 1), (2, 8)])
def test_finished_answers_are_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempts: int, views: int
) -> None:
    """One view gives one answer, whatever is asked; of several, one may be filled up without a view."""

    def predict(solver: object, tasks: list[Task], origin: Origin, **_: object) -> Any:
        for task in tasks:
            rows = []
            for index, pair in enumerate(task.test):
                example = Example(task.id, index, pair, ())
                rows.append(make_record(origin, example, 1, GRID, votes=views, views=views))
                if views > 1:
                    rows.append(make_record(origin, example, 2, GRID[:, :1]))
            yield task.id, rows

    monkeypatch.setattr(writing, "predict_by_solver", predict)
    out = tmp_path / "records.jsonl"
    settings = {"attempts": attempts, "views": views}
    writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, **settings)
    before = out.stat().st_mtime_ns
    writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, **settings)
    assert out.stat().st_mtime_ns == before
    with pytest.raises(ArcAffinityError, match="records of other answers"):
        writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, attempts=attempts, views=views + 1)


@pytest.mark.parametrize("votes", [4, 3])
def test_views_that_agree_leave_one_answer_and_nothing_to_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, votes: int
) -> None:
    """A view that copies the input has no vote, so the votes may be fewer than the views."""

    def predict(solver: object, tasks: list[Task], origin: Origin, **_: object) -> Any:
        for task in tasks:
            examples = [Example(task.id, index, pair, ()) for index, pair in enumerate(task.test)]
            yield task.id, [make_record(origin, each, 1, GRID, votes=votes, views=4) for each in examples]

    monkeypatch.setattr(writing, "predict_by_solver", predict)
    out = tmp_path / "records.jsonl"
    writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, attempts=2, views=4)
    before = out.stat().st_mtime_ns
    writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, attempts=2, views=4)
    assert out.stat().st_mtime_ns == before
    with pytest.raises(ArcAffinityError, match="records of other answers"):
        writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, attempts=2, views=5)


def test_more_attempts_than_are_asked_for_are_other_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def predict(solver: object, tasks: list[Task], origin: Origin, **_: object) -> Any:
        for task in tasks:
            examples = [Example(task.id, index, pair, ()) for index, pair in enumerate(task.test)]
            grids = (GRID, GRID[:, :1])
            yield (
                task.id,
                [make_record(origin, e, k, g, votes=2, views=4) for e in examples for k, g in enumerate(grids, 1)],
            )

    monkeypatch.setattr(writing, "predict_by_solver", predict)
    out = tmp_path / "records.jsonl"
    writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, attempts=2, views=4)
    with pytest.raises(ArcAffinityError, match="records of other answers"):
        writing.write_by_solver(out, loaded(2), TASKS, "toy", lambda *_: None, attempts=1, views=4)


@pytest.mark.parametrize(("asked", "same"), [("e", True), (None, True), ("f", False)])
def test_answers_to_another_edition_are_other_answers(tmp_path: Path, asked: str | None, same: bool) -> None:
    out = tmp_path / "records.jsonl"
    origin = Origin("base", "0123", "toy", Protocol.ARC_PRIZE, 0, edition="e")
    write_records(out, [record for _, records in answers(origin, TASKS) for record in records])
    questions = {(task.id, i): pair for task in TASKS for i, pair in enumerate(task.test)}
    settings = {"attempts": range(1, 2), "views": 1, "overwrite": False}
    with contextlib.nullcontext() if same else pytest.raises(ArcAffinityError, match="records of other answers"):
        assert is_finished(out, replace(origin, edition=asked), questions, **settings)
    # Records of before there were editions name none.
    write_records(out, [r for _, records in answers(replace(origin, edition=None), TASKS) for r in records])
    assert is_finished(out, replace(origin, edition=asked), questions, **settings)


def test_progress_is_told_in_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    def predict(model: object, questions: list[Any], origin: Origin, asking: Asking, done: set[str], tell: Any) -> Any:
        for group in answers(origin, TASKS):
            tell(len(group[1]))
            yield group

    monkeypatch.setattr(writing, "predict", predict)
    asking = Asking(Protocol.SIZED, attempts=1)
    questions = questions_of_tasks(TASKS, 2, asking)
    base = loaded(2)
    base.adapter = None
    writing.write_predictions(
        tmp_path / "records.jsonl", base, questions, asking, "toy", lambda *counts: told.append(counts), edition="e"
    )
    assert told == [(0, 3), (1, 3), (3, 3)]


def test_what_an_adapter_was_trained_on_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def predict(_: object, questions: list[Any], origin: Origin, *rest: object, **more: object) -> Any:
        named = {question[0].task_id for question in questions}
        return answers(origin, [task for task in TASKS if task.id in named])

    def exposures(out: Path) -> set[tuple[str, str | None, str | None]]:
        return {(record.task_id, record.adapter, record.exposure) for record in read_records(out)}

    monkeypatch.setattr(writing, "predict", predict)
    asking = Asking(Protocol.SIZED, attempts=1)
    asked = (questions_of_tasks(TASKS, 2, asking), asking, "toy", lambda *_: None)
    base = loaded(2)
    base.adapter = "a"
    writing.write_predictions(tmp_path / "one.jsonl", base, *asked, edition="e")
    assert exposures(tmp_path / "one.jsonl") == {("a", "a", "transductive"), ("b", "a", None)}
    base.adapter = None
    (tmp_path / "each" / "b").mkdir(parents=True)
    (tmp_path / "each" / "b" / CONFIG).touch()
    monkeypatch.setattr(writing, "find_model", lambda name: loaded(2, "4567"))
    writing.write_predictions(tmp_path / "each.jsonl", base, *asked, edition="e", adapter=tmp_path / "each")
    assert exposures(tmp_path / "each.jsonl") == {("a", writing.WITHOUT, None), ("b", "b", "transductive")}
