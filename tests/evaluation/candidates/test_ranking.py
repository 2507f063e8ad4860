"""Candidates: views undone before they vote, a judgement that is the same for all, order by both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.symmetry.augment import DIHEDRALS
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates.answering import (
    BATCH_TOKENS,
    WHOLE_TOKENS,
    Asked,
    Question,
    in_batches,
    questions_of,
    under,
    views_of,
)
from arc_affinity.evaluation.candidates.collecting import rounds
from arc_affinity.evaluation.candidates.ranking import rank
from arc_affinity.evaluation.predicting.voting import Candidate, vote
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.models.pair_transformer.layout import FRAME, Written
from arc_affinity.types import CANVAS, Pair, Task

A, B, C = (np.full((2, 2), colour, np.uint8) for colour in (1, 2, 3))


def draft(view: int, grid: np.ndarray, likelihood: float) -> Candidate:
    return Candidate(grid, likelihood, view)


def test_the_copy_of_the_query_is_no_candidate() -> None:
    choices = vote([draft(0, A, -1), draft(1, A, -1), draft(2, B, -3)], exclude=A)
    assert [choice.grid.tolist() for choice in choices] == [B.tolist()]
    assert (choices[0].votes, choices[0].views) == (1, 3)


def test_likelihood_under_shared_views_can_overturn_votes() -> None:
    choices = vote([draft(0, A, -1), draft(1, A, -1), draft(2, B, -9)], exclude=C)
    by_votes = rank(choices, None)
    assert by_votes[0].grid is choices[0].grid
    judged = rank(choices, {0: [-5.0, -7.0], 1: [-1.0, -2.0]})
    assert judged[0].grid.tolist() == B.tolist()
    assert [each.log_likelihood for each in judged] == pytest.approx([-1.5, -6])
    # Of two that are as likely the one with more votes comes first.
    level = rank(choices, {0: [-1.5], 1: [-1.0, -2.0]})
    assert level[0].grid.tolist() == A.tolist()


def test_views_are_undone_whatever_they_are() -> None:
    grid = np.arange(6, dtype=np.uint8).reshape(2, 3)
    task = Task("t", (Pair(grid, grid.T.copy()),), (Pair(grid, None),))
    (question,) = questions_of([task], {"t": 4})
    views = views_of(task, 40, seed=1)
    assert len(set(views)) == 40
    assert views[0].apply(grid).tolist() == grid.tolist()
    numbers = set()
    for view in views:
        written = under(question, view, output=grid.T.copy())
        numbers.add(written.view)
        assert written.task == 4
        assert view.inverse.apply(written.output).tolist() == grid.T.tolist()
        # The network is told the dihedral view alone.
        recoloured = DIHEDRALS[written.view].apply(grid)
        assert written.input.shape == recoloured.shape
    assert numbers == set(range(8))
    assert views_of(task, 8, seed=1) == views[:8]


def test_a_task_of_few_colours_has_few_views() -> None:
    fixed = tuple(range(1, 10))
    task = Task(
        "t",
        (Pair(np.zeros((1, 9), np.uint8), np.array([fixed], np.uint8)),),
        (Pair(np.zeros((1, 1), np.uint8), None),),
    )
    assert len(views_of(task, 64, 0)) == 8


def test_batches_hold_all_and_are_no_larger_than_allowed() -> None:
    rng = np.random.default_rng(2)
    task = Task("t", (Pair(A, B),), (Pair(A, None),))
    view = views_of(task, 1, 0)[0]
    asked = [
        Asked("t", number, 0, 0, under(Question("t", number, np.zeros((int(n), 7), np.uint8), 0), view))
        for number, n in enumerate(rng.integers(1, 30, 50))
    ]
    batches = in_batches(asked, tokens=500)
    assert sorted(each.index for batch in batches for each in batch) == list(range(50))
    assert all(len(batch) * 2 * max(each.written.length for each in batch) <= 500 for batch in batches)


def test_a_batch_has_room_for_outputs_that_do_not_end() -> None:
    def sizes(side: int, output: np.ndarray | None = None) -> list[int]:
        written = Written(np.zeros((side, side), np.uint8), output, 0, 0)
        return [len(batch) for batch in in_batches([Asked("t", number, 0, 0, written) for number in range(1500)])]

    most = WHOLE_TOKENS // (9 + CANVAS + 2 * FRAME)
    assert sizes(3) == [most, most, most, 1500 - 3 * most] and most < 500
    # From 5x5 on the inputs alone decide; and outputs that are known need no more room.
    assert sizes(5)[0] == BATCH_TOKENS // (2 * (25 + FRAME))
    assert sizes(3, np.zeros((3, 3), np.uint8))[0] > 1000


@pytest.mark.parametrize(("views", "first"), [(1, 1), (5, 1), (64, 1), (16, 4), (3, 4)])
def test_rounds_cover_every_view_once(views: int, first: int) -> None:
    assert [number for part in rounds(views, first) for number in part] == list(range(views))
    assert len(rounds(views, first)[0]) == min(first, views)


def test_a_journal_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path, {"seed": 1}) as first:
        first.append({"batch": "a"})
        first.append({"batch": "b"})
    path.write_bytes(path.read_bytes()[:-4])
    with Journal(path, {"seed": 1}) as again:
        assert list(again.rows()) == [(f"{path}:2", {"batch": "a"})]
        again.append({"batch": "c"})
    with Journal(path, {"seed": 1}) as whole:
        assert [line["batch"] for _, line in whole.rows()] == ["a", "c"]


@pytest.mark.parametrize("content", [b"{}", b"[]\n", b'{"seed": 2}\n', b"\xff\xfe\n", b'{"seed": 1}\nnonsense\n'])
def test_what_is_no_journal_of_this_run_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(content)
    with pytest.raises(ArcAffinityError, match=r"j\.jsonl"), Journal(path, {"seed": 1}) as journal:
        list(journal.rows())
    assert path.read_bytes() == content
