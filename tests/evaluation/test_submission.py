"""Submissions: made from records, read back, and every fault of a foreign one told in one line."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.submission import (
    Requirements,
    make_submission,
    read_given,
    read_submission,
    write_submission,
)
from arc_affinity.types import Pair, Task

SIDES = st.integers(1, 5)
GRIDS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 9)))
ANSWERS = st.lists(st.tuples(GRIDS, GRIDS), min_size=1, max_size=3)
ONE = {"attempt_1": [[1]], "attempt_2": [[2]]}


def grid(rows) -> np.ndarray:
    return np.array(rows, np.uint8)


def plain(submission) -> dict:
    return {t: [[g.tolist() for g in answer] for answer in answers] for t, answers in submission.items()}


@settings(deadline=None)
@given(st.dictionaries(st.text("0123456789abcdef", min_size=1), ANSWERS, max_size=5))
def test_a_submission_reads_back_as_it_was_written(submission):
    one = np.zeros((1, 1), np.uint8)
    tasks = [Task(t, (), tuple(Pair(one, None) for _ in answers)) for t, answers in submission.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.json"
        write_submission(path, submission)
        assert plain(read_submission(path, Requirements(tasks))) == plain(submission)


def test_the_form_that_arc_prize_takes(tmp_path, record, task):
    path = tmp_path / "submission.json"
    rows = [
        record("a1", 1, 1, [[3]]),
        record("a1", 0, 1, [[1]]),
        record("a1", 0, 2, [[2, 2]]),
        record("a1", 0, 3, [[7]]),
    ]
    write_submission(path, make_submission(rows, [task("a1", 2)]))
    assert json.loads(path.read_text()) == {
        "a1": [{"attempt_1": [[1]], "attempt_2": [[2, 2]]}, {"attempt_1": [[3]], "attempt_2": [[3]]}]
    }


def faults_by_the_competition_s_rules(submission: object, challenges: dict[str, int]) -> list[str]:
    """Its rules as they are written, by nothing of ours: what is wrong with a submission to tasks of so many tests."""
    faults = [] if submission.keys() == challenges.keys() else ["other tasks"]
    for task_id, tests in challenges.items():
        answers = submission.get(task_id, [])
        faults += [] if len(answers) == tests else [f"{task_id}: {len(answers)} answers"]
        for answer in answers:
            faults += [] if set(answer) == {"attempt_1", "attempt_2"} else [f"{task_id}: other attempts"]
            for rows in answer.values():
                sides = {len(row) for row in rows}
                cells = {(type(cell), cell) for row in rows for cell in row}
                if not (1 <= len(rows) <= 30 and len(sides) == 1 and 1 <= min(sides) <= 30):
                    faults.append(f"{task_id}: no rectangle")
                if not cells <= {(int, colour) for colour in range(10)}:
                    faults.append(f"{task_id}: no colour")
    return faults


def test_what_is_submitted_keeps_the_competition_s_rules(tmp_path, record, task):
    largest = np.full((30, 30), 9, np.uint8).tolist()
    rows = [
        record("a1", 0, 1, largest),
        record("a1", 0, 2, None),
        record("a1", 1, 1, None),
        record("b2", 0, 2, [[5, 0]]),
    ]
    path = tmp_path / "submission.json"
    write_submission(path, make_submission(rows, [task("a1", 2), task("b2", 1), task("c3", 3)], allow_missing=True))
    assert faults_by_the_competition_s_rules(json.loads(path.read_text()), {"a1": 2, "b2": 1, "c3": 3}) == []
    assert faults_by_the_competition_s_rules({"a1": [{"attempt_1": [[1], []]}]}, {"a1": 1}) == [
        "a1: other attempts",
        "a1: no rectangle",
    ]


def test_an_attempt_without_a_grid_repeats_the_other(record, task):
    rows = [
        record("a1", 0, 1, None),
        record("a1", 0, 2, [[4]]),
        record("a1", 1, 1, None),
        record("a1", 1, 2, None),
    ]
    assert plain(make_submission(rows, [task("a1", 2)])) == {"a1": [[[[4]], [[4]]], [[[0]], [[0]]]]}


def test_withheld_answers_can_be_submitted(record, task):
    rows = [record("a1", 0, 1, [[4]], withheld=True)]
    assert plain(make_submission(rows, [task("a1", 1, withheld=True)])) == {"a1": [[[[4]], [[4]]]]}


def test_tests_without_a_record(record, task):
    tasks = [task("a1", 2), task("a2", 1)]
    told = r"tests without a record \(see --allow-missing\): 2 \(task a1 output 1, task a2 output 0\)"
    with pytest.raises(ArcAffinityError, match=told):
        make_submission([record("a1", 0, 1, [[1]])], tasks)
    filled = make_submission([record("a1", 0, 1, [[1]])], tasks, allow_missing=True)
    assert plain(filled) == {"a1": [[[[1]], [[1]]], [[[0]], [[0]]]], "a2": [[[[0]], [[0]]]]}


@pytest.mark.parametrize("protocol", [Protocol.TEACHER_FORCED, Protocol.SIZED])
def test_only_the_honest_protocol_is_submitted(record, task, protocol):
    with pytest.raises(ArcAffinityError, match=f"task a1 output 0 is {protocol}.*predict with arc_prize"):
        make_submission([record(prediction=[[1]], protocol=protocol)], [task("a1", 1)])


def test_records_that_cannot_stand_together(record, task):
    tasks = [task("a1", 2)]
    with pytest.raises(ArcAffinityError, match="two records are attempt 1 of task a1 output 0"):
        make_submission([record(adapter="one"), record(adapter="two")], tasks)
    with pytest.raises(ArcAffinityError, match="a submission is of one model"):
        make_submission([record(), record(index=1, model="rotary")], tasks)
    with pytest.raises(ArcAffinityError, match="a record of task a2 output 0, which the dataset lacks"):
        make_submission([record("a2")], tasks)
    with pytest.raises(ArcAffinityError, match="input of task a1 output 0 is not the dataset's"):
        make_submission([record("a1", query=[[6]])], tasks)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"a1": [ONE, ONE]}, r": missing tasks \(see --allow-missing\): 2 \(a2, a3\)$"),
        ({"a1": [ONE, ONE], "a2": [ONE], "a3": [ONE], "b": []}, r": tasks that the dataset lacks: 1 \(b\)$"),
        (
            {"a1": [ONE], "a2": [ONE], "a3": ONE},
            r": tasks with the wrong number of outputs: 2 \(a1 has 1 for 2, a3 has no list for 1\)$",
        ),
        (
            {"a1": [ONE, {"attempt_1": [[1]]}], "a2": [ONE], "a3": [ONE]},
            r": answers without attempt_2: 1 \(task a1 output 1\)$",
        ),
        (
            {"a1": [ONE, [[1]]], "a2": [ONE], "a3": [ONE]},
            "answers without attempt_1: 1 .*; answers without attempt_2",
        ),
        (
            {"a1": [ONE, {**ONE, "attempt_3": [[1]]}], "a2": [ONE], "a3": [ONE]},
            r"answers with more than attempt_1 and attempt_2: 1 \(task a1 output 1\)$",
        ),
        (
            {"a1": [ONE], "b": []},
            r"missing tasks .*: 2 .*; tasks that the dataset lacks: 1 .*; .*a1 has 1 for 2",
        ),
        ({str(n): [] for n in range(5)}, r"tasks that the dataset lacks: 5 \(0, 1, 2, …\)"),
        (
            {"a1": [ONE, {"attempt_1": [[10]], "attempt_2": [[1]]}], "a2": [ONE], "a3": [ONE]},
            "task a1 output 1 attempt_1.*10",
        ),
        ({"a1": [ONE, {**ONE, "attempt_2": None}], "a2": [ONE], "a3": [ONE]}, "task a1 output 1 attempt_2"),
        ({"a1": [ONE, {**ONE, "attempt_2": []}], "a2": [ONE], "a3": [ONE]}, "task a1 output 1 attempt_2"),
        ([ONE], "a JSON object of tasks, not list"),
    ],
)
def test_faults_of_a_foreign_submission(tmp_path, task, content, told):
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ArcAffinityError, match=rf"(?s)submission\.json: .*{told.lstrip(': ')}") as caught:
        read_submission(path, Requirements([task("a1", 2), task("a2", 1), task("a3", 1)]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ('{"a1": [], "a1": []}', "the key 'a1' comes twice"),
        ("\udcff", "not text in UTF-8"),
        ("[" * 99_999, "more than 32 deep"),
    ],
)
def test_a_file_that_is_no_submission(tmp_path, text, told):
    path = tmp_path / "submission.json"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(ArcAffinityError, match=told):
        read_submission(path, Requirements([]))
    with pytest.raises(ArcAffinityError, match=r"cannot read .*: Is a directory"):
        (tmp_path / "empty").mkdir()
        read_submission(tmp_path / "empty", Requirements([]))


def test_missing_tasks_may_be_allowed_and_nothing_else(tmp_path, task):
    path = tmp_path / "submission.json"
    path.write_text(json.dumps({"a2": [ONE]}))
    tasks = [task("a1", 2), task("a2", 1)]
    assert list(read_submission(path, Requirements(tasks, allow_missing=True))) == ["a2"]
    path.write_text(json.dumps({"a2": [ONE, ONE]}))
    with pytest.raises(ArcAffinityError, match="a2 has 2 for 1"):
        read_submission(path, Requirements(tasks, allow_missing=True))


def test_attempts_that_are_no_grid_are_told_and_count_as_not_made(tmp_path):
    path = tmp_path / "s.json"
    task = Task("a1", (Pair(grid([[1]]), grid([[2]])),), (Pair(grid([[1]]), grid([[2]])),) * 2)
    for odd in ([], [[]], None, "none", [[10]], [[1], [1, 2]], 3):
        answers = [{"attempt_1": odd, "attempt_2": [[2]]}, {"attempt_1": [[2]], "attempt_2": odd}]
        path.write_text(json.dumps({"a1": answers}))
        wrong = []
        first, second = read_given(path, Requirements([task]), wrong.append)["a1"]
        assert first[0] is None and second[1] is None and first[1].tolist() == second[0].tolist() == [[2]]
        assert len(wrong) == 2 and "a1" in str(wrong[0]) and "attempt_1" in str(wrong[0])
        with pytest.raises(ArcAffinityError, match="attempt_1.*; 2 attempts in all are no grid"):
            read_submission(path, Requirements([task]))


def test_a_folder_of_results_is_a_submission(tmp_path):
    task = Task("a1", (Pair(grid([[1]]), grid([[2]])),), (Pair(grid([[1]]), grid([[2]])),))
    with pytest.raises(ArcAffinityError, match="one without results"):
        read_given(tmp_path, Requirements([task]))
    told = {"metadata": {"model": "x"}, "correct": True}
    output = {"attempt_1": {"answer": [[2]], **told}, "attempt_2": {"answer": None, **told}}
    (tmp_path / "a1.json").write_text(json.dumps([output]))
    ((first, second),) = read_given(tmp_path, Requirements([task]))["a1"]
    assert first.tolist() == [[2]] and second is None


def test_a_folder_of_results_with_scores_hidden_and_packed_files(tmp_path):
    tasks = [Task(name, (Pair(grid([[1]]), grid([[2]])),), (Pair(grid([[1]]), grid([[2]])),)) for name in ("a1", "a2")]
    text = json.dumps([{"attempt_1": {"answer": [[2]]}, "attempt_2": None}])
    (tmp_path / "a1.json").write_text(text)
    (tmp_path / "a2.json.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "results.json").write_text('{"score": 1.0}')
    (tmp_path / "._a1.json").write_bytes(b"\0\5\26\7")
    assert list(read_given(tmp_path, Requirements(tasks))) == ["a1", "a2"]
    (tmp_path / "a2.json").write_text(text)
    with pytest.raises(ArcAffinityError, match="the results of task a2 come twice"):
        read_given(tmp_path, Requirements(tasks))


def test_a_submission_may_be_packed(tmp_path):
    task = Task("a1", (Pair(grid([[1]]), grid([[2]])),), (Pair(grid([[1]]), grid([[2]])),))
    path = tmp_path / "s.json.gz"
    path.write_bytes(gzip.compress(b'{"a1": [{"attempt_1": [[2]], "attempt_2": [[1]]}]}'))
    assert len(read_submission(path, Requirements([task]))["a1"]) == 1
