"""Scores by hand on tasks with two outputs, and what may not be mixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.scoring.scores import Mean, Subject, score, score_each, score_submission
from arc_affinity.evaluation.submission import make_submission

RIGHT, WRONG = True, False


def answers(record, task_id: str, index: int, *exact: bool, **more):
    """Records of the attempts at an output, right or wrong as told."""
    right = [[int(task_id[-1]), index]]
    return [record(task_id, index, k, right if ok else [[9]], **more) for k, ok in enumerate(exact, 1)]


@pytest.fixture
def mixed(record):
    """Task a1: output 0 by attempt 2, output 1 never; a2: by attempt 1; a3: by attempt 3; a4: nothing."""
    return [
        *answers(record, "a1", 0, WRONG, RIGHT),
        *answers(record, "a1", 1, WRONG, WRONG),
        *answers(record, "a2", 0, RIGHT),
        *answers(record, "a3", 0, WRONG, WRONG, RIGHT),
    ]


@pytest.fixture
def tasks(task):
    return [task("a1", 2), task("a2", 1), task("a3", 1), task("a4", 1)]


def test_credit_per_output_averaged_per_task_over_all_tasks(mixed, tasks):
    result = score(mixed, tasks)
    assert result.subject == Subject(Protocol.ARC_PRIZE, "toy", "champion", "0123", adapted=False)
    assert result.solved == Mean((1 / 2 + 1 + 0 + 0) / 4, 2 / 5, 5)
    assert result.first_solved == Mean(1 / 4, 1 / 5, 5)
    assert result.strict == 1 / 4
    assert result.solved_tasks == ("a2",)
    assert result.missing == ("a4",)


def test_attempts_that_count(mixed, tasks):
    assert score(mixed, tasks, attempts=1).solved.over_tasks == 1 / 4
    assert score(mixed, tasks, attempts=3).solved.over_tasks == (1 / 2 + 1 + 1 + 0) / 4
    with pytest.raises(ArcAffinityError, match="attempts must be 1 or more, not 0"):
        score(mixed, tasks, attempts=0)


def test_without_tasks_the_records_say_what_there_is(mixed):
    result = score(mixed)
    assert result.solved == Mean((1 / 2 + 1 + 0) / 3, 2 / 4, 4)
    assert result.missing == ()


def test_held_out_examples_over_tasks_and_over_examples(record):
    rows = [r for index in (401, 409, 419) for r in answers(record, "a1", index - 400, index == 401)]
    rows += answers(record, "a2", 7, RIGHT)
    assert score(rows).solved == Mean((1 / 3 + 1) / 2, 2 / 4, 4)


def test_metrics_are_of_attempt_1_and_missing_outputs_are_all_wrong(record, task):
    rows = [record("a1", 0, 1, [[1, 7]]), record("a1", 0, 2, [[1, 0]])]
    result = score(rows, [task("a1", 2)])
    # Output 0: one cell of two and the right size; output 1: nothing.
    assert result.cell_accuracy == Mean(1 / 4, 1 / 4, 2)
    assert result.size_accuracy == Mean(1 / 2, 1 / 2, 2)
    assert result.copy_accuracy == result.change_accuracy == Mean(None, None, 0)
    assert [output.attempted for output in result.outputs] == [True, False]


def test_teacher_forced_answers_are_measured_as_published_too(record, task):
    rows = [
        record("a1", 0, 1, [[9, 0]], protocol=Protocol.TEACHER_FORCED),
        record("a1", 1, 1, [[1, 9]], protocol=Protocol.TEACHER_FORCED),
    ]
    result = score(rows)
    assert (result.solved.over_tasks, result.cell_accuracy.over_tasks) == (0, 1 / 2)
    assert result.exact_but_first == result.cells_but_first == Mean(1 / 2, 1 / 2, 2)
    # What is not answered is not exact, and the published figures are of no other protocol.
    assert score(rows, [task("a1", 2), task("a2", 1)]).exact_but_first == Mean(1 / 4, 1 / 3, 3)
    assert score([record("a1", 0, 1, [[1, 0]])]).exact_but_first == Mean(None, None, 0)


def test_an_attempt_that_is_no_grid_was_not_made(tasks):
    given = {each.id: [(None, None)] * len(each.test) for each in tasks}
    given[tasks[0].id] = [(pair.output, None) for pair in tasks[0].test]
    found = score_submission(given, tasks, "toys")
    assert found.solved.over_tasks == pytest.approx(1 / len(tasks)) and found.solved_of_attempted.over_tasks == 1
    assert len(found.missing) == len(tasks) - 1


def test_undefined_metrics_are_left_out_of_the_mean(record):
    rows = [
        record("a1", 0, 1, [[4, 1]], query=[[4, 4]], target=[[4, 2]]),
        record("a2", 0, 1, [[4]], query=[[4, 4]], target=[[4]]),
    ]
    result = score(rows)
    assert result.copy_accuracy == Mean(1.0, 1.0, 1)
    assert result.change_accuracy == Mean(0.0, 0.0, 1)
    assert result.only("a1").change_accuracy == Mean(0.0, 0.0, 1)


def test_a_second_attempt_alone_does_not_count_as_the_first(record):
    result = score([record("a1", 0, 2, [[1, 0]])])
    assert (result.solved.over_tasks, result.first_solved.over_tasks) == (1.0, 0.0)


def test_protocols_and_models_are_never_mixed(record, task):
    rows = [
        *answers(record, "a1", 0, RIGHT),
        *answers(record, "a1", 0, WRONG, protocol=Protocol.TEACHER_FORCED),
        *answers(record, "a1", 0, WRONG, adapter="a1"),
    ]
    with pytest.raises(ArcAffinityError, match=r"cannot mix .* arc_prize of champion .*; teacher_forced of .* with"):
        score(rows, [task("a1", 1)])
    apart = score_each(rows, [task("a1", 1)])
    assert [(s.subject.protocol, s.subject.adapted, s.solved.over_tasks) for s in apart] == [
        (Protocol.ARC_PRIZE, False, 1.0),
        (Protocol.TEACHER_FORCED, False, 0.0),
        (Protocol.ARC_PRIZE, True, 0.0),
    ]


def test_two_adapters_for_one_attempt_are_refused(record):
    with pytest.raises(ArcAffinityError, match="two records are attempt 1 of task a1 output 0"):
        score([record(adapter="one"), record(adapter="two")])


def test_answers_withheld_at_prediction_are_scored_with_the_dataset_s(record, task):
    rows = [record("a1", 0, 1, [[1, 0]], withheld=True)]
    assert score(rows, [task("a1", 1)]).solved.over_tasks == 1.0
    told = r"cannot score toy: test outputs withheld: 1 \(task a1 output 0\); give --dataset one"
    with pytest.raises(ArcAffinityError, match=told):
        score(rows)
    with pytest.raises(ArcAffinityError, match=told):
        score(rows, [task("a1", 1, withheld=True)])


def test_records_of_another_dataset_are_refused(record, task):
    for row, told in (
        (record("a2"), "a record of task a2 output 0, which the dataset lacks"),
        (record("a1", 1), "a record of task a1 output 1, which the dataset lacks"),
        (record("a1", query=[[6]]), "input of task a1 output 0 is not the dataset's"),
        (record("a1", target=[[6]]), "target of task a1 output 0 is not the dataset's"),
    ):
        with pytest.raises(ArcAffinityError, match=told):
            score([row], [task("a1", 1)])
    with pytest.raises(ArcAffinityError, match="no records to score"):
        score([], [task("a1", 1)])
    with pytest.raises(ArcAffinityError, match="no test outputs to score"):
        score_submission({}, [], "toy")


@given(st.lists(st.lists(st.lists(st.booleans(), max_size=4), min_size=1, max_size=3), min_size=1, max_size=5))
def test_a_score_only_grows_with_attempts_and_strict_is_least(record, task, solved):
    tasks = [task(f"a{t}", len(outputs)) for t, outputs in enumerate(solved)]
    rows = [
        row
        for t, outputs in enumerate(solved)
        for index, exact in enumerate(outputs)
        for row in answers(record, f"a{t}", index, *exact)
    ]
    if not rows:
        return
    results = [score(rows, tasks, attempts=k) for k in range(1, 5)]
    shares = [result.solved.over_tasks for result in results]
    assert shares == sorted(shares)
    assert all(result.strict <= result.solved.over_tasks for result in results)
    by_hand = [sum(any(exact[:2]) for exact in outputs) / len(outputs) for outputs in solved]
    assert shares[1] == pytest.approx(sum(by_hand) / len(by_hand))


def test_records_and_their_submission_score_the_same(mixed, tasks):
    submission = make_submission(mixed, tasks, allow_missing=True)
    from_file, from_records = score_submission(submission, tasks, "toy"), score(mixed, tasks)
    assert from_file.solved == from_records.solved
    assert from_file.strict == from_records.strict
    assert from_file.subject == Subject(Protocol.ARC_PRIZE, "toy")
    partly = score_submission({"a2": submission["a2"]}, tasks, "toy")
    assert (partly.solved.over_tasks, partly.missing) == (1 / 4, ("a1", "a3", "a4"))
