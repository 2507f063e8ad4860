"""``score`` and ``submit`` as users call them, on small tasks in files and on the public evaluation sets."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.evaluation.records.record import Origin, make_record, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.submission import write_submission
from arc_affinity.types import Example, Pair

PAIR = {"input": [[1, 2]], "output": [[2, 1]]}
TESTS = {
    "aaaa0001": [{"input": [[3, 4]], "output": [[4, 3]]}, {"input": [[5, 6]], "output": [[6, 5]]}],
    "aaaa0002": [{"input": [[7, 8]], "output": [[8, 7]]}],
}
ANSWERS = {
    "aaaa0001": [
        {"attempt_1": [[4, 3]], "attempt_2": [[0]]},
        {"attempt_1": [[5, 5]], "attempt_2": [[9]]},
    ],
    "aaaa0002": [{"attempt_1": [[0]], "attempt_2": [[8, 7]]}],
}
"""Output 0 of the first task by attempt 1, the second task by attempt 2: a score of (1/2 + 1) / 2."""


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task_id, tests in TESTS.items():
        (folder / f"{task_id}.json").write_text(json.dumps({"train": [PAIR, PAIR], "test": tests}))
    return folder


@pytest.fixture
def submission(tmp_path):
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(ANSWERS))
    return path


@pytest.fixture
def records(tmp_path, dataset):
    """The same answers as records of two protocols."""
    path = tmp_path / "records.jsonl"
    rows = []
    for protocol in (Protocol.ARC_PRIZE, Protocol.TEACHER_FORCED):
        origin = Origin("toy-model", "0123", "toy", protocol, seed=7)
        for task in load_tasks(str(dataset), None):
            for index, pair in enumerate(task.test):
                example = Example(task.id, index, pair, ())
                for attempt in (1, 2):
                    grid = np.array(ANSWERS[task.id][index][f"attempt_{attempt}"], np.uint8)
                    rows.append(make_record(origin, example, attempt, grid))
    write_records(path, rows)
    return path


def scores_of(done) -> list[dict]:
    assert done.code == 0, done.err
    return json.loads(done.out)["scores"]


def test_a_submission_by_any_solver(cli, dataset, submission):
    (score,) = scores_of(cli("score", submission, "--dataset", dataset, "--json"))
    assert score["protocol"] == "arc_prize"
    assert (score["score"], score["strict_score"]) == (0.75, 0.5)
    assert score["solved"] == {"over_tasks": 0.75, "over_outputs": 2 / 3, "outputs": 3}
    assert (score["tasks"], score["tasks_solved"], score["outputs"], score["outputs_solved"]) == (2, 1, 3, 2)
    assert score["missing_tasks"] == []


def test_records_of_two_protocols_are_scored_apart(cli, dataset, records):
    scores = scores_of(cli("score", records, "--dataset", dataset, "--json", "--by-task"))
    assert [(s["protocol"], s["model"], s["score"]) for s in scores] == [
        ("arc_prize", "toy-model", 0.75),
        ("teacher_forced", "toy-model", 0.75),
    ]
    assert scores[0]["by_task"]["aaaa0001"]["cell_accuracy"]["over_outputs"] == 0.75


def test_the_table_names_protocol_counts_and_both_means(cli, dataset, records):
    done = cli("score", records, "--dataset", dataset, "--by-task")
    assert done.code == 0
    for words in (
        "arc_prize",
        "teacher_forced",
        "75.00 / 66.67",
        "2 of 3",
        "1 of 2",
        "aaaa0001",
        "toy-model",
    ):
        assert words in done.out
    assert done.err == ""


def test_many_scores_stand_in_tables_that_fit_the_terminal(cli, dataset, tmp_path, monkeypatch):
    (task, _) = load_tasks(str(dataset))
    rows = [
        make_record(Origin(f"model-{number}", f"{number}", "toy", Protocol.TEACHER_FORCED, seed=7), example, 1, None)
        for number in range(5)
        for example in (Example(task.id, 0, task.test[0], ()),)
    ]
    write_records(tmp_path / "five.jsonl", rows)
    for width, heads in ((80, [3, 2]), (300, [5])):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = cli("score", tmp_path / "five.jsonl").out.splitlines()
        assert [line.count("teacher_forced") for line in lines if "teacher_forced" in line] == heads
        assert max(map(len, lines)) <= width


def test_answers_of_another_edition_are_told(cli, dataset, tmp_path):
    mine = edition_of(load_tasks(str(dataset)))
    rows = []
    for edition in (mine, "92d4b04388fc0e40"):
        origin = Origin("toy", "0123", str(dataset), Protocol.ARC_PRIZE, seed=7, edition=edition)
        for task in load_tasks(str(dataset)):
            rows += [make_record(origin, Example(task.id, i, pair, ()), 1, None) for i, pair in enumerate(task.test)]
    write_records(tmp_path / "mine.jsonl", rows[:3])
    write_records(tmp_path / "other.jsonl", rows[3:])
    done = cli("score", tmp_path / "mine.jsonl", "--dataset", dataset)
    assert (done.err, mine in done.out) == ("", True)
    done = cli("score", tmp_path / "other.jsonl", "--dataset", dataset, "--json")
    told = (
        "the answers are of another edition, 92d4b04388fc0e40 (ARC-AGI-2 evaluation, Kaggle 2025), than "
        f"{dataset} here, {mine}: some of its tasks differ"
    )
    assert done.err == f"note: {told}\n"
    assert json.loads(done.out)["notes"] == [told]
    assert json.loads(done.out)["scores"][0]["edition"] == "92d4b04388fc0e40"
    assert cli("score", tmp_path / "other.jsonl").err == ""
    done = cli("score", tmp_path / "other.jsonl", "--dataset", dataset, "--strict")
    assert (done.code, done.out, done.err) == (1, "", f"error: {told}\n")
    assert cli("score", tmp_path / "mine.jsonl", "--dataset", dataset, "--strict").code == 0
    path = dataset / "aaaa0001.json"
    path.write_text(path.read_text().replace("[3, 4]", "[3, 3]"))
    done = cli("score", tmp_path / "other.jsonl", "--dataset", dataset)
    assert done.err.endswith("; it is of edition 92d4b04388fc0e40 (ARC-AGI-2 evaluation, Kaggle 2025)\n")


def answered(dataset, *task_ids, called: str = "toy") -> list:
    """Right answers to some tasks of the dataset, under the edition of those alone, as in a notebook."""
    tasks = [task for task in load_tasks(str(dataset)) if task.id in task_ids]
    origin = Origin("toy-model", "0123", called, Protocol.ARC_PRIZE, seed=7, edition=edition_of(tasks))
    return [make_record(origin, Example(task.id, i, pair, ()), 1, pair.output)
            for task in tasks for i, pair in enumerate(task.test)]  # fmt: skip


def test_answers_of_the_edition_of_their_own_tasks_are_of_the_dataset(cli, dataset, tmp_path):
    (dataset / "aaaa0003.json").write_text(json.dumps({"train": [PAIR], "test": [PAIR]}))
    write_records(tmp_path / "r.jsonl", answered(dataset, "aaaa0001", "aaaa0002"))
    for named in ((), ("--tasks", "aaaa0001"), ("--tasks", "aaaa0002", "--strict")):
        done = cli("score", tmp_path / "r.jsonl", "--dataset", dataset, *named, "--json")
        assert (scores_of(done)[0]["edition"], done.err) == (edition_of(load_tasks(str(dataset))), "")


def test_one_solvers_answers_in_parts_are_one_score(cli, dataset, tmp_path):
    parts = [answered(dataset, "aaaa0001", called="one part"), answered(dataset, "aaaa0002", called="another")]
    write_records(tmp_path / "r.jsonl", [row for part in parts for row in part])
    (score,) = scores_of(cli("score", tmp_path / "r.jsonl", "--dataset", dataset, "--json"))
    assert (score["score"], score["missing_tasks"], score["dataset"]) == (1, [], str(dataset))
    for number, part in enumerate(parts):
        write_records(tmp_path / f"{number}.jsonl", part)
    files = (tmp_path / "0.jsonl", tmp_path / "1.jsonl")
    done = cli("diagnose", *files, "--dataset", dataset, "--out", tmp_path / "r.html")
    assert done.code == 0, done.err
    (found,) = json.loads((tmp_path / "r.json").read_text())["sets"]
    assert (found["outputs"], found["outputs_missing"]) == (3, 0)


def test_a_score_is_of_the_dataset_that_was_named(cli, dataset, records):
    assert {score["dataset"] for score in scores_of(cli("score", records, "--dataset", dataset, "--json"))} == {
        str(dataset)
    }
    # How demonstrations were chosen stays told.
    records.write_text(records.read_text().replace('"dataset":"toy"', '"dataset":"toy?context=first"'))
    assert {score["dataset"] for score in scores_of(cli("score", records, "--dataset", dataset, "--json"))} == {
        f"{dataset}?context=first"
    }
    del (tests := json.loads(json.dumps(TESTS["aaaa0002"])))[0]["output"]
    (dataset / "aaaa0002.json").write_text(json.dumps({"train": [PAIR, PAIR], "test": tests}))
    assert f"cannot score {dataset}" in cli("score", records, "--dataset", dataset).err


def test_one_attempt_that_is_no_grid_is_told_as_one(cli, dataset, submission):
    answers = {**ANSWERS, "aaaa0002": [{"attempt_1": [[8, 7]], "attempt_2": [[1], [1, 2]]}]}
    submission.write_text(json.dumps(answers))
    assert cli("score", submission, "--dataset", dataset).err.startswith("note: 1 attempt is no grid and counts as wr")
    answers["aaaa0001"] = [{"attempt_1": [[0]], "attempt_2": [[10]]}] * 2
    submission.write_text(json.dumps(answers))
    told = "note: 3 attempts are no grid and count as wrong; the first: "
    assert cli("score", submission, "--dataset", dataset).err.startswith(told)


def test_strict_refuses_records_that_lack_outputs(cli, dataset, records):
    whole = records.read_text().splitlines(keepends=True)
    records.write_text("".join(whole[2:]))
    done = cli("score", records, "--dataset", dataset)
    assert (done.code, "2 of 3" in done.out) == (0, True)
    refused = cli("score", records, "--dataset", dataset, "--strict")
    told = f"error: {records}: arc_prize: outputs without an attempt: 1 (task aaaa0001 output 0)\n"
    assert (refused.code, refused.out, refused.err) == (1, "", told)
    assert cli("score", records, "--dataset", dataset, "--strict", "--allow-missing").out == done.out
    assert cli("score", records, "--dataset", dataset, "--strict", "--tasks", "aaaa0002").code == 0
    records.write_text("".join(whole))
    assert cli("score", records, "--dataset", dataset, "--strict").code == 0


def test_a_submission_is_checked_where_answers_are_withheld(cli, dataset, submission):
    for path in dataset.iterdir():
        task = json.loads(path.read_text())
        path.write_text(json.dumps({**task, "test": [{"input": pair["input"]} for pair in task["test"]]}))
    done = cli("submit", submission, "--dataset", dataset, "--check")
    assert (done.code, done.out, done.err) == (0, f"{submission}: 2 tasks, 3 answers, as they must be\n", "")
    for change, told in (
        ({"aaaa0003": []}, "tasks that the dataset lacks: 1 (aaaa0003)"),
        ({"aaaa0002": []}, "wrong number of outputs: 1 (aaaa0002 has 0 for 1)"),
        ({"aaaa0002": [{"attempt_1": [[0]]}]}, "answers without attempt_2: 1"),
        ({"aaaa0002": [{"attempt_1": [[0]], "attempt_2": [[1], [1, 2]]}]}, "2 columns, but row 0 has 1"),
        ({"aaaa0002": [{"attempt_1": [[0]], "attempt_2": [[10]]}]}, "10 is not a colour"),
        ({"aaaa0002": [{"attempt_1": [[0]], "attempt_2": [[0]] * 31}]}, "31 rows; a grid has 1-30"),
    ):
        submission.write_text(json.dumps({**ANSWERS, **change}))
        done = cli("submit", submission, "--dataset", dataset, "--check")
        assert (done.code, done.out) == (1, "") and told in done.err, done.err


def test_a_folder_of_results_is_checked_and_records_are_not(cli, tmp_path, dataset, records):
    folder = tmp_path / "results"
    folder.mkdir()
    for task_id, answers in ANSWERS.items():
        outputs = [{name: {"answer": grid} for name, grid in answer.items()} for answer in answers]
        (folder / f"{task_id}.json").write_text(json.dumps(outputs))
    done = cli("submit", folder, "--dataset", dataset, "--check")
    assert (done.code, done.out) == (0, f"{folder}: 2 tasks, 3 answers, as they must be\n"), done.err
    refused = cli("submit", records, "--dataset", dataset, "--check")
    assert refused.code == 2 and "holds records; leave it out to make one" in refused.err
    refused = cli("submit", folder, "--dataset", dataset, "--check", "--out", tmp_path / "new.json")
    assert refused.code == 2 and "--out would change nothing" in refused.err and not (tmp_path / "new.json").exists()


def test_without_dataset_records_are_scored_over_their_own_tasks(cli, records):
    assert [score["score"] for score in scores_of(cli("score", records, "--json"))] == [0.75, 0.75]


def test_tasks_without_records_count_zero_and_are_listed(cli, dataset, records):
    (dataset / "aaaa0003.json").write_text(json.dumps({"train": [PAIR], "test": [PAIR]}))
    scores = scores_of(cli("score", records, "--dataset", dataset, "--json"))
    assert [(score["score"], score["missing_tasks"]) for score in scores] == [(0.5, ["aaaa0003"])] * 2
    assert "without attempts, counted 0: 1 (aaaa0003)" in cli("score", records, "--dataset", dataset).out


def test_a_submission_without_all_tasks(cli, dataset, submission):
    submission.write_text(json.dumps({"aaaa0002": ANSWERS["aaaa0002"]}))
    done = cli("score", submission, "--dataset", dataset)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [f"error: {submission}: missing tasks (see --allow-missing): 1 (aaaa0001)"]
    (score,) = scores_of(cli("score", submission, "--dataset", dataset, "--allow-missing", "--json"))
    assert (score["score"], score["missing_tasks"]) == (0.5, ["aaaa0001"])


def test_coverage_comes_before_the_score(cli, dataset, submission):
    submission.write_text(json.dumps({"aaaa0002": ANSWERS["aaaa0002"]}))
    done = cli("score", submission, "--dataset", dataset, "--allow-missing")
    told = " ".join(done.out.replace("│", " ").split())
    assert "tasks attempted 1 of 2 outputs attempted 1 of 3 score, 2 attempts 50.00 / 33.33" in told
    assert "of those attempted 100.00 / 100.00" in told
    (score,) = scores_of(cli("score", submission, "--dataset", dataset, "--allow-missing", "--json"))
    assert score["solved_of_attempted"] == {"over_tasks": 1.0, "over_outputs": 1.0, "outputs": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"{", "not JSON"),
        (b"[1]", "a submission is a JSON object"),
        (b'{"schema": 1, "model": "m"', "not JSON"),
        (b'{"schema": 1}', "no field model"),
        (b'{"settings": {}}\n', "the prediction is unfinished"),
        (gzip.compress(b'{"schema": 1}', mtime=0)[:-9], "cut short"),
        (json.dumps({**ANSWERS, "bbbb": []}).encode(), "tasks that the dataset lacks: 1 (bbbb)"),
        (
            json.dumps({**ANSWERS, "aaaa0002": [{"attempt_1": [[1]]}]}).encode(),
            "answers without attempt_2: 1",
        ),
        (json.dumps({**ANSWERS, "aaaa0002": []}).encode(), "aaaa0002 has 0 for 1"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(cli, dataset, submission, content, told):
    submission.write_bytes(content)
    done = cli("score", submission, "--dataset", dataset)
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert told in line


def test_a_test_without_output_cannot_be_scored(cli, dataset, submission):
    del (tests := json.loads(json.dumps(TESTS["aaaa0001"])))[1]["output"]
    (dataset / "aaaa0001.json").write_text(json.dumps({"train": [PAIR], "test": tests}))
    done = cli("score", submission, "--dataset", dataset)
    assert done.code == 1
    told = "test outputs withheld: 1 (task aaaa0001 output 1); give --dataset one that has them"
    assert done.err.splitlines() == [f"error: cannot score {dataset}: {told}"]


def test_wrong_usage_is_exit_2(cli, submission):
    for wrong in (["--attempts", 0], ["--attempts", "two"], ["--datasets", "toy"]):
        done = cli("score", submission, *wrong)
        assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_a_submission_needs_a_dataset(cli, submission):
    done = cli("score", submission)
    assert done.code == 1
    assert "give --dataset" in done.err


def test_what_goes_to_stdout_comes_alone(cli_process, dataset, records):
    """Words about it go to stderr."""
    lines = [line for line in records.read_text().splitlines() if '"arc_prize"' in line]
    records.write_text("\n".join(lines))
    for command in (
        ("submit", records, "--dataset", dataset),
        ("data", "split", "--dataset", "arc-agi-1/evaluation"),
        ("classify", "00d62c1b"),
    ):
        done = cli_process(*command, "--out", "/dev/stdout")
        assert done.code == 0 and isinstance(json.loads(done.out), dict) and "/dev/stdout" in done.err


def test_submit_then_score(cli, tmp_path, dataset, records):
    out = tmp_path / "out" / "submission.json"
    done = cli("submit", records, "--dataset", dataset, "--out", out)
    assert done.code == 1
    assert "teacher_forced" in done.err
    assert not out.exists()
    lines = [line for line in records.read_text().splitlines() if '"arc_prize"' in line]
    records.write_text("\n".join(lines))
    done = cli("submit", records, "--dataset", dataset, "--out", out)
    assert done.code == 0
    assert "2 tasks, 3 answers, 0 of them empty" in done.out
    assert json.loads(out.read_text()) == ANSWERS
    assert scores_of(cli("score", out, "--dataset", dataset, "--json"))[0]["score"] == 0.75


@pytest.mark.parametrize(("name", "tasks", "outputs"), [("arc-agi-1", 400, 419), ("arc-agi-2", 120, 167)])
def test_the_right_answers_to_the_public_evaluation_sets_score_1(cli, tmp_path, request, name, tasks, outputs):
    data_dir = request.getfixturevalue("shared") / "data" if name == "arc-agi-2" else tmp_path
    dataset = f"{name}/evaluation"
    answers = {
        task.id: [(np.zeros((1, 1), np.uint8), pair.output) for pair in task.test]
        for task in load_tasks(dataset, data_dir)
    }
    path = tmp_path / "submission.json"
    write_submission(path, answers)
    (score,) = scores_of(cli("score", path, "--dataset", dataset, "--data-dir", data_dir, "--json"))
    assert (score["tasks"], score["outputs"], score["score"], score["strict_score"]) == (
        tasks,
        outputs,
        1.0,
        1.0,
    )
    assert score["pass_at_1"]["over_outputs"] == 0.0


def test_one_attempt_needs_no_second(cli, dataset, tmp_path):
    path = tmp_path / "one.json"
    path.write_text(
        json.dumps({task: [{"attempt_1": a["attempt_1"]} for a in given] for task, given in ANSWERS.items()})
    )
    (score,) = scores_of(cli("score", path, "--dataset", dataset, "--attempts", "1", "--json", "--strict"))
    assert (score["score"], score["attempts"]) == (0.25, 1)
    assert "score, 1 attempt " in cli("score", path, "--dataset", dataset, "--attempts", "1").out
    refused = cli("score", path, "--dataset", dataset)
    assert refused.code == 1 and "answers without attempt_2: 3" in refused.err


def test_with_one_attempt_a_second_that_is_no_grid_is_no_matter(cli, dataset, submission):
    answers = {**ANSWERS, "aaaa0002": [{"attempt_1": [[8, 7]], "attempt_2": []}]}
    submission.write_text(json.dumps(answers))
    done = cli("score", submission, "--dataset", dataset, "--attempts", "1", "--json", "--strict")
    (score,) = scores_of(done)
    assert (score["score"], done.err) == (0.75, "")


def test_the_tasks_of_a_partial_solver(cli, dataset, submission, records, tmp_path):
    submission.write_text(json.dumps({"aaaa0001": ANSWERS["aaaa0001"]}))
    ids = tmp_path / "ids.txt"
    ids.write_text("aaaa0001\n")
    for path in (submission, records):
        for named in ("aaaa0001", ids):
            for score in scores_of(cli("score", path, "--dataset", dataset, "--tasks", named, "--json")):
                assert (score["tasks"], score["score"], score["missing_tasks"]) == (1, 0.5, [])
    assert [s["tasks"] for s in scores_of(cli("score", records, "--tasks", "aaaa0002", "--json"))] == [1, 1]
    lacking = cli("score", submission, "--dataset", dataset, "--tasks", "aaaa0001", "aaaa0002")
    assert lacking.err == f"error: {submission}: missing tasks (see --allow-missing): 1 (aaaa0002)\n"
    wrong = cli("score", submission, "--dataset", dataset, "--tasks", "aaaa0003")
    assert (wrong.code, wrong.err) == (1, "error: unknown task 'aaaa0003'; did you mean 'aaaa0002'?\n")


def test_a_solver_may_be_named(cli, dataset, submission, records):
    for path in (submission, records):
        scores = scores_of(cli("score", path, "--dataset", dataset, "--name", "mine", "--json"))
        assert {score["model"] for score in scores} == {"mine"}


@pytest.fixture
def store(tmp_path):
    """Two tasks of three examples each."""
    pairs = [Pair(np.array([[i, 0]], np.uint8), np.array([[0, i]], np.uint8)) for i in range(1, 7)]
    write_store(tmp_path / "store", {"aaaa0001": pairs[:3], "aaaa0002": pairs[3:]})
    return ExampleStore.open(tmp_path / "store")


def answer_store(tmp_path, store, places, protocol=Protocol.SIZED) -> str:
    """Right answers at examples of the store, each given as (its place in a record, its place in the store)."""
    origin = Origin("toy", "0123", str(store.path), protocol, seed=0)
    rows = [make_record(origin, Example(store.task_of(i), at, store.pair(i), ()), 1, store.pair(i).output)
            for at, i in places]  # fmt: skip
    write_records(tmp_path / "r.jsonl", rows)
    return tmp_path / "r.jsonl"


def test_a_models_answers_to_a_store_are_held_against_all_its_examples(cli, tmp_path, store) -> None:
    path = answer_store(tmp_path, store, [(i, i) for i in range(5)])
    (score,) = scores_of(cli("score", path, "--dataset", store.path, "--json"))
    assert (score["outputs"], score["outputs_attempted"], score["outputs_solved"]) == (6, 5, 5)
    assert score["score"] == pytest.approx((1 + 2 / 3) / 2)
    (score,) = scores_of(cli("score", path, "--dataset", store.path, "--tasks", "aaaa0001", "--json"))
    assert (score["outputs"], score["score"]) == (3, 1)
    done = cli("diagnose", path, "--dataset", store.path, "--out", tmp_path / "r.html")
    assert done.code == 0, done.err
    (found,) = json.loads((tmp_path / "r.json").read_text())["sets"]
    assert (found["outputs"], found["outputs_missing"]) == (6, 1)


def test_a_solvers_answers_to_a_store_are_held_against_the_last_of_each_task(cli, tmp_path, store) -> None:
    path = answer_store(tmp_path, store, [(0, 2), (0, 5)], Protocol.ARC_PRIZE)
    (score,) = scores_of(cli("score", path, "--dataset", store.path, "--json"))
    assert (score["outputs"], score["score"]) == (2, 1)


def test_a_model_and_a_solver_stand_side_by_side_on_a_store(cli, tmp_path, store) -> None:
    model = answer_store(tmp_path, store, [(i, i) for i in range(6)], Protocol.ARC_PRIZE).rename(tmp_path / "m.jsonl")
    solver = answer_store(tmp_path, store, [(0, 2), (0, 5)], Protocol.ARC_PRIZE)
    names = ("--name", "model", "--name", "solver")
    for paths in ((model, solver), (solver, model)):
        done = cli("diagnose", *paths, *names, "--dataset", store.path, "--out", tmp_path / "r.html")
        assert done.code == 0, done.err
        found = json.loads((tmp_path / "r.json").read_text())["sets"]
        assert sorted((each["outputs"], each["outputs_missing"]) for each in found) == [(2, 0), (6, 0)]


@pytest.mark.parametrize("command", ["score", "diagnose"])
def test_answers_to_another_store_are_refused(cli, tmp_path, store, command) -> None:
    path = answer_store(tmp_path, store, [(0, 1), (1, 0)])
    done = cli(
        command, path, "--dataset", store.path, *(["--out", tmp_path / "r.html"] if command == "diagnose" else [])
    )
    assert done.code == 1 and "input of task aaaa0001 output 0 is not the dataset's" in done.err


def test_what_weights_were_trained_on_is_told(cli, tmp_path, dataset) -> None:
    def told(*exposures: str | None) -> str | None:
        rows = []
        for task, exposure in zip(load_tasks(str(dataset), None), exposures, strict=True):
            origin = Origin("toy", "0123", "toy", Protocol.ARC_PRIZE, seed=0, exposure=exposure)
            for index, pair in enumerate(task.test):
                rows.append(make_record(origin, Example(task.id, index, pair, ()), 1, pair.output))
        write_records(tmp_path / "r.jsonl", rows)
        (score,) = scores_of(cli("score", tmp_path / "r.jsonl", "--json"))
        done = cli("diagnose", tmp_path / "r.jsonl", "--out", tmp_path / "r.html")
        assert done.code == 0, done.err
        report = json.loads((tmp_path / "r.json").read_text())
        assert report["sets"][0]["exposure"] == score["exposure"]
        noted = any("trained on the demonstrations of the tasks" in note for note in report["notes"])
        assert noted == (score["exposure"] == "transductive")
        return score["exposure"]

    assert told(None, None) is None and told("inductive", "inductive") == "inductive"
    assert told("inductive", None) == told(None, "inductive") == "inductive"
    assert told("transductive", None) == told("inductive", "transductive") == "transductive"
