"""Choosing attempts by vote among the answers of several augmented views of one query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Grid


@dataclass(frozen=True)
class Candidate:
    """One answer: the grid with its view undone, its log-likelihood in nats, and the view's number."""

    grid: Grid
    log_likelihood: float
    view: int


@dataclass(frozen=True)
class Choice:
    """A distinct grid: how many views gave it, of how many, and its mean log-likelihood in nats."""

    grid: Grid
    votes: int
    views: int
    log_likelihood: float


def vote(candidates: Sequence[Candidate], *, limit: int = 2, exclude: Grid | None = None) -> tuple[Choice, ...]:
    """Rank the distinct grids among ``candidates`` and return the first ``limit``.

    A view has one vote for each grid that it gives. More votes come first, then the higher mean
    log-likelihood, then fewer rows, fewer columns and the lesser cells in raster order: a total order, so the
    result depends neither on the order of the candidates nor on a seed. ``exclude`` (the query, as a rule)
    drops the candidates equal to it; nothing may be left. The rule of mdlARC (github.com/mvakde/mdlARC), with
    its unseeded ties settled by likelihood.

    Raises:
        ArcAffinityError: a log-likelihood is not a number.
    """
    views = len({candidate.view for candidate in candidates})
    groups: dict[tuple[tuple[int, ...], bytes], list[Candidate]] = {}
    for candidate in candidates:
        if exclude is not None and np.array_equal(candidate.grid, exclude):
            continue
        if math.isnan(candidate.log_likelihood):
            raise ArcAffinityError(f"view {candidate.view} gave a grid whose log-likelihood is not a number")
        groups.setdefault((candidate.grid.shape, candidate.grid.tobytes()), []).append(candidate)
    ranked = []
    for (shape, cells), group in groups.items():
        votes = len({candidate.view for candidate in group})
        # fsum rounds once, so the mean is the same for every order of the candidates.
        mean = math.fsum(candidate.log_likelihood for candidate in group) / len(group)
        ranked.append(((-votes, -mean, shape, cells), Choice(group[0].grid, votes, views, mean)))
    return tuple(choice for _, choice in sorted(ranked, key=lambda each: each[0])[:limit])
