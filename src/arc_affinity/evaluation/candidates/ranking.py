"""Which of many candidates to give as the two attempts: by likelihood under views that all candidates share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arc_affinity.evaluation.predicting.voting import Choice
from arc_affinity.types import Grid

JUDGED = 12
"""Candidates of a question that are judged under the shared views; the others have too few votes to win."""


@dataclass(frozen=True)
class Ranked:
    """A candidate with all that it is ranked by.

    ``votes`` of the ``views`` that answered at all gave the grid. ``log_likelihood`` is its mean over the shared views
    in nats, or over the views that gave it where none was judged. The higher the ``score``, the better.
    """

    grid: Grid
    votes: int
    views: int
    log_likelihood: float
    score: float


def rank(choices: Sequence[Choice], shared: Mapping[int, Sequence[float]] | None) -> tuple[Ranked, ...]:
    """Order the candidates of one question, the best first.

    The score is the mean log-likelihood under views that are the same for all, which is the log of the geometric mean
    of the probabilities (product of experts). Adding votes, as NVARC does, made no difference that could be told from
    chance on the kept-out tasks (docs/log.md, 16). Votes decide who is judged, and everything where nothing was
    judged: likelihoods under different views do not compare.

    Args:
        choices: the candidates as `vote` returns them.
        shared: log-likelihoods under the shared views, by the number of the candidate; None if nothing was judged.
    """
    ranked = []
    for number, choice in enumerate(choices):
        given = None if shared is None else shared.get(number)
        mean = choice.log_likelihood if not given else math.fsum(given) / len(given)
        score = mean if given else float(-number)
        ranked.append(Ranked(choice.grid, choice.votes, choice.views, mean, score))
    return tuple(sorted(ranked, key=lambda each: -each.score))
