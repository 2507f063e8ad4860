"""``diagnose`` as users call it: records and submissions, side by side, from real datasets, and bad input."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.store.examples import write_store
from arc_affinity.evaluation.records.record import Origin, make_record, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.submission import write_submission
from arc_affinity.taxonomy.by_code.rules import classify
from arc_affinity.taxonomy.by_grids import classifier
from arc_affinity.taxonomy.labels import find_categories
from arc_affinity.types import Example, Pair

TRAINING = "arc-agi-1/training"
EVALUATION = "arc-agi-1/evaluation"
GUESS = classifier.Guess("S1", "S1", {}, "")


@pytest.fixture(scope="module")
def training():
    """Seven real tasks that have generators, and thus categories by code."""
    return load_tasks(TRAINING)[:7]


def answers(tasks, *, model="toy", protocol=Protocol.ARC_PRIZE, solved=frozenset(), dataset=TRAINING, attempts=2):
    """Records that copy the input, but for the tasks that are solved by the last attempt."""
    origin = Origin(model, "0123", dataset, protocol, seed=7)
    for task in tasks:
        for index, pair in enumerate(task.test):
            for attempt in range(1, attempts + 1):
                right = task.id in solved and attempt == attempts
                grid = pair.output if right else pair.input
                yield make_record(origin, Example(task.id, index, pair, ()), attempt, grid)


@pytest.fixture
def records(tmp_path, training):
    path = tmp_path / "records.jsonl"
    write_records(path, answers(training, solved={training[0].id, training[1].id}))
    return path


def numbers_of(done) -> dict:
    assert done.code == 0, done.err
    return json.loads(done.out)


def failed(done, *words: str, code: int = 1) -> None:
    assert done.code == code
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    for each in words:
        assert each in done.err


def test_records_become_a_page_numbers_and_figures(cli, tmp_path, records, training):
    out = tmp_path / "made" / "report.html"
    done = cli("diagnose", records, "--out", out, "--figures", tmp_path / "figures")
    assert done.code == 0, done.err
    assert done.out.startswith("toy solves 2 of 7 tasks; where it fails, on 5 outputs, mostly it hands the input back ")
    page = out.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert set(data["tasks"]) == {task.id for task in training}
    # The demonstrations come from the dataset that the records name.
    assert [len(data["tasks"][task.id]["train"]) for task in training] == [len(task.train) for task in training]
    numbers = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert numbers["category_source"] == "the published labels of 7 tasks"
    assert numbers["sets"][0]["scores"]["score"]["value"] == pytest.approx(2 / 7)
    assert numbers["sets"][0]["by_task"][training[3].id]["category"] == classify(training[3].id).category
    assert numbers["notes"] == []
    assert {path.name for path in (tmp_path / "figures").iterdir()} >= {
        "scores.svg",
        "sensitivity-A.svg",
        "ceilings-A.svg",
    }


def test_json_alone_is_on_stdout(cli, tmp_path, records):
    out = tmp_path / "report.html"
    done = cli("diagnose", records, "--out", out, "--json")
    assert numbers_of(done) == json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert done.err == ""


def test_three_protocols_and_two_models_stand_side_by_side(cli, tmp_path, training):
    paths = []
    for model, protocol, solved in (
        ("first", Protocol.ARC_PRIZE, set()),
        ("first", Protocol.SIZED, {training[0].id}),
        ("second", Protocol.ARC_PRIZE, {training[0].id, training[5].id}),
    ):
        paths.append(tmp_path / f"{model}-{protocol}.jsonl")
        write_records(paths[-1], answers(training, model=model, protocol=protocol, solved=solved))
    numbers = numbers_of(cli("diagnose", *paths, "--out", tmp_path / "report.html", "--json"))
    assert [(s["letter"], s["model"], s["protocol"]) for s in numbers["sets"]] == [
        ("A", "first", "arc_prize"),
        ("B", "first", "sized"),
        ("C", "second", "arc_prize"),
    ]
    scores = {(c["first"], c["second"]): c for c in numbers["comparisons"] if c["measure"] == "score"}
    # Never two protocols with each other.
    assert set(scores) == {("A", "C")}
    assert scores["A", "C"]["difference"]["value"] == pytest.approx(2 / 7)
    assert scores["A", "C"]["difference"]["low"] is not None


def test_a_submission_of_any_solver_needs_no_model(cli, tmp_path, monkeypatch):
    guess = classifier.Guess("L1", "L1", {"L1": 1.0}, "made up")
    monkeypatch.setattr(classifier.Classifier, "classify", lambda _self, _task: guess)
    tasks = load_tasks(EVALUATION)
    nothing = np.zeros((1, 1), np.uint8)
    submission = {
        task.id: [(nothing, pair.output if number % 2 else nothing) for pair in task.test]
        for number, task in enumerate(tasks)
    }
    path = tmp_path / "submission.json"
    write_submission(path, submission)
    numbers = numbers_of(cli("diagnose", path, "--dataset", EVALUATION, "--out", tmp_path / "report.html", "--json"))
    (only,) = numbers["sets"]
    assert (only["model"], only["protocol"], only["tasks"], only["outputs"]) == ("submission", "arc_prize", 400, 419)
    assert (only["scores"]["score"]["value"], only["scores"]["pass_at_1"]["value"]) == (0.5, 0.0)
    assert only["categories"]["L1"]["gap"]["tasks"] == 400
    assert "networks that look at the demonstrations of 400 tasks" in numbers["category_source"]
    assert (tmp_path / "report.html").stat().st_size < 10_000_000


def test_a_dataset_named_by_the_user_counts_whole(cli, tmp_path, training):
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task in training[:3]:
        document = {
            part: [{"input": p.input.tolist(), "output": p.output.tolist()} for p in pairs]
            for part, pairs in (("train", task.train), ("test", task.test))
        }
        (folder / f"{task.id}.json").write_text(json.dumps(document))
    path = tmp_path / "records.jsonl"
    write_records(path, answers(training[:2], solved={training[0].id}))
    arguments = ("diagnose", path, "--out", tmp_path / "report.html", "--json")
    alone, whole = numbers_of(cli(*arguments)), numbers_of(cli(*arguments, "--dataset", folder))
    assert [n["sets"][0]["scores"]["score"]["value"] for n in (alone, whole)] == pytest.approx([1 / 2, 1 / 3])
    assert whole["dataset"] == str(folder)
    assert "toy has no attempt at 1 output of the dataset; they count 0." in whole["notes"]


def test_withheld_targets_come_from_the_dataset(cli, tmp_path, training):
    blind = [
        make_record(Origin("toy", "0123", TRAINING, Protocol.ARC_PRIZE, 7), Example(t.id, i, hidden, ()), 1, p.output)
        for t in training
        for i, p in enumerate(t.test)
        for hidden in [Pair(p.input, None)]
    ]
    path = tmp_path / "blind.jsonl"
    write_records(path, blind)
    arguments = ("diagnose", path, "--out", tmp_path / "report.html", "--json")
    failed(cli(*arguments), "withheld")
    numbers = numbers_of(cli(*arguments, "--dataset", TRAINING))
    assert numbers["sets"][0]["scores"]["score"]["value"] == pytest.approx(7 / 400)


def test_without_the_dataset_the_page_comes_out_and_says_so(cli, tmp_path, training):
    path = tmp_path / "records.jsonl"
    write_records(path, answers(training, dataset="gone/away"))
    out = tmp_path / "report.html"
    numbers = numbers_of(cli("diagnose", path, "--out", out, "--json"))
    assert any("shows no demonstrations" in note and "gone/away" in note for note in numbers["notes"])
    assert "shows no demonstrations" in out.read_text(encoding="utf-8")


def test_tasks_that_changed_since_lose_their_demonstrations(cli, tmp_path, training):
    path = tmp_path / "records.jsonl"
    other = [type(t)(t.id, t.train, (Pair(t.test[0].output, t.test[0].output),), TRAINING) for t in training[:1]]
    write_records(path, answers([*other, *training[1:]]))
    numbers = numbers_of(cli("diagnose", path, "--out", tmp_path / "report.html", "--json"))
    assert any(f"other tests now: tasks: 1 ({training[0].id})" in note for note in numbers["notes"])


@pytest.mark.parametrize("named", [(), ("--dataset", TRAINING)])
def test_answers_of_another_edition_are_told(cli, tmp_path, records, named):
    other = changed(records, edition="03280510dd251b49")
    numbers = numbers_of(cli("diagnose", other, *named, "--out", tmp_path / "report.html", "--json"))
    told = "The answers are of another edition, 03280510dd251b49 (ARC-AGI-1 training, Kaggle 2019), than "
    assert numbers["notes"][0].startswith(told)
    assert numbers["sets"][0]["edition"] == "03280510dd251b49"


def test_chosen_tasks_of_answers_that_name_the_edition_of_their_own_tasks_are_of_no_other(
    cli, tmp_path, records, training
):
    answered = {json.loads(line)["task_id"] for line in records.read_text().splitlines()}
    own = edition_of(task for task in training if task.id in answered)
    whole, chosen = changed(records, edition=own), min(answered)
    assert len(answered) > 1
    for which in ((), ("--tasks", chosen)):
        numbers = numbers_of(cli("diagnose", whole, *which, "--out", tmp_path / "report.html", "--json"))
        assert not [note for note in numbers["notes"] if "edition" in note]


def test_editions_of_a_dataset_that_is_not_here_are_held_against_each_other(cli, tmp_path, records):
    first = changed(records, dataset="mine", edition="aa")
    first.rename(tmp_path / "first.jsonl")
    second = changed(records, dataset="mine", edition="bb", model="another")
    numbers = numbers_of(cli("diagnose", tmp_path / "first.jsonl", second, "--out", tmp_path / "r.html", "--json"))
    assert "The answers are of 2 editions of mine, whose tasks differ: aa, bb." in numbers["notes"]


def test_a_file_of_categories_may_lack_tasks_and_says_which(cli, tmp_path, records, training):
    labels = tmp_path / "labels.json"
    content = {training[0].id: "S3-A", training[1].id: {"category": "A2"}, training[2].id: "ambiguous", "other": "S1"}
    labels.write_text(json.dumps(content))
    done = cli("diagnose", records, "--out", tmp_path / "report.html", "--categories", labels, "--json")
    numbers = numbers_of(done)
    tasks = numbers["sets"][0]["by_task"]
    found = [tasks[task.id]["category"] for task in training[:4]]
    assert found == ["S3", "A2", "ambiguous", "unlabelled"]
    assert any("not in the file), in all: 4" in note for note in numbers["notes"])
    assert numbers["sets"][0]["categories"]["A2"]["ceiling"]["cells"]["low"] is None
    assert "one task alone" in numbers["sets"][0]["categories"]["A2"]["ceiling"]["cells"]["reason"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"TASK": "S9"}', "task TASK: unknown category 'S9'; did you mean"),
        ('{"TASK": 7}', "task TASK: must be a category, not 7"),
        ("[]", "must be a JSON object"),
        ("{", "labels.json"),
    ],
)
def test_a_file_that_gives_no_categories_is_refused(cli, tmp_path, records, training, content, words):
    labels = tmp_path / "labels.json"
    labels.write_text(content.replace("TASK", training[0].id))
    done = cli("diagnose", records, "--out", tmp_path / "report.html", "--categories", labels)
    failed(done, words.replace("TASK", training[0].id))
    assert not (tmp_path / "report.html").exists()


def test_categories_by_code_need_no_demonstrations():
    labels = find_categories(["007bbfb7", "zzzzzzzz"])
    assert labels.by_task == {"007bbfb7": classify("007bbfb7").category}
    assert "in all: 1 (zzzzzzzz)" in labels.notes[0]


def test_generated_examples_are_not_looked_for_in_the_dataset(cli, tmp_path, training):
    path = tmp_path / "records.jsonl"
    write_records(path, answers(training[:1], dataset="re-arc"))
    numbers = numbers_of(cli("diagnose", path, "--out", tmp_path / "report.html", "--json"))
    assert numbers["notes"] == ["The page shows no demonstrations: the examples were made by re-arc's generators."]


def test_a_task_that_is_only_called_like_one_of_re_arc_is_looked_at(training, monkeypatch):
    task, published = training[3], {training[3].id: "K1"}
    monkeypatch.setattr(
        classifier, "classify_all", lambda tasks: {task.id: replace(GUESS, category="S2") for task in tasks}
    )
    assert find_categories([task.id], [task], published=published).by_task == {task.id: "K1"}
    named = replace(task, train=tuple(Pair(pair.output, pair.input) for pair in task.train))
    assert find_categories([task.id], [named], published=published).by_task == {task.id: "S2"}


def test_published_categories_come_before_the_rules():
    published = {"1a07d186": "L1", "0b148d64": "ambiguous", "zzzzzzzz": "S1"}
    labels = find_categories(["1a07d186", "0b148d64", "007bbfb7", "zzzzzzzz"], published=published)
    # The rules alone say S1 of the first.
    assert labels.by_task["1a07d186"] == "L1" != classify("1a07d186").category
    assert {task: labels.by_task.get(task) for task in ("0b148d64", "007bbfb7", "zzzzzzzz")} == {
        "0b148d64": classify("0b148d64").category,
        "007bbfb7": classify("007bbfb7").category,
        "zzzzzzzz": None,
    }
    assert labels.source == (
        "the published labels of 1 task; the categories given by hand, in the paper, to 1 task; rules over the code of "
        "the generators of 1 task"
    )


def changed(path, **fields):
    """The rows of a file of records with other values; None takes a field away."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    gone = {name for name, value in fields.items() if value is None}
    rows = [{name: value for name, value in {**row, **fields}.items() if name not in gone} for row in rows]
    other = path.with_name("changed.jsonl")
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return other


def test_bad_records_are_told_in_one_line(cli, tmp_path, records):
    out = ("--out", tmp_path / "report.html")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    twice = tmp_path / "twice.jsonl"
    twice.write_text(records.read_text() + records.read_text().splitlines()[0] + "\n")
    failed(cli("diagnose", empty, *out), "empty.jsonl: the file is empty")
    failed(cli("diagnose", twice, *out), "duplicate record", "first on line 1")
    failed(cli("diagnose", records, records, *out), "comes twice")
    failed(cli("diagnose", changed(records, protocol=None), *out), "no field protocol")
    failed(cli("diagnose", records, changed(records, dataset="other"), *out), "'other' cannot be diagnosed together")
    failed(cli("diagnose", tmp_path / "none.jsonl", *out), "none.jsonl", "No such file")
    failed(cli("diagnose", tmp_path, *out), "cannot read")
    failed(cli("diagnose", records, "--dataset", EVALUATION, *out), "which the dataset lacks")
    failed(cli("diagnose", *out), "at least one file", code=2)
    failed(cli("diagnose", records, "--out", tmp_path / "report.json"), "would be both", code=2)
    assert not (tmp_path / "report.html").exists()


def test_a_submission_without_a_dataset_is_refused(cli, tmp_path):
    path = tmp_path / "submission.json"
    path.write_text('{"007bbfb7": [{"attempt_1": [[0]], "attempt_2": [[0]]}]}')
    failed(cli("diagnose", path, "--out", tmp_path / "report.html"), "give --dataset")
    lacking = cli("diagnose", path, "--dataset", TRAINING, "--out", tmp_path / "report.html")
    failed(lacking, "missing tasks (see --allow-missing): 399")


def test_attempts_that_are_no_grid_count_as_in_the_score(cli, tmp_path, training):
    path, dataset = tmp_path / "part.json", ("--dataset", TRAINING, "--tasks", *(task.id for task in training))

    def asked(grids):
        answers = {t.id: [{"attempt_1": grids(t, p), "attempt_2": []} for p in t.test] for t in training}
        path.write_text(json.dumps(answers))
        (told,) = numbers_of(cli("diagnose", path, *dataset, "--out", tmp_path / "r.html", "--json"))["sets"]
        (scored,) = json.loads(cli("score", path, *dataset, "--json").out)["scores"]
        for name in ("copy_accuracy", "change_accuracy", "cell_accuracy"):
            assert told["scores"][name]["value"] == pytest.approx(scored[name]["over_tasks"]), name
        return told

    right = asked(lambda task, pair: pair.output.tolist() if task is training[0] else [])
    assert right["scores"]["score"]["value"] == pytest.approx(1 / len(training))
    assert asked(lambda *_: [])["scores"]["score"]["value"] == 0


def test_records_of_tasks_with_code_need_no_torch(cli_process, tmp_path, records):
    done = cli_process(
        "diagnose", records, "--out", tmp_path / "report.html", env={"PYTHONPATH": str(blocking(tmp_path))}
    )
    assert done.code == 0, done.err


def blocking(folder):
    """A folder whose torch cannot be imported."""
    (folder / "torch.py").write_text("raise ImportError('torch is not wanted here')\n")
    return folder


def test_what_takes_long_says_how_far_it_is(cli, tmp_path, records, monkeypatch):
    monkeypatch.setattr("arc_affinity.cli.output.bars.LINE_EVERY", 0.0)
    done = cli("diagnose", records, "--out", tmp_path / "r.html")
    lines = [line for line in done.err.splitlines() if line.startswith("Diagnosing: ")]
    assert done.code == 0 and f"Diagnosing {records}: 0 of 14 records, 0 s so far" in done.err
    for words in ("categories of", "intervals and tests over", f"writing {tmp_path / 'r.html'}"):
        assert any(words in line for line in lines), lines


def test_submissions_of_one_name_are_told_apart(cli, tmp_path, training):
    """Every solver calls its file submission.json; two even hold the same answers."""
    paths = [tmp_path / solver / "submission.json" for solver in ("first", "second")]
    for path in paths:
        write_submission(path, {task.id: [(pair.input, pair.output) for pair in task.test] for task in training})
    out = (
        "--dataset",
        TRAINING,
        "--tasks",
        training[0].id,
        training[1].id,
        "--out",
        tmp_path / "report.html",
        "--json",
    )
    numbers = numbers_of(cli("diagnose", *paths, *out))
    assert [each["model"] for each in numbers["sets"]] == ["first/submission", "second/submission"]
    assert [(each["tasks"], each["outputs_missing"]) for each in numbers["sets"]] == [(2, 0), (2, 0)]
    named = numbers_of(cli("diagnose", *paths, *out, "--name", "ours", "theirs"))
    assert [each["model"] for each in named["sets"]] == ["ours", "theirs"]
    failed(cli("diagnose", *paths, *out, "--name", "ours"), "--name has 1 names for 2 files", code=2)


def test_records_of_some_tasks_under_another_name(cli, tmp_path, records, training):
    for whose in (("--dataset", TRAINING), ()):
        wanted = ("--tasks", training[0].id, training[3].id, "--name", "mine", "--out", tmp_path / "r.html", "--json")
        (only,) = numbers_of(cli("diagnose", records, *whose, *wanted))["sets"]
        assert (only["model"], set(only["by_task"])) == ("mine", {training[0].id, training[3].id})
        assert (only["scores"]["score"]["value"], only["outputs_missing"]) == (0.5, 0)


def test_a_submission_of_one_attempt(cli, tmp_path, training):
    path = tmp_path / "one.json"
    answers = {task.id: [{"attempt_1": pair.output.tolist()} for pair in task.test] for task in training}
    path.write_text(json.dumps(answers))
    wanted = ("--dataset", TRAINING, "--tasks", *answers, "--out", tmp_path / "r.html", "--json")
    failed(cli("diagnose", path, *wanted), "answers without attempt_2")
    (only,) = numbers_of(cli("diagnose", path, *wanted, "--attempts", "1"))["sets"]
    assert only["scores"]["score"]["value"] == 1


def test_the_numbers_are_written_over_numbers_alone(cli, tmp_path, records):
    page, numbers = tmp_path / "mine.html", tmp_path / "mine.json"
    numbers.write_text('{"00576224": [{"attempt_1": [[1]], "attempt_2": [[1]]}]}')
    failed(cli("diagnose", records, "--out", page), "mine.json, where the numbers go, is no report")
    assert "attempt_1" in numbers.read_text() and not page.exists()
    numbers.unlink()
    assert cli("diagnose", records, "--out", page).code == 0
    again = cli("diagnose", records, "--out", page)
    assert again.code == 0 and "mine.json will be replaced" in again.err


def test_copy_and_change_accuracy_have_one_name_each(cli, tmp_path, records):
    page = tmp_path / "report.html"
    cli("diagnose", records, "--out", page)
    text = page.read_text(encoding="utf-8") + cli("score", records).out
    assert {"copy accuracy", "change accuracy"} <= set(re.findall("[a-z]+ accuracy", text))
    assert "kept cells" not in text and "changed cells" not in text


def test_categories_of_many_tasks_go_through_their_ids_a_few_times(monkeypatch, training) -> None:
    class Ids(list):
        walked = 0

        def __iter__(self):
            Ids.walked += 1
            return super().__iter__()

    tasks = [replace(training[0], id=f"t{number}") for number in range(59)]
    monkeypatch.setattr(
        classifier, "classify_all", lambda tasks: {task.id: replace(GUESS, category="S2") for task in tasks}
    )
    told: list[str] = []
    labels = find_categories(Ids(task.id for task in tasks), tasks, tell=told.append)
    assert set(labels.by_task.values()) == {"S2"} and len(labels.by_task) == 59
    assert Ids.walked < 10
    assert told[0] == "category of task 1 of 59" and len(told) == 59


def test_examples_of_a_store_are_numbered_within_their_task_and_said_to_be_no_demonstrations(cli, tmp_path, training):
    """An output's index is its place in the whole store; what was drawn to stand beside it is not known."""
    pairs = [pair for task in training for pair in task.train][:11]
    write_store(tmp_path / "store", {"aaaa0001": pairs[:6], "aaaa0002": pairs[6:]})
    origin = Origin("toy", "0123", str(tmp_path / "store"), Protocol.ARC_PRIZE, seed=0)
    asked = [(6, pairs[6]), (8, pairs[8])]
    rows = [make_record(origin, Example("aaaa0002", i, pair, ()), 1, pair.input) for i, pair in asked]
    write_records(tmp_path / "r.jsonl", rows)
    page = tmp_path / "report.html"
    done = cli("diagnose", tmp_path / "r.jsonl", "--dataset", tmp_path / "store", "--out", page)
    assert done.code == 0, done.err
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])
    assert data["pairs"].startswith("Examples of this task") and "records do not tell" in data["pairs"]
    assert [test["number"] for test in data["tasks"]["aaaa0002"]["tests"]] == [1, 3]


@pytest.mark.parametrize("command", ["score", "diagnose"])
def test_a_solver_has_a_name_that_can_be_shown(cli, tmp_path, records, command) -> None:
    for name in ("\x01", "\x1b[2J", "a\udc80", "\uffff", "x" * 5000):
        done = cli(command, records, "--name", name, *(["--out", tmp_path / "p.html"] if command == "diagnose" else []))
        failed(done, "--name", code=2)
    assert not (tmp_path / "p.html").exists()
