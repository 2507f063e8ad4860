"""The order of choices, by hand and under permutation."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting.voting import Candidate, vote

CANDIDATES = st.lists(
    st.builds(
        lambda colour, cols, likelihood, view: Candidate(np.full((1, cols), colour, np.uint8), likelihood, view),
        st.integers(0, 2),
        st.integers(1, 2),
        st.floats(-50, 0),
        st.integers(0, 4),
    ),
    max_size=13,
)


def test_votes_come_before_likelihood(grid):
    choices = vote(
        [
            Candidate(grid([[1]]), -9.0, view=0),
            Candidate(grid([[2]]), -0.5, view=1),
            Candidate(grid([[1]]), -7.0, view=2),
        ]
    )
    assert [(c.grid.tolist(), c.votes, c.views, c.log_likelihood) for c in choices] == [
        ([[1]], 2, 3, -8.0),
        ([[2]], 1, 3, -0.5),
    ]


def test_equal_votes_go_by_mean_likelihood_then_by_the_grid(grid):
    candidates = [
        Candidate(grid([[3]]), -2.0, view=0),
        Candidate(grid([[2]]), -2.0, view=1),
        Candidate(grid([[9]]), -1.0, view=2),
    ]
    assert [c.grid.tolist() for c in vote(candidates, limit=3)] == [[[9]], [[2]], [[3]]]
    assert len(vote(candidates)) == 2


def test_a_view_has_one_vote_for_a_grid(grid):
    twice = [Candidate(grid([[1]]), -1.0, view=0), Candidate(grid([[1]]), -3.0, view=0)]
    (choice,) = vote(twice)
    assert (choice.votes, choice.views, choice.log_likelihood) == (1, 1, -2.0)


def test_grids_of_the_same_bytes_but_other_shape_are_different(grid):
    tall, wide = grid([[1], [1]]), grid([[1, 1]])
    assert len(vote([Candidate(tall, -1.0, 0), Candidate(wide, -1.0, 1)])) == 2


def test_copies_of_the_input_are_dropped_only_on_request(grid):
    candidates = [
        Candidate(grid([[1]]), -1.0, 0),
        Candidate(grid([[1]]), -1.0, 1),
        Candidate(grid([[2]]), -1.0, 2),
    ]
    assert vote(candidates)[0].grid.tolist() == [[1]]
    (left,) = vote(candidates, exclude=grid([[1]]))
    assert (left.grid.tolist(), left.votes, left.views) == ([[2]], 1, 3)


def test_a_likelihood_that_is_not_a_number_is_an_error(grid):
    with pytest.raises(ArcAffinityError, match="view 3"):
        vote([Candidate(grid([[1]]), float("nan"), 3)])


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(candidates: list[Candidate], shuffler: random.Random):
    shuffled = candidates.copy()
    shuffler.shuffle(shuffled)
    expected = [(c.grid.tolist(), c.votes, c.log_likelihood) for c in vote(candidates)]
    assert [(c.grid.tolist(), c.votes, c.log_likelihood) for c in vote(shuffled)] == expected


@given(CANDIDATES)
def test_choices_are_different_and_at_most_two(candidates: list[Candidate]):
    choices = vote(candidates)
    assert len(choices) <= 2
    assert len({str(c.grid.tolist()) for c in choices}) == len(choices)
    assert sum(c.votes for c in vote(candidates, limit=99)) <= len(candidates)
