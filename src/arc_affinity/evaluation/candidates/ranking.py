"""Which of many candidates to give as the two attempts: by likelihood under views that all candidates share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from arc_affinity.evaluation.predicting.voting import Choice

JUDGED = 12
"""Candidates of a question that are judged under the shared views; the others have too few votes to win."""


def rank(choices: Sequence[Choice], shared: Mapping[int, Sequence[float]] | None) -> tuple[Choice, ...]:
    """Order the candidates of one question, the best first; one that was judged has its mean over the shared views.

    The score is the mean log-likelihood under views that are the same for all, which is the log of the geometric mean
    of the probabilities (product of experts). Adding votes, as NVARC does, made no difference that could be told from
    chance on the kept-out tasks (docs/log.md, 16). Votes decide who is judged, and everything where nothing was
    judged: likelihoods under different views do not compare.

    Args:
        choices: the candidates as `vote` returns them.
        shared: log-likelihoods under the shared views, by the number of the candidate; None if nothing was judged.
    """
    scored = []
    for number, choice in enumerate(choices):
        given = None if shared is None else shared.get(number)
        mean = math.fsum(given) / len(given) if given else choice.log_likelihood
        scored.append((mean if given else float(-number), replace(choice, log_likelihood=mean)))
    return tuple(choice for _, choice in sorted(scored, key=lambda each: -each[0]))
