"""Intervals and tests that assume no distribution: the bootstrap of a mean, random signs, all orders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Float
from scipy import stats

from arc_affinity.statistics.estimates import CONFIDENCE

RESAMPLES = 4000
"""Of every bootstrap and every random permutation (ours)."""

SEED = 0


def bca(units: Float[np.ndarray, " n"]) -> tuple[float | None, float | None]:
    """Return the interval of the mean of ``units``; None twice where the method has no answer.

    Efron (1987), as in Efron and Tibshirani (1993, equations 14.9 to 14.15), with the draws and the figures of
    ``scipy.stats.bootstrap``. That one takes a square of ``n`` by ``n`` to leave each value out in turn; of a mean it
    is known what leaving one out does: the value's distance from the mean.
    """
    rng, n = np.random.default_rng(SEED), len(units)
    found = np.concatenate([units[rng.integers(0, n, (rows, n))].mean(axis=-1) for rows in _batches(n)])
    away = units - units.mean()
    below = (np.count_nonzero(found < units.mean()) + np.count_nonzero(found <= units.mean())) / (2 * len(found))
    bias = stats.norm.ppf(below)
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    sums = bias + stats.norm.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    ends = stats.norm.cdf(bias + sums / (1 - acceleration * sums))
    if not np.isfinite(ends).all():
        return None, None
    low, high = np.quantile(found, ends)
    return float(low), float(high)


@dataclass(frozen=True)
class Flipped:
    """What random signs tell of a mean: the two-sided p of 0, and the means whose p is 0.05 or more.

    An end is None where no mean is so far off that it could be ruled out: of five values at the most.
    """

    p: float
    low: float | None
    high: float | None


def sign_flips(differences: Float[np.ndarray, " n"]) -> Flipped:
    """Test the mean difference by random signs (Fisher 1935): drawn ones, where `RESAMPLES` are not all.

    Signs make the mean as large as it is, or larger, just where the values whose sign they turn have a mean of 0 or
    less. Taken off all values first, any other mean is tested so: its p is told by how many of these subsets have a
    smaller mean, and how many a larger one. The interval is that of all that are not ruled out (Hartigan 1969), so that
    0 lies in it just where p is 0.05 or more, however few tasks differ.

    ``scipy.stats.permutation_test`` draws the same signs. But it takes each task on its own in every batch, so that its
    time grows with the square of their number, and takes means that are equal but for rounding for different ones.
    """
    rng, n = np.random.default_rng(SEED), len(differences)
    every = 2**n <= RESAMPLES
    flips = (
        [np.arange(2**n)[:, None] >> np.arange(n) & 1 == 1]
        if every
        else (rng.permuted(np.tile([False, True], (rows, n, 1)), axis=-1)[..., 0] for rows in _batches(n))
    )
    parts = [(flipped @ differences, flipped.sum(axis=-1)) for flipped in flips]
    sums, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
    means = np.sort(sums[counts > 0] / counts[counts > 0])
    # Rounding goes by the size of what is added up, of which the mean may be a small part.
    means[np.abs(means) <= 1e-13 * np.abs(differences).max()] = 0.0
    # No sign turned is what was observed; among random signs that counts as one more draw.
    draws = len(sums) + (not every)
    always = draws - len(means)
    tails = (always + np.count_nonzero(means <= 0), always + np.count_nonzero(means >= 0))
    p = min(1.0, 2 * int(min(tails)) / draws)
    within = math.ceil((1 - CONFIDENCE) / 2 * draws - always - 1e-9) - 1
    if within < 0:
        return Flipped(p, None, None)
    return Flipped(p, float(means[within]), float(means[-1 - within]))


def order_test(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Return the share of all orders of one side whose rank correlation is as far from 0 (exact permutation test)."""
    x, y = (stats.rankdata(each) - (len(a) + 1) / 2 for each in (a, b))
    products = np.array(list(permutations(y))) @ x
    return float(np.mean(np.abs(products) >= abs(x @ y) - 1e-9))


def resampled(
    columns: Float[np.ndarray, "columns n"],
    statistic: Callable[[Float[np.ndarray, "columns rows n"]], Float[np.ndarray, " rows"]],
) -> tuple[float, float, float]:
    """Return the percentile interval of a statistic of units, each with a value in every column, and the p of 0."""
    rng, (count, n) = np.random.default_rng(SEED), columns.shape
    found = np.concatenate([statistic(columns[:, rng.integers(0, n, (rows, n))]) for rows in _batches(count * n)])
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    tails = (np.count_nonzero(found <= 0), np.count_nonzero(found >= 0))
    return float(low), float(high), min(1.0, 2 * (min(tails) + 1) / (len(found) + 1))


def rank_difference(columns: Float[np.ndarray, "three rows n"]) -> Float[np.ndarray, " rows"]:
    """Return how much larger the absolute rank correlation of the second column with the third is than the first's.

    Where all values are equal nothing is told by them: 0.
    """
    ranks = stats.rankdata(columns, axis=-1) - (columns.shape[-1] + 1) / 2
    squares = (ranks**2).sum(axis=-1)
    products = np.abs((ranks[:2] * ranks[2]).sum(axis=-1))
    scale = np.sqrt(squares[:2] * squares[2])
    first, second = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    return second - first


def _batches(n: int) -> list[int]:
    """`RESAMPLES` in parts that keep resamples of ``n`` tasks within a few megabytes."""
    rows = max(1, 2_000_000 // n)
    return [min(rows, RESAMPLES - done) for done in range(0, RESAMPLES, rows)]
