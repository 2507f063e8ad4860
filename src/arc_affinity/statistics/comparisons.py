"""Two groups, or two models on the same tasks, and many tests at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics.estimates import (
    ALL_EQUAL,
    CONFIDENCE,
    NORMAL_QUANTILE,
    Estimate,
    Tested,
    constant,
    finite,
    untested,
)
from arc_affinity.statistics.resampling import sign_flips


@dataclass(frozen=True)
class Paired:
    """Two models on the same tasks.

    Attributes:
        difference: mean over tasks of second minus first; its interval is that of the test, so that it and p agree.
        p: sign-flip permutation test, two-sided; None where undefined.
        better: tasks on which the second is better.
        worse: tasks on which it is worse.
        unpaired: tasks that only one of the two has, which count nowhere.
    """

    difference: Estimate
    p: float | None
    better: int
    worse: int
    unpaired: int


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> Paired:
    """Compare two models, a value by task id each, on the tasks that both have: ``second`` minus ``first``.

    The test flips the sign of each task's difference (Fisher 1935): exact where all flips are few enough, by random
    flips otherwise; it assumes no normality and minds no ties. The interval holds the differences that it does not rule
    out. A bootstrap would leave 0 out once three tasks differ, all one way, which the test gives a p of 0.25.

    Raises:
        ArcAffinityError: a value is not finite.
    """
    common = sorted(first.keys() & second.keys())
    unpaired = len(first.keys() ^ second.keys())
    differences = finite([second[task] - first[task] for task in common])
    if not common:
        return Paired(Estimate(None, None, None, 0, "no task is in both"), None, 0, 0, unpaired)
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    if not better and not worse:
        same = Estimate(0.0, None, None, len(common), "the two are equal on every task: no interval, no test")
        return Paired(same, None, 0, 0, unpaired)
    value = float(differences.mean())
    if len(common) == 1:
        alone = Estimate(value, None, None, 1, "one task alone: no interval")
        return Paired(alone, None, better, worse, unpaired)
    told = sign_flips(differences)
    reason = "" if told.low is not None else "so few tasks rule no difference out: no interval"
    if constant(differences):
        told, reason = replace(told, low=None, high=None), f"{ALL_EQUAL}: no interval"
    difference = Estimate(value, told.low, told.high, len(common), reason)
    return Paired(difference, told.p, better, worse, unpaired)


def mann_whitney(x: Sequence[float], y: Sequence[float]) -> Tested:
    """Return how often a value of ``x`` exceeds one of ``y``, ties half, with p of Mann and Whitney (1947).

    The effect is U / (len(x) len(y)): 0.5 where neither tends to be larger. It has no interval here.

    Raises:
        ArcAffinityError: a value is not finite.
    """
    a, b = finite(x), finite(y)
    n = len(a) + len(b)
    if not len(a) or not len(b):
        return untested(n, "one of the groups is empty")
    if constant(np.concatenate([a, b])):
        return untested(n, ALL_EQUAL)
    found = stats.mannwhitneyu(a, b, alternative="two-sided")
    effect = float(found.statistic) / (len(a) * len(b))
    return Tested(Estimate(effect, None, None, n, "no interval is given with this test"), float(found.pvalue))


def cohens_d(x: Sequence[float], y: Sequence[float]) -> Estimate:
    """Return Cohen's d (1988, equation 2.5.1): mean of ``x`` minus mean of ``y`` over the pooled deviation.

    The interval is that of Hedges and Olkin (1985, chapter 5, equation 14), for large groups:
    variance (n1 + n2) / (n1 n2) + d**2 / (2 (n1 + n2)).

    Raises:
        ArcAffinityError: a value is not finite.
    """
    a, b = finite(x), finite(y)
    n = len(a) + len(b)
    if len(a) < 2 or len(b) < 2:
        return Estimate(None, None, None, n, "each group needs 2 values")
    pooled = math.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (n - 2))
    if constant(a) and constant(b):
        return Estimate(None, None, None, n, "neither group varies")
    d = float(a.mean() - b.mean()) / pooled
    half = NORMAL_QUANTILE * math.sqrt(n / (len(a) * len(b)) + d**2 / (2 * n))
    return Estimate(d, d - half, d + half, n)


def odds_ratio(hits: int, misses: int, other_hits: int, other_misses: int) -> Tested:
    """Return the odds of a hit in one group over those in the other, p by Fisher's exact test (1922).

    Ratio and interval are the sample's (log odds, normal), by ``scipy.stats.contingency.odds_ratio``.

    Raises:
        ArcAffinityError: a count is negative.
    """
    counts = (hits, misses, other_hits, other_misses)
    if min(counts) < 0:
        raise ArcAffinityError(f"counts must be 0 or more, not {counts}")
    table, n = np.array(counts).reshape(2, 2), sum(counts)
    if 0 in table.sum(axis=0) or 0 in table.sum(axis=1):
        return untested(n, "a group is empty, or all or none are hits")
    p = float(stats.fisher_exact(table).pvalue)
    if 0 in counts:
        return Tested(Estimate(None, None, None, n, "a cell of the table is 0: no finite odds"), p)
    found = stats.contingency.odds_ratio(table, kind="sample")
    interval = found.confidence_interval(CONFIDENCE)
    return Tested(Estimate(float(found.statistic), float(interval.low), float(interval.high), n), p)


def false_discovery(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return the p of each name adjusted for the number of tests (Benjamini and Hochberg 1995).

    Names without a p (None) stay so and count as no test.

    Raises:
        ArcAffinityError: a p is not within 0 to 1.
    """
    known = {name: value for name, value in p.items() if value is not None}
    for name, value in known.items():
        if not 0 <= value <= 1:
            raise ArcAffinityError(f"p of {name} must be 0 to 1, not {value}")
    adjusted = stats.false_discovery_control(list(known.values())) if known else []
    return {**p, **dict(zip(known, map(float, adjusted), strict=True))}
