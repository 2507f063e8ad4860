"""Submissions as ARC Prize takes them: two attempts for every test input, in one JSON file.

``{task_id: [{"attempt_1": grid, "attempt_2": grid}, … one per test input]}`` (arcprize.org, rules); the same
for ARC-AGI-1 and ARC-AGI-2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from arc_affinity.data.datasets.registry import parse_grid
from arc_affinity.data.datasets.task_files import id_of, is_task_file
from arc_affinity.documents import read_json
from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.evaluation.questions import answers_by_place, check_belongs, name_place, questions_of
from arc_affinity.evaluation.records.record import Place, Record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.files import write_text
from arc_affinity.types import Grid, Pair, Task

SCORES = "results"
"""Name of the file in a folder of results that is of no task."""

ATTEMPTS = ("attempt_1", "attempt_2")
"""The two keys of an answer."""

Answer = tuple[Grid, Grid]
"""Attempts 1 and 2 at one test input."""

Submission = Mapping[str, Sequence[Answer]]
"""The answers to each task's test inputs, in order, by task id."""

Given = Mapping[str, Sequence[tuple[Grid | None, ...]]]
"""What another solver gave: its attempts at each test input, None for one that is no grid."""


def make_submission(records: Iterable[Record], tasks: Sequence[Task], *, allow_missing: bool = False) -> Submission:
    """Return the first two attempts at every test input of ``tasks``.

    An attempt that was not made, or gave no grid, repeats the other; where neither gave one the answer is
    ``[[0]]`` twice, since the format has no word for "none". A test input without any record is an error
    unless ``allow_missing``, which answers ``[[0]]`` there too. Records of other tasks are an error.

    Raises:
        ArcAffinityError: a record was not made under ``arc_prize`` (the other protocols are told something of
            the answer); records are of several models; two are the same attempt; or one is missing.
    """
    questions = questions_of(tasks)
    attempts = _attempts_by_place(records, questions)
    if not allow_missing:
        without = [name_place(place) for place in questions if place not in attempts]
        _refuse("cannot make a submission", {"tests without a record (see --allow-missing)": without})
    return {task.id: [_answer(attempts.get((task.id, index), {})) for index in range(len(task.test))] for task in tasks}


def submittable(records: Sequence[Record]) -> list[Record]:
    """Return the records that stand for a solver in a submission, of those that fine-tuning leaves.

    It leaves answers under every protocol, before and after it; the ones after it under ``arc_prize`` are meant. Other
    records are returned as they are, and what cannot be submitted is for `make_submission` to refuse.
    """
    asked = [record for record in records if record.protocol is Protocol.ARC_PRIZE]
    after = [record for record in asked if record.adapter is not None]
    adapted = {(record.task_id, record.test_index) for record in after}
    before = [record for record in asked if record.adapter is None]
    one_model = len({record.model for record in asked}) == 1
    if after and one_model and all((record.task_id, record.test_index) in adapted for record in before):
        return after
    return list(records)


def write_submission(path: Path, submission: Submission) -> None:
    """Write ``submission`` as JSON in one step."""
    plain = {
        task_id: [{name: grid.tolist() for name, grid in zip(ATTEMPTS, a, strict=True)} for a in answers]
        for task_id, answers in submission.items()
    }
    write_text(path, json.dumps(plain, separators=(",", ":")) + "\n")


def attempts_made(answer: Sequence[Grid | None]) -> dict[int, Grid]:
    """Return the attempts at an output by their number, from 1; what is no grid was not made."""
    return {number: grid for number, grid in enumerate(answer, 1) if grid is not None}


@dataclass(frozen=True)
class Requirements:
    """What a submission must have.

    Of the dataset's ``tasks`` those in ``only`` count, or all where none is named. At each test input so many
    ``attempts`` count; with ``allow_missing`` tasks may be missing.
    """

    tasks: Sequence[Task]
    only: Collection[str] = ()
    attempts: int = len(ATTEMPTS)
    allow_missing: bool = False

    @cached_property
    def counting(self) -> Sequence[Task]:
        """The tasks that count."""
        return [task for task in self.tasks if not self.only or task.id in self.only]

    @property
    def needed(self) -> tuple[str, ...]:
        """The keys that every answer must have."""
        return ATTEMPTS[: self.attempts]


def read_submission(path: Path, required: Requirements) -> Given:
    """Read a submission made by any solver and hold it against what is ``required``; every attempt must be a grid.

    Raises:
        ArcAffinityError: as `read_given`, or an attempt that counts is no grid: the first is told, and how many are.
    """
    wrong: list[ArcAffinityError] = []
    given = read_given(path, required, wrong.append)
    if wrong:
        more = f"; {len(wrong)} attempts in all are no grid" if len(wrong) > 1 else ""
        raise ArcAffinityError(f"{wrong[0]}{more}")
    return given


def read_given(path: Path, required: Requirements, tell: Callable[[ArcAffinityError], None] = lambda _: None) -> Given:
    """Read a submission as `read_submission` does, but take an attempt that is no grid for one that was not made.

    Solvers write ``[]``, ``[[]]``, null or whatever they had for "no answer". ``tell`` is told what is wrong with each
    that counts.

    Raises:
        ArcAffinityError: in one line, all of: missing tasks (unless they are allowed), tasks that the dataset lacks,
            the wrong number of outputs, attempts that are missing or have other names; or the file is no JSON object.
    """
    content = _of_folder(path) if path.is_dir() else read_json(path)
    if not isinstance(content, dict):
        raise ArcAffinityError(f"{path}: a submission is a JSON object of tasks, not {type(content).__name__}")
    counts = {task.id: len(task.test) for task in required.counting}
    dataset = {task.id for task in required.tasks}
    known = {task_id: value for task_id, value in content.items() if task_id in counts}
    answers = {
        name_place((task_id, index)): set(answer) if isinstance(answer, dict) else set()
        for task_id, value in known.items()
        if isinstance(value, list)
        for index, answer in enumerate(value)
    }
    faults = {
        "missing tasks (see --allow-missing)": [t for t in counts if not (t in content or required.allow_missing)],
        "tasks that the dataset lacks": [t for t in content if t not in dataset],
        "tasks with the wrong number of outputs": [
            f"{task_id} has {len(value) if isinstance(value, list) else 'no list'} for {counts[task_id]}"
            for task_id, value in known.items()
            if not isinstance(value, list) or len(value) != counts[task_id]
        ],
    }
    for name in required.needed:
        faults[f"answers without {name}"] = [place for place, names in answers.items() if name not in names]
    more = f"answers with more than {' and '.join(ATTEMPTS)}"
    faults[more] = [place for place, names in answers.items() if names - set(ATTEMPTS)]
    _refuse(str(path), faults)
    return {
        task_id: [
            _parse_answer(answer, f"{path}: {name_place((task_id, i))}", required.needed, tell)
            for i, answer in enumerate(value)
        ]
        for task_id, value in known.items()
    }


def result_files(folder: Path) -> list[Path]:
    """Return the files of a folder of results, one a task, as ARC Prize's benchmarking leaves them.

    Raises:
        ArcAffinityError: there is none.
    """
    found = sorted(path for path in folder.iterdir() if is_task_file(path.name) and path.is_file())
    # The benchmarking's own scores lie beside the results that they are of.
    results = [path for path in found if id_of(path) != SCORES]
    if not results:
        raise ArcAffinityError(f"cannot read {folder}: Is a directory, and one without results (TASK.json)")
    return results


def _of_folder(folder: Path) -> dict[str, Any]:
    """A folder of results as one submission: of each task a list of outputs, of each attempt its "answer"."""
    found: dict[str, Any] = {}
    for path in result_files(folder):
        if found.setdefault(id_of(path), answers := _answers_in(read_json(path))) is not answers:
            raise ArcAffinityError(f"{path}: the results of task {id_of(path)} come twice")
    return found


def _answers_in(outputs: object) -> object:
    """The attempts at a task's outputs without what else is told of them; an attempt that was not made is null."""
    if not isinstance(outputs, list):
        return outputs
    return [
        {name: each.get("answer") if isinstance(each, dict) else each for name, each in output.items()}
        if isinstance(output, dict)
        else output
        for output in outputs
    ]


def _attempts_by_place(
    records: Iterable[Record], questions: Mapping[Place, Pair]
) -> dict[Place, dict[int, Grid | None]]:
    """The predictions by place and attempt, of records that may stand together in a submission."""
    listed = list(records)
    for record in listed:
        if record.protocol is not Protocol.ARC_PRIZE:
            raise ArcAffinityError(
                f"cannot make a submission: the record of {name_place((record.task_id, record.test_index))} is "
                f"{record.protocol}, where the model is told something of the answer; predict with {Protocol.ARC_PRIZE}"
            )
        check_belongs(record, questions)
    attempts = answers_by_place(listed)
    models = list(dict.fromkeys((record.model, record.model_digest) for record in listed))
    if len(models) > 1:
        raise ArcAffinityError(f"a submission is of one model, but there are records of {models}")
    return attempts


def _answer(given: Mapping[int, Grid | None]) -> Answer:
    """Fill both attempts from the predictions of attempts 1 and 2."""
    first, second = given.get(1), given.get(2)
    nothing = np.zeros((1, 1), dtype=np.uint8)
    best = next((grid for grid in (first, second) if grid is not None), nothing)
    return best, best if second is None else second


def _parse_answer(
    answer: Mapping[str, object], where: str, needed: Sequence[str], tell: Callable[[ArcAffinityError], None]
) -> tuple[Grid | None, ...]:
    grids: list[Grid | None] = []
    for name in (name for name in ATTEMPTS if name in answer):
        try:
            grids.append(parse_grid(answer[name], f"{where} {name}"))
        except ArcAffinityError as error:
            if name in needed:
                tell(error)
            grids.append(None)
    return tuple(grids)


def _refuse(where: str, faults: Mapping[str, Sequence[str]]) -> None:
    """Raise one error that tells all ``faults``, those that have names below them."""
    told = "; ".join(listing(what, names) for what, names in faults.items() if names)
    if told:
        raise ArcAffinityError(f"{where}: {told}")
