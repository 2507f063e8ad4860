"""The package as a notebook sees it: names that come when asked for, and results that draw themselves."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import arc_affinity as aa
from arc_affinity.data.checks import check_grid
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Origin, make_record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.storage.folders import LoadedModel
from arc_affinity.notebook import specialists
from arc_affinity.notebook.answers import Answers
from arc_affinity.notebook.kinds import Kinds
from arc_affinity.taxonomy.validation import Answer
from arc_affinity.training.pretraining import pretrain, stores
from arc_affinity.training.recipes.recipe import RECIPES
from arc_affinity.types import Example, Pair, Task

pytestmark = pytest.mark.many_steps

MODULES = ("answering", "diagnosing", "kinds", "pictures", "scoring", "specialists", "training")


def grid(rows: int, cols: int, colour: int) -> np.ndarray:
    return np.full((rows, cols), colour, np.uint8)


TASK = Task("a<b", (Pair(grid(2, 3, 1), grid(3, 2, 4)),), (Pair(grid(5, 7, 1), grid(7, 5, 4)),), "mine")


def answers(*outputs: np.ndarray | None) -> Answers:
    origin = Origin("model", "123456789abc", "mine", Protocol.ARC_PRIZE, 0)
    example = Example("task", 0, TASK.test[0], TASK.train)
    return Answers(tuple(make_record(origin, example, number, each) for number, each in enumerate(outputs, 1)))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"arc_affinity.notebook.{name}"))
    assert found.attempted > 1 and not found.failed


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    script = "import sys, arc_affinity as aa; assert 'solve' in dir(aa) and aa.__version__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "arc_affinity.types"} & set(loaded)


def test_type_checkers_are_told_of_every_name() -> None:
    told = ast.parse((Path(aa.__path__[0]) / "__init__.pyi").read_text(encoding="utf-8"))
    imports = {
        (alias.asname, node.module) for node in told.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    homes = {(name, f"arc_affinity.{home}") for name, home in vars(aa)["_HOMES"].items()}
    assert imports == homes
    assert all(callable(getattr(aa, name)) for name, _ in homes)


def test_an_unknown_name_is_one() -> None:
    with pytest.raises(AttributeError, match="no attribute 'slove'"):
        aa.slove  # noqa: B018


def test_a_task_is_drawn_whole_and_its_name_is_text() -> None:
    html = aa.show(TASK)._repr_html_()
    assert html.count("<svg") == 4
    assert "a&lt;b" in html and "a<b" not in html
    withheld = Task("t", TASK.train, (Pair(TASK.test[0].input, None),))
    assert aa.show(withheld).html.count("<svg") == 3
    assert aa.show([TASK, withheld]).html.count("<svg") == 7
    assert aa.show(TASK.train[0]).html.count("<svg") == 2
    assert aa.show(grid(2, 2, 3)).html.count("<svg") == 1


def test_answers_are_drawn_beside_what_was_wanted() -> None:
    html = aa.show(answers(grid(7, 5, 3), None, grid(7, 5, 4))).html
    # Input, target and one attempt; the second gave no grid, the third does not count.
    assert html.count("<svg") == 3
    assert "attempt 1, wrong" in html and "no grid" in html and "attempt 3" not in html


def test_nothing_else_is_drawn() -> None:
    with pytest.raises(ArcAffinityError, match="not dict"):
        aa.show({})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (np.zeros((2, 3)), "the grid: an array of float64 with shape (2, 3) is no grid"),
        (grid(2, 3, 11), "the grid, row 0, column 0: 11 is not a colour, a whole number 0-9"),
        (np.array([[1, 2], [3, -1]]), "the grid, row 1, column 1: -1 is not a colour"),
        (np.zeros(3, np.uint8), "the grid: an array of uint8 with shape (3,) is no grid"),
        (grid(0, 0, 1), "the grid: 0 rows and 0 columns; a grid has 1-30 of each"),
        (grid(2, 31, 1), "the grid: 2 rows and 31 columns"),
        (Pair(grid(2, 3, 1), grid(3, 0, 1)), "the pair, output: 3 rows and 0 columns"),
        ([Task("x", (), (TASK.train[0], Pair(grid(2, 3, 10), None)))], "task x, test pair 1, input, row 0, column 0"),
    ],
)
def test_what_is_no_grid_is_told(made: object, told: str) -> None:
    with pytest.raises(ArcAffinityError) as error:
        aa.show(made)  # type: ignore[arg-type]
    assert told in str(error.value) and "\n" not in str(error.value)


def test_a_list_is_no_grid() -> None:
    with pytest.raises(ArcAffinityError, match="task x, input: list is no grid"):
        check_grid([[1]], "task x, input")


def test_whole_numbers_of_any_size_are_drawn() -> None:
    assert aa.show(np.array([[1, 2], [3, 9]])).html.count("<path") == 5


@pytest.mark.parametrize("by", [None, "grids", "program"])
@pytest.mark.parametrize(
    ("task", "told"),
    [
        (Task("x", (), ()), "task x: no train pairs"),
        (Task("x", (*TASK.train, Pair(grid(2, 3, 1), None)), ()), "task x, train pair 1: no output"),
        (Task("x", (Pair(grid(2, 2, 11), grid(2, 2, 1)),), ()), "task x, train pair 0, input, row 0, column 0: 11"),
    ],
    ids=["no demonstration", "output withheld", "no grid"],
)
def test_a_task_that_shows_nothing_has_no_kind(task: Task, told: str, by: str | None) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        aa.classify([TASK, task], by=by)  # type: ignore[arg-type]


def test_a_task_without_tests_is_classified_by_its_program() -> None:
    pair = Pair(np.array([[1, 2, 0]], np.uint8), np.array([[0, 2, 1]], np.uint8))
    other = Pair(np.array([[3, 2], [1, 1]], np.uint8), np.array([[2, 3], [1, 1]], np.uint8))
    found = aa.classify(Task("x", (pair, other), ()), by="program", seconds=5)["x"]
    assert (found.category, found.reason) == ("S1", "input | mirror left-right")


def test_answers_of_unknown_tasks_are_no_submission(tmp_path: Path) -> None:
    read = aa.read_answers(answers(grid(7, 5, 3)).save(tmp_path / "records.jsonl"))
    with pytest.raises(ArcAffinityError, match="the tasks of these answers are not known"):
        read.submit(tmp_path / "submission.json")


def test_a_score_counts_two_attempts() -> None:
    assert aa.score(answers(grid(7, 5, 3), grid(7, 5, 4))).solved.over_tasks == 1
    assert aa.score(answers(grid(7, 5, 3), grid(5, 7, 4), grid(7, 5, 4))).solved.over_tasks == 0
    shown = aa.score(answers(grid(7, 5, 4)))._repr_html_()
    assert "arc_prize" in shown and "100.0 %" in shown
    printed = str(aa.score(answers(grid(7, 5, 4)))).splitlines()
    assert printed[0].split("  ")[0] == "arc_prize"
    assert printed[1] == "score, 2 attempts   100.0 %          100.0 %"


def test_a_diagnosis_is_a_page_and_a_few_sentences(tmp_path: Path) -> None:
    found = aa.diagnose(answers(grid(7, 5, 3), grid(5, 7, 4)))
    assert found.headline in found._repr_html_()
    assert str(found).startswith(f"{found.headline}\n- Score ")
    page = found.save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "task" in page
    with pytest.raises(ArcAffinityError, match="no answers"):
        aa.diagnose()


def test_answers_are_written_and_read_again(tmp_path: Path) -> None:
    made = answers(grid(7, 5, 3), grid(7, 5, 4))
    again = aa.read_answers(made.save(tmp_path / "records.jsonl"))
    assert [each.to_json() for each in again.records] == [each.to_json() for each in made.records]
    assert aa.score(tmp_path / "records.jsonl").solved.over_tasks == 1
    asked = Answers(made.records, (Task("task", TASK.train, TASK.test, "mine"),))
    assert '"attempt_2"' in asked.submit(tmp_path / "submission.json").read_text()


def test_a_submission_of_any_solver_is_read_with_its_tasks(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(
        '{"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4, 5]]}]}'
    )
    (tmp_path / "theirs.json").write_text('{"task": [{"attempt_1": [[4]], "attempt_2": [[4, 5]]}]}')
    read = aa.read_answers(tmp_path / "theirs.json", str(tmp_path / "task.json"))
    assert [(each.model, each.exact) for each in read.records] == [("theirs", False), ("theirs", True)]
    assert [task.id for task in read.tasks] == ["task"] and aa.score(read).first_solved.over_tasks == 0
    assert {
        each.model for each in aa.read_answers(tmp_path / "theirs.json", str(tmp_path / "task.json"), name="x").records
    } == {"x"}
    with pytest.raises(ArcAffinityError, match="names no dataset"):
        aa.read_answers(tmp_path / "theirs.json")


def test_answers_are_told_by_output() -> None:
    made = answers(grid(7, 5, 3), grid(7, 5, 4))
    rows = re.findall("<tr>(.*?)</tr>", made._repr_html_())
    cells = [re.findall("<t[hd]>(.*?)</t[hd]>", row) for row in rows]
    names = ["task", "test", "protocol", "attempts", "right within 2"]
    assert cells == [names, ["task", "0", "arc_prize", "2", "yes"]]
    # A third attempt does not count, and of an output that is withheld nothing is known.
    late = answers(grid(7, 5, 3), grid(7, 5, 3), grid(7, 5, 4))
    assert "<td>3</td><td>no</td>" in late._repr_html_()
    withheld = Example("task", 0, Pair(TASK.test[0].input, None), ())
    origin = Origin("model", "123456789abc", "mine", Protocol.ARC_PRIZE, 0)
    assert "<td>not known</td>" in Answers((make_record(origin, withheld, 1, grid(2, 2, 1)),))._repr_html_()


def test_protocols_stand_apart() -> None:
    forced = Origin("model", "123456789abc", "mine", Protocol.TEACHER_FORCED, 0)
    right = make_record(forced, Example("task", 0, TASK.test[0], TASK.train), 1, grid(7, 5, 4))
    both = Answers((right, *answers(grid(7, 5, 3), grid(7, 5, 3)).records))
    assert re.findall(r"<td>(teacher_forced|arc_prize)</td><td>(\d)</td><td>(yes|no)</td>", both._repr_html_()) == [
        ("teacher_forced", "1", "yes"),
        ("arc_prize", "2", "no"),
    ]
    assert "test 0, teacher_forced" in aa.show(both).html and ", arc_prize" not in aa.show(answers(None)).html


def test_a_task_without_an_answer_counts_in_a_diagnosis_as_in_a_score() -> None:
    other = Task("other", TASK.train, TASK.test, "mine")
    asked = Answers(answers(grid(7, 5, 4)).records, (Task("task", TASK.train, TASK.test, "mine"), other))
    assert aa.score(asked).solved.over_tasks == 0.5
    found = aa.diagnose(asked)
    assert found.report.sets[0].score("score").value == 0.5 and "no attempt at 1 output" in found._repr_html_()


def test_answers_of_one_model_are_taken_together_with_all_that_was_asked() -> None:
    first, second, third = (Task(name, TASK.train, TASK.test, "mine") for name in ("t0", "t1", "t2"))
    origin = Origin("model", "123456789abc", "mine", Protocol.ARC_PRIZE, 0)
    right = {
        task.id: make_record(origin, Example(task.id, 0, task.test[0], ()), 1, grid(7, 5, 4))
        for task in (first, second)
    }
    early, late = Answers((right["t0"],), (first,)), Answers((right["t1"],), (second, third))
    for given in ((early, late), (late, early)):
        (each,) = aa.diagnose(*given).report.sets
        assert [*each.records.tasks] == ["t0", "t1", "t2"]
        assert (each.score("score").value, each.records.missing) == (pytest.approx(2 / 3), 1)
    # Another model was not asked for these.
    other = replace(right["t0"], model_digest="cba987654321")
    both = aa.diagnose(late, Answers((other,), (first,))).report.sets
    assert [[*each.records.tasks] for each in both] == [["t1", "t2"], ["t0"]]
    with pytest.raises(ArcAffinityError, match="answers 2 hold no record"):
        aa.diagnose(early, Answers((), (third,)))


def test_a_diagnosis_counts_as_many_attempts_as_the_score() -> None:
    made = answers(grid(7, 5, 3), grid(7, 5, 4), grid(7, 5, 4))
    for counted, solved in ((1, 0), (2, 1), (3, 1)):
        given = replace(made, counted=counted)
        (each,) = aa.diagnose(given).report.sets
        assert each.score("score").value == aa.score(given).solved.over_tasks == solved
        assert each.records.attempts == min(2, counted)
    with pytest.raises(ArcAffinityError, match="count 1 and 2 attempts"):
        aa.diagnose(made, replace(made, counted=1))
    late = answers(grid(7, 5, 3), grid(7, 5, 3), grid(7, 5, 4))
    assert aa.diagnose(replace(late, counted=3)).report.sets[0].score("score").value == 0


def test_what_a_model_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ArcAffinityError, match="8 views: teacher_forced shows the model the answer"):
        aa.predict(aa.find_model("rotary"), [TASK], protocol="teacher_forced", views=8)
    with pytest.raises(ArcAffinityError, match="finds the size itself"):
        aa.predict(aa.find_model("solver-small"), [TASK], protocol="sized")
    with pytest.raises(ArcAffinityError, match="unknown way 'colour'"):
        aa.classify(TASK, by="colour")  # type: ignore[arg-type]
    with pytest.raises(ArcAffinityError, match="two tasks are called a<b"):
        aa.classify([TASK, TASK])
    with pytest.raises(ArcAffinityError, match="more than 0 seconds, not 0"):
        aa.classify(TASK, by="program", seconds=0)


def test_kinds_are_those_of_the_command() -> None:
    """Of a task published as A2, which the rules take for C1, and of tasks of no such kind."""
    (known,) = (task for task in aa.load_tasks("arc-agi-1/training") if task.id == "137eaa0f")
    foreign = Task("00d62c1b", TASK.train * 2, TASK.test, "mine")
    found = aa.classify([foreign, known])
    assert [*found] == ["00d62c1b", "137eaa0f"] and found["00d62c1b"].rule == "grids"
    assert found["137eaa0f"].category == "A2" and found["137eaa0f"].reason.startswith("the rules say C1: ")
    assert aa.classify(known, by="code")[known.id].category == "C1"
    assert aa.classify(known, by="grids")[known.id].rule == "grids"
    # A program is searched for, but of the dataset re-arc there are verifiers.
    assert aa.classify(known, by="program", seconds=0.01)[known.id].rule in ("not found", "largest share of steps")
    of_rearc = replace(known, dataset="re-arc")
    both = aa.classify([foreign, of_rearc], by="program", seconds=0.01)
    assert both[known.id].rule == "largest share of primitives" != both["00d62c1b"].rule


def test_no_more_tasks_are_drawn_than_a_page_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = Origin("model", "123456789abc", "mine", Protocol.ARC_PRIZE, 0)
    places = [("t1", 0), ("t1", 1), ("t2", 0), ("t3", 0)]
    records = [make_record(origin, Example(task, i, TASK.test[0], ()), 1, grid(2, 2, 1)) for task, i in places]
    monkeypatch.setattr("arc_affinity.notebook.pictures.SHOWN", 2)
    # Input, target and attempt of the three outputs of two tasks.
    assert aa.show(Answers(tuple(records))).html.count("<svg") == 9


def test_kinds_are_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Kinds(
        {
            "t1": Answer("S1", None, "rule", "turns", 0.75),
            "t2": Answer("ambiguous", None, "rule", "says <nothing>", 0.0),
        }
    )
    assert (len(found), list(found), found["t1"].category) == (2, ["t1", "t2"], "S1")
    told = found._repr_html_()
    assert "<td>75.0 %</td><td>turns</td>" in told and "<td>ambiguous</td><td></td>" in told and "&lt;nothing" in told
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert found.to_frame()[0] == {"task": "t1", "category": "S1", "confidence": 0.75, "reason": "turns"}


@pytest.mark.parametrize("method", ["full", "lora", "context-only"])
def test_a_specialist_is_the_model_its_adapter_or_what_it_was(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = []
    monkeypatch.setattr(specialists, "merge", lambda model, adapter: merged.append((model, adapter)))
    base = LoadedModel("base", ["base"], None, Path("base"), "0123")  # type: ignore[arg-type]
    tuned = SimpleNamespace(model=None, adapter=None, digest="4567", split=SimpleNamespace(task_id="task"))
    if method == "full":
        tuned.model = ["tuned"]
    if method == "lora":
        tuned.adapter = ["adapter"]
    made = specialists._adapted(base, tuned)  # type: ignore[arg-type]
    if method == "context-only":
        assert made is base
        return
    assert (made.name, made.digest, made.adapter) == ("base", "4567", "task")
    assert made.model == (["tuned"] if method == "full" else ["base"])
    assert merged == ([] if method == "full" else [(["base"], ["adapter"])])
    # What is merged into is a copy.
    assert made.model is not base.model


def test_tables_for_pandas() -> None:
    pytest.importorskip("pandas", reason="frames are for those who have pandas")
    made = answers(grid(7, 5, 3), grid(7, 5, 4))
    assert made.to_frame()["exact"].tolist() == [False, True]
    assert aa.score(made).to_frame()["solved"].tolist() == [1]


def test_without_pandas_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ArcAffinityError, match=r"pip install 'arc-affinity\[notebook\]'"):
        answers(None).to_frame()


def test_a_specialist_answers_by_its_own_weights(tmp_path: Path) -> None:
    task = Task("task", (TASK.train[0], Pair(grid(3, 2, 1), grid(2, 3, 4))), TASK.test, "mine")
    base = aa.find_model("rotary")
    made = aa.finetune(base, task, steps=2, learning_rate=1e-4)
    assert made.model.digest != base.digest and made.model.adapter == "task"
    other = Task("other", task.train, TASK.test, "mine")
    told = {
        (each.task_id, each.model_digest, each.exposure)
        for each in aa.predict(made.model, [other, task], protocol="sized").records
    }
    assert told == {("task", made.model.digest, "transductive"), ("other", made.model.digest, None)}
    assert "before" in made._repr_html_()
    [edition] = {each.edition for each in aa.predict("rotary", [task]).records}
    assert {each.edition for each in (*made.before.records, *made.after.records)} == {edition} != {None}
    chosen = aa.finetune(base, task, method="context-only")
    assert chosen.model is base and {*(chosen.tuned.demonstrations or ())} == {0, 1}
    with pytest.raises(ArcAffinityError, match="no such setting"):
        aa.finetune(base, task, stepz=2)
    with pytest.raises(ArcAffinityError, match="answers by arc_prize and sized and teacher_forced have no score"):
        aa.score(made.after)
    assert [aa.score(each.by("arc_prize")).subject.adapted for each in (made.before, made.after)] == [False, True]
    assert aa.score(made.after.by("sized")).subject.protocol is Protocol.SIZED
    for said, written in ((made.after, made.after), (made.before, made.before.by("arc_prize"))):
        first = next(each.prediction for each in said.records if each.protocol is Protocol.ARC_PRIZE)
        [given] = json.loads(written.submit(tmp_path / "submission.json").read_text())["task"]
        assert given["attempt_1"] == first.tolist()
    with pytest.raises(ArcAffinityError, match="teacher_forced"):
        made.before.submit(tmp_path / "submission.json")


def test_answers_by_one_protocol() -> None:
    forced = Origin("model", "123456789abc", "mine", Protocol.TEACHER_FORCED, 0)
    right = make_record(forced, Example("task", 0, TASK.test[0], TASK.train), 1, grid(7, 5, 4))
    both = replace(answers(grid(7, 5, 3)), records=(right, *answers(grid(7, 5, 3)).records), tasks=(TASK,), counted=1)
    assert both.by("teacher_forced") == Answers((right,), (TASK,), 1)
    assert [record.protocol for record in both.by("arc_prize").records] == [Protocol.ARC_PRIZE]
    with pytest.raises(ArcAffinityError, match="no answer is by sized"):
        both.by("sized")
    with pytest.raises(ArcAffinityError, match="unknown protocol 'arcprize'; did you mean 'arc_prize'"):
        both.by("arcprize")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rank": 2}, "rank would change nothing beside method full"),
        ({"method": "context-only", "steps": 9}, "steps would change nothing beside method context-only"),
        ({"method": "lora", "votes": 4}, "votes would change nothing beside augment none"),
        ({"test": 3}, "test would change nothing beside a task's own demonstrations"),
        ({"unlike_also": ((3, 4),)}, "unlike_also would change nothing beside a task's own demonstrations"),
        ({"method": "lara"}, "unknown method 'lara'; did you mean 'lora'"),
        ({"steps": 0}, "steps must be a whole number of 1 or more, not 0"),
        ({"seed": -1}, "seed must be a whole number of 0 or more, not -1"),
    ],
)
def test_settings_that_nothing_reads_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        aa.finetune("rotary", replace(TASK, train=TASK.train * 2), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ((), "task a<b: no train pairs"),
        (TASK.train, "task a<b has 1 pair to train on"),
        ((*TASK.train, Pair(grid(2, 2, 1), None)), "train pair 1: no output"),
        ((*TASK.train, Pair(grid(2, 2, 1), grid(2, 2, 10))), "train pair 1, output, row 0, column 0: 10 is"),
    ],
    ids=["none", "one", "withheld", "no colour"],
)
def test_a_task_that_cannot_be_learned_is_refused(train: tuple[Pair, ...], told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        aa.finetune("rotary", replace(TASK, train=train))


def test_a_task_of_other_numbers_is_none(by_hand: Callable) -> None:
    with pytest.raises(ArcAffinityError, match="train pair 1, input: an array of float64"):
        aa.finetune("rotary", replace(TASK, train=(*TASK.train, by_hand(np.zeros((2, 2)), grid(2, 2, 1)))))


def test_examples_are_made_in_this_process_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which a script without a guard needs."""
    asked: list[int] = []

    def generate(place: Path, tasks: object, per_task: int, seed: int, workers: int, *_: object, **__: object) -> None:
        asked.append(workers)
        raise ArcAffinityError("enough")

    monkeypatch.setattr(stores, "generate_store", generate)
    monkeypatch.setattr(pretrain, "cores", lambda: 5)
    for train in (
        lambda: aa.train("smoke", tmp_path / "run"),
        lambda: aa.train("smoke", tmp_path / "run", workers=3),
        lambda: pretrain.train(RECIPES["smoke"], tmp_path / "run"),
    ):
        with pytest.raises(ArcAffinityError, match="enough"):
            train()
    assert asked == [1, 3, 5]
    with pytest.raises(ArcAffinityError, match="workers must be a whole number of 1 or more, not 0"):
        aa.train("smoke", tmp_path / "run", workers=0)


def test_a_model_is_trained_by_a_recipe_and_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    examples = tmp_path / "task.json"
    pairs = [{"input": [[n]], "output": [[n, n]]} for n in range(5)]
    examples.write_text(json.dumps({"train": pairs, "test": pairs[:1]}))
    changes = {"steps": 2, "validate_every": 2, "validation_per_task": 2, "examples": str(examples), "model.width": 16}
    made = aa.train("smoke", tmp_path / "run", changes=changes)
    assert made.model.model.config.width == 16 and f"{made.metrics['val/loss']:.4f}" in made._repr_html_()
    assert len(aa.predict(made.model, [TASK], protocol="teacher_forced").records) == 1
    # What was changed when it began need not be said again.
    caplog.clear()
    again = aa.train("smoke", tmp_path / "run", resume=True)
    assert again.model.digest == made.model.digest and again.metrics["val/loss"] == made.metrics["val/loss"]
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("the run goes on by the recipe that it began with: ") and "steps 2" in said
    with pytest.raises(ArcAffinityError, match="steps was 2"):
        aa.train("smoke", tmp_path / "run", changes={"steps": 3}, resume=True)
    with pytest.raises(ArcAffinityError, match="did you mean 'steps'"):
        aa.train("smoke", tmp_path / "other", changes={"stepz": 2})
    with pytest.raises(ArcAffinityError, match="restart_steps is of the schedule cosine-restarts"):
        aa.train("smoke", tmp_path / "other", changes={"restart_steps": 2})


def test_a_network_of_solve_is_asked_for_what_it_has_learned(tmp_path: Path) -> None:
    task = Task("task", TASK.train * 2, TASK.test, "mine")
    solved = aa.solve([task], steps=1, views=1, workers=1, sources="network", out=tmp_path / "run")
    assert solved.summary["steps"] == 1
    network = aa.find_model(tmp_path / "run")
    again = aa.predict(network, [task])
    assert again.records[0].exposure == "transductive"
    with pytest.raises(ArcAffinityError, match="has not learned these: tasks: "):
        aa.predict(network, [TASK])
    with pytest.raises(ArcAffinityError, match="adapted by `solve`"):
        aa.finetune(network, task)


def test_the_command_line_is_there_by_the_packages_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "arc_affinity", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"arc-affinity {aa.__version__} (torch ")
