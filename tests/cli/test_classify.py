"""``classify`` through the command line: answers, validation, pictures, and everything that can be wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from arc_affinity.cli.output.surest import surest
from arc_affinity.data.datasets.registry import find_task
from arc_affinity.data.generation.generate import generate_store
from arc_affinity.data.store.examples import write_store
from arc_affinity.taxonomy.by_grids import classifier
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.taxonomy.validation import Answer
from arc_affinity.types import Pair

pytestmark = pytest.mark.many_steps

PAIR = {"input": [[1, 0, 0], [0, 0, 0]], "output": [[0, 0, 1], [0, 0, 0]]}
TASK = {"train": [PAIR, PAIR], "test": [PAIR]}


def document(done) -> dict:
    assert done.code == 0, done.err
    assert done.err == ""
    return json.loads(done.out)


@pytest.fixture
def labels(tmp_path):
    def write(content: object) -> str:
        path = tmp_path / "labels.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_the_published_category_comes_first_and_the_rule_beside_it(cli):
    found = document(cli("classify", "00d62c1b", "137eaa0f", "0b148d64", "--json"))
    agreed, differs, ambiguous = (found[task] for task in ("00d62c1b", "137eaa0f", "0b148d64"))
    assert (agreed["category"], agreed["subtype"], agreed["rule"], agreed["by_rules"]) == (
        *("S3", "S3-A", "box drawn", "S3"),
    )
    # Published as A2; the rules take it for C1, and say why.
    assert (differs["category"], differs["by_rules"], differs["rule"]) == ("A2", "C1", "only filled")
    assert differs["reason"].startswith("the rules say C1: fill(")
    assert (ambiguous["category"], ambiguous["rule"]) == ("K1", "by hand")


def test_one_task_by_code(cli):
    found = document(cli("classify", "00d62c1b", "--by", "code", "--json"))
    assert found == {
        "00d62c1b": {
            "category": "S3",
            "subtype": "S3-A",
            "rule": "box drawn",
            "reason": found["00d62c1b"]["reason"],
            "confidence": 0.97,
        }
    }
    assert found["00d62c1b"]["reason"].startswith("box(")
    done = cli("classify", "00d62c1b", "007bbfb7", "--by", "code")
    for words in ("00d62c1b", "S3-A topology", "box drawn", "0.97", "007bbfb7", "C1 colour transform"):
        assert words in done.out


def test_all_by_code(cli, tmp_path):
    out = tmp_path / "answers.json"
    found = document(cli("classify", "--all", "--by", "code", "--json", "--out", out))
    assert len(found) == 400
    assert json.loads(out.read_text()) == found
    assert {each["category"] for each in found.values()} == set(CODES)
    done = cli("classify", "--all")
    assert "low or very low affinity: " in done.out
    assert "35.3 % of re-arc's 400" in done.out


def test_by_program(cli):
    found = document(cli("classify", "007bbfb7", "--by", "program", "--json"))["007bbfb7"]
    assert found["category"] in CODES
    assert found["category"] == max(found["kinds"], key=found["kinds"].get)
    assert {"length", "depth", "nesting", "level", "loops", "folds", "keeps_size", "primitives"} <= set(found)


@pytest.mark.parametrize("by", ["code", "program"])
def test_neither_code_nor_program_needs_torch(by):
    words = ["classify", "00d62c1b", "--by", by]
    script = f"import sys; sys.modules['torch'] = None; from arc_affinity.cli.main import run; sys.exit(run({words}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_validation_by_hand(cli, labels):
    path = labels({"00d62c1b": "S3", "007bbfb7": "S1", "025d127b": "C1", "0b148d64": "ambiguous"})
    found = document(cli("classify", "--validate", path, "--json"))
    assert (found["agreed"], found["labelled"], found["accuracy"]) == (2, 3, 2 / 3)
    assert found["ambiguous"] == ["0b148d64"]
    assert found["confusion"]["S1"] == {"S1": 0, "S3": 0, "C1": 1}
    assert found["per_category"]["C1"]["precision"] == 0.5
    (wrong,) = found["disagreements"]
    assert (wrong["task"], wrong["label"], wrong["answer"], wrong["rule"]) == ("007bbfb7", "S1", "C1", "only filled")
    done = cli("classify", "--validate", path)
    for words in ("agreed: 2 of 3 (66.67 %)", "rows: label, columns: answer", "disagreements", "fill(go, fgc"):
        assert words in done.out


def test_labels_of_some_tasks_judge_these_among_all(cli, labels, tmp_path):
    path = labels({"00d62c1b": "S3", "007bbfb7": "S1", "025d127b": "C1"})
    judged = document(cli("classify", "--all", "--validate", path, "--out", tmp_path / "all.json", "--json"))
    assert (judged["agreed"], judged["labelled"]) == (2, 3)
    assert len(json.loads((tmp_path / "all.json").read_text())) == 400
    # Named tasks are classified, and judged as far as they have a label.
    named = ("00d62c1b", "1190e5a7", "--validate", path, "--out", tmp_path / "two.json", "--json")
    judged = document(cli("classify", *named))
    assert (judged["agreed"], judged["labelled"]) == (1, 1)
    assert sorted(json.loads((tmp_path / "two.json").read_text())) == ["00d62c1b", "1190e5a7"]
    done = cli("classify", "1190e5a7", "--validate", path)
    assert (done.code, done.err.endswith("labels.json has a label of none of the tasks asked\n")) == (1, True)


def test_named_tasks_need_no_others_without_labels(cli, monkeypatch):
    monkeypatch.setattr("arc_affinity.cli.classify.load_tasks", lambda *_: pytest.fail("no dataset is asked for"))
    done = cli("classify", "00d62c1b", "--by", "grids", "--json")
    assert done.code == 0, done.err


def test_validation_of_subtypes(cli, labels):
    found = document(cli("classify", "--validate", labels({"00d62c1b": "S3-A", "4258a5f9": "S3-B"}), "--json"))
    assert found["accuracy"] == 1


def test_classifiers_that_decide_no_subtype_are_judged_by_the_category(cli, labels):
    path = labels({"4258a5f9": "S3-B", "31aa019c": "S3-A", "67a3c6ac": "S1"})
    found = document(cli("classify", "--validate", path, "--by", "program", "--json"))
    assert found["by_category"] == ["31aa019c", "4258a5f9"] and "S3-A" not in found["confusion"]
    told = "2 subtypes judged by the category"
    assert told in cli("classify", "--validate", path, "--by", "program").out
    assert "judged by the category" not in cli("classify", "--validate", path).out


def test_what_is_written_is_read_as_labels(cli, tmp_path):
    tasks = ("00d62c1b", "4258a5f9", "007bbfb7")
    assert cli("classify", *tasks, "--by", "code", "--out", tmp_path / "labels.json").code == 0
    found = document(cli("classify", "--validate", tmp_path / "labels.json", "--json"))
    assert (found["labelled"], found["accuracy"]) == (3, 1) and {"S3-A", "S3-B"} <= set(found["confusion"])


def test_a_task_file_by_its_grids(cli, tmp_path):
    path = tmp_path / "moved.json"
    path.write_text(json.dumps(TASK))
    found = document(cli("classify", path, "--json"))["moved"]
    assert found["best"] in CODES
    assert found["category"] in (found["best"], "ambiguous")
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=0.001)
    assert found["confidence"] == pytest.approx(max(found["probabilities"].values()), abs=0.001)


@pytest.mark.parametrize(
    "task",
    [
        {"train": [PAIR], "test": [PAIR]},
        {"train": [{"input": [[7]], "output": [[7]]}], "test": [PAIR]},
        {"train": [{"input": [[3] * 30] * 30, "output": [[3]]}] * 11, "test": [{"input": [[1]]}]},
    ],
    ids=["one pair", "1x1 and one colour", "many pairs of one colour"],
)
def test_odd_tasks_are_classified(cli, tmp_path, task):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "odd.json").write_text(json.dumps(task))
    found = document(cli("classify", "--all", "--dataset", tmp_path / "tasks", "--json"))
    assert np.isfinite(list(found["odd"]["probabilities"].values())).all()


def test_a_picture_of_one_task_a_category(cli, tmp_path):
    png = tmp_path / "out" / "categories.png"
    done = cli("classify", "00d62c1b", "007bbfb7", "025d127b", "--png", png)
    assert done.code == 0, done.err
    assert str(png) in done.out
    with Image.open(png) as picture:
        assert min(picture.size) > 100


def test_no_picture_where_no_task_has_a_category(cli, tmp_path):
    file, png, out = tmp_path / "a.json", tmp_path / "p.png", tmp_path / "out.json"
    unsolved = [{"input": [[3, 7]], "output": [[1, 8]] * 11}, {"input": [[7, 3]], "output": [[6]]}]
    file.write_text(json.dumps({"train": unsolved, "test": [{"input": [[5, 0]]}]}))
    done = cli("classify", file, "--by", "program", "--seconds", 0.2, "--png", png, "--out", out)
    assert done.code == 0 and not png.exists()
    assert f"no task has a category to draw, so nothing is written to {png}" in done.err
    assert str(out) in done.out and str(png) not in done.out


def test_a_picture_is_of_the_task_in_the_file(cli, tmp_path, monkeypatch):
    """Its name is that of a task of ARC, which it is not."""
    drawn = []
    tile = Image.new("RGB", (9, 9))
    monkeypatch.setattr("arc_affinity.cli.output.surest.task_png", lambda task, **_: drawn.append(task) or tile)
    monkeypatch.setattr(
        classifier.Classifier, "classify", lambda _self, _task: classifier.Guess("S1", "S1", {"S1": 1.0}, "")
    )
    file = tmp_path / "00d62c1b.json"
    file.write_text(json.dumps({"train": [PAIR, PAIR], "test": [PAIR]}))
    done = cli("classify", file, "--png", tmp_path / "p.png")
    assert done.code == 0, done.err
    assert [pair.input.tolist() for pair in drawn[0].train] == [PAIR["input"]] * 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / file.name).write_text(file.read_text())
    done = cli("classify", file, tmp_path / "other" / file.name)
    assert done.code == 1 and "two tasks are called 00d62c1b" in done.err


@pytest.mark.parametrize("dataset", [(), ("--dataset", "arc-agi-1/training")])
def test_tasks_of_re_arc_have_the_published_category_wherever_they_lie(cli, tmp_path, dataset):
    """Published as A2; the rules say C1."""
    beside = () if dataset else ("00576224",)
    found = document(cli("classify", *beside, "137eaa0f", *dataset, "--json"))
    assert list(found) == [*beside, "137eaa0f"]
    assert (found["137eaa0f"]["category"], found["137eaa0f"]["by_rules"]) == ("A2", "C1")
    if beside:
        assert (found["00576224"]["rule"], "by_rules" in found["00576224"]) == ("grids", False)
    # Its own file, and a store of its examples.
    path = tmp_path / "137eaa0f.json"
    pairs = [{"input": p.input.tolist(), "output": p.output.tolist()} for p in find_task("137eaa0f").train]
    path.write_text(json.dumps({"train": pairs, "test": pairs[:1]}))
    assert document(cli("classify", path, "--json"))["137eaa0f"]["category"] == "A2"
    generate_store(tmp_path / "store", ["137eaa0f"], 3)
    (made,) = document(cli("classify", "--all", "--dataset", tmp_path / "store", "--json")).values()
    assert (made["category"], made["by_rules"]) == ("A2", "C1")


def test_a_task_that_only_has_the_id_of_another_is_judged_by_its_grids(cli, tmp_path):
    path = tmp_path / "137eaa0f.json"
    path.write_text(json.dumps(TASK))
    assert document(cli("classify", path, "--json"))["137eaa0f"]["rule"] == "grids"
    # The questions of the task with other answers are another task too.
    pairs = [{"input": p.input.tolist(), "output": [[7]]} for p in find_task("137eaa0f").train]
    path.write_text(json.dumps({"train": pairs, "test": pairs[:1]}))
    assert document(cli("classify", path, "--json"))["137eaa0f"]["rule"] == "grids"
    write_store(tmp_path / "store", {"137eaa0f": [Pair(*np.full((2, 1, 1), k, np.uint8)) for k in (3, 5, 7)]})
    (other,) = document(cli("classify", "--all", "--dataset", tmp_path / "store", "--json")).values()
    assert other["rule"] == "grids"


def test_labels_are_not_compared_with_what_is_published(cli, labels):
    path = labels({"137eaa0f": "A2"})
    assert document(cli("classify", "--validate", path, "--json"))["agreed"] == 0
    (wrong,) = document(cli("classify", "--validate", path, "--dataset", "arc-agi-1/training", "--json"))[
        "disagreements"
    ]
    assert wrong["rule"] == "grids"


def test_naming_re_arc_keeps_the_published_categories(cli):
    (found,) = document(cli("classify", "1a07d186", "--dataset", "re-arc", "--json")).values()
    assert (found["category"], found["by_rules"]) == ("L1", "S1")


def test_the_surest_task_of_a_category():
    said = {
        "a": Answer("S1", None, "by hand", "", 1.0),
        "b": Answer("S1", None, "turned", "a long reason", 0.5),
        "c": Answer("S1", None, "turned", "short", 0.5),
        "d": Answer("S1", None, "turned", "x", 0.4),
        "e": Answer("C1", None, "by hand", "", 1.0),
    }
    assert (surest(said, "S1"), surest(said, "C1"), surest(said, "K1")) == ("c", "e", None)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "nothing to classify"),
        (("00d62c1b", "--all"), 2, "not both"),
        (("00d62c1c",), 1, "unknown task '00d62c1c'; did you mean '00d62c1b'?"),
        (("00d62c1c", "--by", "program"), 1, "did you mean '00d62c1b'?"),
        (("00d62c1c", "--by", "grids"), 1, "unknown task '00d62c1c'"),
        (("--all", "--by", "code", "--dataset", "arc-agi-1/training"), 2, "only re-arc has generators"),
        (("00576224", "--by", "program", "--seconds", "0"), 2, "more than 0 seconds, not 0"),
        (("00576224", "--by", "program", "--seconds", "nan"), 2, "more than 0 seconds, not nan"),
        (("00d62c1b", "--by", "code", "--seconds", "9"), 2, "by program alone"),
        (("00d62c1b", "--by", "grids", "--seconds", "9"), 2, "by program alone"),
        (("00576224", "--seconds", "9"), 2, "by program alone"),
        (("00d62c1b", "--by", "program", "--seconds", "9"), 2, "tasks of re-arc have verifiers"),
        (("--all", "--by", "program", "--dataset", "re-arc", "--seconds", "9"), 2, "tasks of re-arc have verifiers"),
        (("--all", "--dataset", "arc-agi-3"), 1, "unknown dataset 'arc-agi-3'"),
        (("--validate", "no-such.json"), 1, "cannot read no-such.json"),
    ],
)
def test_bad_input_is_one_line(cli, tmp_path, monkeypatch, arguments, code, told):
    monkeypatch.chdir(tmp_path)
    done = cli("classify", *arguments)
    assert (done.code, done.out) == (code, "")
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert told in line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ({"00d62c1b": "S9"}, "unknown category 'S9'"),
        ({"00d62c1c": "S3"}, "unknown task '00d62c1c'; did you mean '00d62c1b'?"),
        ({"00d62c1b": ["S3"]}, 'task 00d62c1b: ["S3"] is no category'),
    ],
)
def test_bad_labels_are_one_line_and_exit_1(cli, labels, content, told):
    done = cli("classify", "--validate", labels(content))
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert "labels.json" in line
    assert told in line


def test_a_file_with_several_tasks(cli, tmp_path):
    path = tmp_path / "bundle_challenges.json"
    path.write_text(json.dumps({"aaaa0001": TASK, "aaaa0002": TASK}))
    done = cli("classify", path)
    assert done.code == 1
    assert "holds 2 tasks; name one of them, with --dataset" in done.err
    assert set(document(cli("classify", "--all", "--dataset", path, "--json"))) == {"aaaa0001", "aaaa0002"}


def test_wrong_usage_is_exit_2(cli):
    for wrong in (["--by", "colour"], ["--datasets", "toy"], ["00d62c1b", "--validate"]):
        done = cli("classify", *wrong)
        assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_a_task_without_a_generator_is_judged_by_its_grids(cli):
    assert document(cli("classify", "00576224", "--json"))["00576224"]["rule"] == "grids"
    done = cli("classify", "00576224", "--by", "code")
    assert done.code == 1 and "unknown task '00576224' here; arc-agi-1/evaluation has it" in done.err


def test_a_task_file_by_the_program_found_for_it(cli, tmp_path):
    (tmp_path / "tasks").mkdir()
    turned = [{"input": [[1, 2, 3], [4, 0, 0]], "output": [[3, 2, 1], [0, 0, 4]]}, PAIR]
    # The output of the test is withheld, and another one wrong: neither matters.
    withheld = {"train": turned, "test": [{"input": [[5, 0]]}]}
    wrong = {"train": turned, "test": [{"input": [[5, 0]], "output": [[9]]}]}
    unsolved = {"train": [{"input": [[3, 7]], "output": [[1, 8]] * 11}, {"input": [[7, 3]], "output": [[6]]}]}
    for name, task in (("a", withheld), ("b", wrong), ("c", {**unsolved, "test": [{"input": [[5, 0]]}]})):
        (tmp_path / "tasks" / f"{name}.json").write_text(json.dumps(task))
    found = document(
        cli("classify", "--all", "--by", "program", "--dataset", tmp_path / "tasks", "--seconds", 1, "--json")
    )
    for name in "ab":
        assert found[name]["category"] == "S1"
        assert found[name]["program"] == found[name]["reason"] == "input | mirror left-right"
        assert (found[name]["rule"], found[name]["confidence"]) == ("largest share of steps", 1.0)
        assert found[name]["kinds"]["S1"] == 1
    assert (found["c"]["category"], found["c"]["rule"]) == ("ambiguous", "not found")
    done = cli("classify", tmp_path / "tasks" / "c.json", "--by", "program", "--seconds", 0.2)
    assert done.code == 0, done.err
    assert "not found" in done.out


def test_a_task_without_a_verifier_is_searched(cli):
    # Of ARC-AGI-1 evaluation, found wherever it is.
    found = document(cli("classify", "00576224", "--by", "program", "--seconds", 1, "--json"))["00576224"]
    assert (found["category"], found["program"]) == ("S2", "input | tile with mirrored middle")
    # A re-arc task is searched too where a dataset is named.
    searched = document(
        cli("classify", "67a3c6ac", "--by", "program", "--dataset", "arc-agi-1/training", "--seconds", 1, "--json")
    )
    assert searched["67a3c6ac"]["program"] == "input | mirror left-right"


def test_found_programs_need_no_torch():
    words = ["classify", "67a3c6ac", "--by", "program", "--dataset", "arc-agi-1/training", "--seconds", "0.01"]
    script = f"import sys; sys.modules['torch'] = None; from arc_affinity.cli.main import run; sys.exit(run({words}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
