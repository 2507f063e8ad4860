"""One order of two sources: an attempt from each, each grid once."""

from __future__ import annotations

import numpy as np

from arc_affinity.evaluation.candidates.merging import merge
from arc_affinity.evaluation.candidates.programs import Program
from arc_affinity.evaluation.predicting.voting import Choice

A, B, C, D, E = (np.full((2, 3), colour, np.uint8) for colour in range(1, 6))


def ranked(grid: np.ndarray, votes: int = 3) -> Choice:
    return Choice(grid, votes, 8, -1.5)


def program(grid: np.ndarray, fits: int = 3, cost: float = 2.0) -> Program:
    return Program(grid, "mirror", cost, fits, 3)


def order(*merged: object) -> list[int]:
    return [int(each.grid[0, 0]) for each in merge(*merged)]


def test_one_attempt_of_each_where_they_disagree() -> None:
    assert order([ranked(A), ranked(B)], [program(C), program(D)]) == [3, 1, 2, 4]


def test_where_they_agree_the_next_of_the_network_has_its_turn() -> None:
    found = merge([ranked(B), ranked(A)], [program(A)])
    assert [(each.source, int(each.grid[0, 0])) for each in found] == [("search", 1), ("network", 2)]
    assert found[0].network is not None
    assert found[0].program is not None
    assert found[1].program is None


def test_programs_and_network_stand_by_how_often_such_were_right() -> None:
    assert order([ranked(A), ranked(B)], [program(C, cost=7.9), program(D, cost=7.9)]) == [3, 1, 2, 4]
    # Most views agree: before a program of middling cost, after a short one.
    assert order([ranked(A, votes=4)], [program(C, cost=7.9)]) == [1, 3]
    assert order([ranked(A, votes=8)], [program(C, cost=4.9)]) == [3, 1]
    # Programs of great cost come after the network's second candidate, however few views gave its first.
    assert order([ranked(A, votes=0), ranked(B)], [program(C, cost=8)]) == [1, 2, 3]
    assert order([], [program(C, cost=9)]) == [3]


def test_agreement_of_both_sources_counts() -> None:
    """A grid of a middling program and of most views is before either alone, and is the more reliable one's."""
    found = merge([ranked(B, votes=5)], [program(A, cost=7.0), program(B, cost=7.5)])
    assert [int(each.grid[0, 0]) for each in found] == [2, 1]
    assert found[0].source == "network" and found[0].program is not None


def test_programs_that_do_not_fit_every_demonstration_come_last() -> None:
    assert order([ranked(A)], [program(B, fits=2), program(C)]) == [3, 1, 2]
    assert order([ranked(A), ranked(D)], [program(B, fits=2)]) == [1, 4, 2]


def test_a_network_that_has_not_learned_the_task_waits_for_programs() -> None:
    given = [ranked(A), ranked(B)], [program(C, cost=9), program(D, cost=9), program(E, fits=2)]
    assert [int(each.grid[0, 0]) for each in merge(*given, learned=False)] == [3, 4, 1, 2, 5]


def test_either_source_alone() -> None:
    assert order([ranked(A), ranked(B)], []) == [1, 2]
    assert order([], [program(A, fits=1), program(B)]) == [2, 1]
    assert merge([], []) == ()


def test_of_many_demonstrations_those_that_judged_say_how_reliable_a_program_is() -> None:
    def judged(grid: np.ndarray, fits: int, cost: float = 20.0) -> Program:
        return Program(grid, "forest", cost, fits, 40)

    # Half of the views is right in 15 of 24: before a program that reproduces half, after one that does three quarters.
    assert order([ranked(A, votes=4)], [judged(B, 20)]) == [1, 2]
    assert order([ranked(A, votes=4)], [judged(B, 30), judged(C, 24)]) == [2, 1, 3]
    assert order([ranked(A, votes=8)], [judged(B, 40)]) == [2, 1]
