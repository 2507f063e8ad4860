"""Answers of a network that a journal keeps: what is damaged is told, and time that is gone stays gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates import answering
from arc_affinity.evaluation.candidates.answering import questions_of
from arc_affinity.evaluation.candidates.collecting import Answers, Network
from arc_affinity.evaluation.predicting.voting import Candidate
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.training.executors import SerialExecutor
from arc_affinity.types import Pair, Task

GRID = np.array([[1, 2, 3]], np.uint8)
TASK = Task("t", (Pair(GRID, GRID + 1),), (Pair(GRID, None), Pair(GRID + 2, None)))


def kept(folder: Path, *lines: dict[str, object], views: int = 1) -> Answers:
    """Answers of so many views to two questions, of which a journal holds ``lines``."""
    with Journal(folder / "answers.jsonl", {"seed": 1}) as journal:
        for line in lines:
            journal.append(line)
    journal = Journal(folder / "answers.jsonl", {"seed": 1})
    more = (views, 1, 0, journal, SerialExecutor(), 1, None, lambda *_: None)
    return Answers(Network("", "", "cpu"), [TASK], questions_of([TASK], {"t": 0}), *more)


def line(*answers: object, batch: str = "write 0 0") -> dict[str, object]:
    return {"batch": batch, "answers": list(answers), "seconds": 2.5}


def test_what_is_kept_is_not_asked_again(tmp_path: Path) -> None:
    answers = kept(tmp_path, line([[[4]], -1.5], [[[5, 6]], -2.0]))
    drafts = answers.drafts()
    assert [(each.grid.tolist(), each.log_likelihood) for place in (0, 1) for each in drafts["t", place]] == [
        ([[4]], -1.5),
        ([[5, 6]], -2.0),
    ]
    assert 2.5 <= answers.spent < 60


def test_a_round_cut_short_leaves_the_questions_that_it_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = kept(tmp_path)
    voted, judged = np.full((1, 3), 8, np.uint8), np.full((1, 3), 9, np.uint8)
    drafts = {("t", at): [Candidate(voted, -1.0, 0), Candidate(judged, -2.0, 0)] for at in (0, 1)}
    # The second candidate is the likelier one; of the last question it is not asked.
    said = {0: -4.0, 1: -3.0}
    monkeypatch.setattr(
        Answers, "_round", lambda _, stage, number, asked, limit: ((each, said[each.candidate]) for each in asked[:-1])
    )
    first = {place: choices[0].grid for place, choices in answers.ranked(drafts).items()}
    assert np.array_equal(first["t", 0], judged) and np.array_equal(first["t", 1], voted)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"batch": "write 0 0"}, "answers"),
        ({"batch": 3, "answers": [], "seconds": 1.0}, "batch must be text, not 3"),
        ({"batch": "write 0 0", "answers": {}, "seconds": 1.0}, "answers must be a list"),
        ({"batch": "write 0 0", "answers": [], "seconds": None}, "seconds must be a number"),
        (line(), "0 answers to 2 questions"),
        (line([[[4]], -1.0], [[[4]], -1.0], [[[4]], -1.0]), "3 answers to 2 questions"),
        (line([[[4]], -1.0], [[[99]], -1.0]), "answer 2, row 0, column 0: 99 is not a colour"),
        (line([[[4]], -1.0], [7, -1.0]), "answer 2: 7 is not a list of rows"),
        (line([[[4]], -1.0], [[[4]], 3.0]), "answers: number 2, number 2 must be a number of at most"),
        (line([[[4]], -1.0], [[[4]]]), "answers: number 2"),
        (line([[[4]], -1.0], 5), "answers: number 2 must be a list, not 5"),
    ],
)
def test_a_damaged_line_of_the_journal_is_told(tmp_path: Path, wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ArcAffinityError, match=rf"answers\.jsonl:2: .*{words}"):
        kept(tmp_path, wrong).drafts()


def test_a_damaged_judgement_is_told(tmp_path: Path) -> None:
    written = line([[[4]], -1.0], [[[5]], -1.0]), line([[[6]], -1.0], [[[7]], -1.0], batch="write 1 0")
    answers = kept(tmp_path, *written, line(-1.0, "b", -2.0, -3.0, batch="judge 0 0"), views=2)
    with pytest.raises(ArcAffinityError, match=r'answers\.jsonl:4: answers: number 2 must be a number.*, not "b"'):
        answers.ranked(answers.drafts())


@pytest.mark.parametrize("job", [answering.write_batch, answering.judge_batch])
def test_a_batch_is_computed_in_one_thread_and_the_callers_stay(job, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def computing(_model: object, asked: Sequence[object]) -> np.ndarray:
        used.append(torch.get_num_threads())
        return np.zeros(0)

    for name in ("write", "likelihoods"):
        monkeypatch.setattr(answering, name, computing)
    monkeypatch.setattr(answering, "_model", lambda *_: None)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for device in ("cpu", "cuda"):
            job("", "", device, [])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert used == [1, 3]
