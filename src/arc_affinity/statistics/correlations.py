"""Correlations of ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics.estimates import ALL_EQUAL, NORMAL_QUANTILE, Estimate, Tested, constant, finite, untested
from arc_affinity.statistics.resampling import order_test, rank_difference, resampled

EXACT_RANKS = 7
"""Pairs from which the p of a rank correlation is the t distribution's."""


def spearman(x: Sequence[float], y: Sequence[float]) -> Tested:
    """Return Spearman's rank correlation of paired values, ties averaged, with p from the t distribution; of fewer than
    `EXACT_RANKS` pairs, which it would give p = 0 where all are in order, from all their orders.

    The interval is Fisher's z with the standard error of Bonett and Wright (2000), equation 3:
    sqrt((1 + r**2 / 2) / (n - 3)).

    Raises:
        ArcAffinityError: the lengths differ, or a value is not finite.
    """
    a, b = finite(x), finite(y)
    if len(a) != len(b):
        raise ArcAffinityError(f"{len(a)} values cannot be paired with {len(b)}")
    n = len(a)
    if n < 3:
        return untested(n, f"{n} pairs: a rank correlation needs 3")
    if constant(a) or constant(b):
        return untested(n, f"{ALL_EQUAL} on one side: no ranks to correlate")
    found = stats.spearmanr(a, b)
    p = order_test(a, b) if n < EXACT_RANKS else float(found.pvalue)
    return Tested(_rank_estimate(float(found.statistic), n, 0), p)


def partial_spearman(x: Sequence[float], y: Sequence[float], given: Sequence[float]) -> Tested:
    """Return the rank correlation of ``x`` and ``y`` that is left when both are held against ``given``.

    (r_xy - r_xz r_yz) / sqrt((1 - r_xz**2) (1 - r_yz**2)) of Spearman's correlations (Kendall 1942); p from the t
    distribution with n - 3 degrees of freedom, interval as :func:`spearman` with one pair fewer. Fewer than
    `EXACT_RANKS` triples have neither: that distribution would give p = 0 where all are in order, and other orders of
    one side alone would not keep what it has with what is given.

    Raises:
        ArcAffinityError: the lengths differ, or a value is not finite.
    """
    pairs = [spearman(x, y), spearman(x, given), spearman(y, given)]
    n = len(x)
    for each in pairs:
        if each.effect.value is None:
            return untested(n, each.effect.reason)
    xy, xz, yz = (each.effect.value or 0.0 for each in pairs)
    left = (1 - xz**2) * (1 - yz**2)
    if n < 4 or left < 1e-12:
        return untested(n, f"{n} triples" if n < 4 else "one side is wholly told by what is given")
    r = max(-1.0, min(1.0, (xy - xz * yz) / math.sqrt(left)))
    if n < EXACT_RANKS:
        return Tested(Estimate(r, None, None, n, f"{n} triples: no interval, no p"), None)
    rest = max(1 - r**2, 1e-300)
    p = 2 * float(stats.t.sf(abs(r) * math.sqrt((n - 3) / rest), n - 3))
    return Tested(_rank_estimate(r, n, 1), p)


def spearman_difference(first: Sequence[float], second: Sequence[float], y: Sequence[float]) -> Tested:
    """Return by how much ``second`` goes more closely with ``y`` than ``first`` does, of the same units.

    The effect is the difference of the absolute values of :func:`spearman`. Interval and p are of the bootstrap of
    units, by percentiles (Efron 1979): p is twice the share of resamples with a difference on the other side of 0, or
    at it. Fewer than `EXACT_RANKS` units have none.

    Raises:
        ArcAffinityError: the lengths differ, or a value is not finite.
    """
    alone, other = spearman(first, y), spearman(second, y)
    for each in (alone, other):
        if each.effect.value is None:
            return untested(len(y), each.effect.reason)
    n = len(y)
    if n < EXACT_RANKS:
        return untested(n, f"{n} units: two rank correlations are compared from {EXACT_RANKS} on")
    columns = np.stack([finite(each) for each in (first, second, y)])
    effect = float(rank_difference(columns[:, None])[0])
    low, high, p = resampled(columns, rank_difference)
    return Tested(Estimate(effect, low, high, n), p)


def _rank_estimate(r: float, n: int, given: int) -> Estimate:
    """A rank correlation of ``n`` pairs with its interval, ``given`` variables being held fixed."""
    if n - given < 4 or math.isclose(abs(r), 1.0):
        told = "ranks agree wholly" if n - given >= 4 else f"{n} pairs"
        return Estimate(r, None, None, n, f"{told}: no interval")
    half = NORMAL_QUANTILE * math.sqrt((1 + r**2 / 2) / (n - given - 3))
    return Estimate(r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half), n)
