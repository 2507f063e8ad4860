"""The test outputs of a dataset by their place, and whether a record belongs to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from arc_affinity.data.datasets.editions import describe_edition
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Place, Record
from arc_affinity.types import Grid, Pair, Task


def questions_of(tasks: Iterable[Task]) -> dict[Place, Pair]:
    """Return every test pair of ``tasks`` by its place, in order."""
    return {(task.id, index): pair for task in tasks for index, pair in enumerate(task.test)}


def questions_of_examples(store: ExampleStore) -> dict[Place, Pair]:
    """Return every example of ``store`` by its task and its place there, in order."""
    return {(store.task_of(i), i): store.pair(i) for i in range(len(store))}


def recorded_questions(records: Iterable[Record]) -> dict[Place, Pair]:
    """Return the test pairs that ``records`` themselves hold, sorted by place."""
    pairs = {(record.task_id, record.test_index): Pair(record.input, record.target) for record in records}
    return dict(sorted(pairs.items()))


def answers_by_place(records: Iterable[Record]) -> dict[Place, dict[int, Grid | None]]:
    """Return the predictions of each place by attempt.

    Raises:
        ArcAffinityError: two records are the same attempt.
    """
    answers: dict[Place, dict[int, Grid | None]] = {}
    for record in records:
        place = (record.task_id, record.test_index)
        given = answers.setdefault(place, {})
        if record.attempt in given:
            raise ArcAffinityError(f"two records are attempt {record.attempt} of {name_place(place)}")
        given[record.attempt] = record.prediction
    return answers


def belongs(record: Record, questions: Mapping[Place, Pair]) -> bool:
    """Whether a record's test is among ``questions``, with the same input."""
    pair = questions.get((record.task_id, record.test_index))
    return pair is not None and np.array_equal(record.input, pair.input)


def check_belongs(record: Record, questions: Mapping[Place, Pair]) -> None:
    """Refuse a record whose test is not among ``questions``, or has another input or target there.

    Raises:
        ArcAffinityError: naming the task and output.
    """
    name = name_place((record.task_id, record.test_index))
    pair = questions.get((record.task_id, record.test_index))
    edition = f"; it is of edition {describe_edition(record.edition)}" if record.edition else ""
    if pair is None:
        raise ArcAffinityError(f"there is a record of {name}, which the dataset lacks")
    if not np.array_equal(record.input, pair.input):
        raise ArcAffinityError(f"the record's input of {name} is not the dataset's{edition}")
    if record.target is None or pair.output is None:
        return
    if not np.array_equal(record.target, pair.output):
        raise ArcAffinityError(f"the record's target of {name} is not the dataset's{edition}")


def name_place(place: Place) -> str:
    """Return the words for a place in a message."""
    return f"task {place[0]} output {place[1]}"
