"""Intervals and tests for shares, means, correlations and differences; scipy does the arithmetic.

Which interval, and why:

- A share of tasks has Wilson's: the usual one, value plus or minus twice its standard error, has no width at 0 of n and
  leaves 0 to 1, and scores near 0 are what small models have.
- A mean has the bias-corrected and accelerated (BCa) bootstrap: task accuracies pile up at 0 and 1, so nothing normal
  can be assumed, and the plain percentile interval is off where they are that skewed.
- Tasks are resampled, not outputs: outputs of one task succeed and fail together, and counting them apart would make
  every interval too narrow.
- Two solvers are compared on the same tasks, each with itself: how hard a task is then cancels, which leaves far
  narrower intervals than the two scores have. The test flips signs, as ties and zeros are common.
- Several tests together are adjusted (Benjamini and Hochberg): of 20, one has a p below 0.05 by chance.

What cannot be computed is said: the value (or its interval, or its p) is None and ``reason`` tells why. Nothing here
returns NaN, warns, or puts 0 for "undefined". Every bootstrap resamples tasks, from a fixed seed, so that the same
numbers give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Float
from scipy import stats

from arc_affinity.errors import ArcAffinityError

CONFIDENCE = 0.95
"""Of every interval."""

NORMAL_QUANTILE = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
"""Standard errors from the middle of a normal distribution to the ends of its interval, 1.96."""

RESAMPLES = 4000
"""Of every bootstrap and every random permutation (ours)."""

SEED = 0

EXACT_RANKS = 7
"""Pairs from which the p of a rank correlation is the t distribution's."""

ALL_EQUAL = "all values are equal"


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: None where undefined.
        low: lower end of the interval, None where there is none.
        high: upper end of it.
        n: how many units (tasks, outputs) it rests on.
        reason: why value or interval are missing; "" if neither is.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    def percent(self, digits: int = 1) -> str:
        """Return a share such as "69.5 % (95 % CI 64.1 to 74.4)", or why value or interval are not there."""
        return self._told(f".{digits}f", " %")

    def points(self) -> str:
        """Return a difference of shares such as "+2.0 points (95 % CI -0.3 to +4.3)", or why it is not there."""
        return self._told("+.1f", " points")

    def _told(self, form: str, unit: str) -> str:
        if self.value is None:
            return f"undefined ({self.reason})"
        value = f"{100 * self.value:{form}}{unit}"
        if self.low is None or self.high is None:
            return f"{value} ({self.reason})"
        return f"{value} (95 % CI {100 * self.low:{form}} to {100 * self.high:{form}})"


@dataclass(frozen=True)
class Tested:
    """An effect with its interval and the p of "there is none" (two-sided), None where undefined."""

    effect: Estimate
    p: float | None

    @property
    def reason(self) -> str:
        """Why effect, interval or p are missing; "" if nothing is."""
        return self.effect.reason


@dataclass(frozen=True)
class Paired:
    """Two models on the same tasks.

    Attributes:
        difference: mean over tasks of second minus first, BCa interval over tasks.
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


def share(successes: int, total: int) -> Estimate:
    """Return ``successes / total`` with the interval of Wilson (1927), by ``scipy.stats.binomtest``.

    Raises:
        ArcAffinityError: not 0 <= successes <= total.
    """
    if not 0 <= successes <= total:
        raise ArcAffinityError(f"a share needs 0 <= successes <= total, not {successes} of {total}")
    if total == 0:
        return Estimate(None, None, None, 0, "there is nothing to count")
    interval = stats.binomtest(successes, total).proportion_ci(CONFIDENCE, method="wilson")
    # Rounding may leave 0 to 1 by one unit in the last place.
    return Estimate(successes / total, max(0.0, float(interval.low)), min(1.0, float(interval.high)), total)


def known_mean(value: float, tasks: int) -> Estimate:
    """Return a mean over tasks of shares, 0-1, which themselves are not known, with the interval of Wilson (1927).

    It is that of as many tasks each of which is 0 or 1: no shares with this mean vary more, so it is too wide rather
    than too narrow.

    Raises:
        ArcAffinityError: the mean is not between 0 and 1, or there is no task.
    """
    if not 0 <= value <= 1 or tasks < 1:
        raise ArcAffinityError(f"a mean of shares is from 0 to 1, over a task at least, not {value} over {tasks}")
    z2 = NORMAL_QUANTILE**2 / tasks
    middle, half = value + z2 / 2, math.sqrt(z2 * (value * (1 - value) + z2 / 4))
    low, high = ((middle + sign * half) / (1 + z2) for sign in (-1, 1))
    return Estimate(value, max(0.0, low), min(1.0, high), tasks)


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean over tasks, a value each, with its BCa bootstrap interval (Efron 1987), resampling tasks.

    Raises:
        ArcAffinityError: a value is not finite.
    """
    units = _finite(values)
    if not len(units):
        return Estimate(None, None, None, 0, "there are no values")
    value = float(units.mean())
    if len(units) == 1:
        return Estimate(value, None, None, 1, "one task alone: no interval")
    if _constant(units):
        return Estimate(value, None, None, len(units), f"{ALL_EQUAL}: no interval")
    low, high = _bca(units)
    reason = "" if low is not None else "the resamples are too much alike: no interval"
    return Estimate(value, low, high, len(units), reason)


def defined_mean(values: Sequence[float | None]) -> Estimate:
    """Return the mean over the tasks where a metric is defined, with its interval.

    It is that of a share (Wilson) where every value is 0 or 1, of a mean (BCa) elsewhere. A share keeps an interval
    where all tasks failed alike, of which resampling can say nothing.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Estimate(None, None, None, 0, "defined for none of the tasks")
    if all(value in (0, 1) for value in known):
        return share(round(sum(known)), len(known))
    return mean(known)


def spearman(x: Sequence[float], y: Sequence[float]) -> Tested:
    """Return Spearman's rank correlation of paired values, ties averaged, with p from the t distribution; of fewer than
    `EXACT_RANKS` pairs, which it would give p = 0 where all are in order, from all their orders.

    The interval is Fisher's z with the standard error of Bonett and Wright (2000), equation 3:
    sqrt((1 + r**2 / 2) / (n - 3)).

    Raises:
        ArcAffinityError: the lengths differ, or a value is not finite.
    """
    a, b = _finite(x), _finite(y)
    if len(a) != len(b):
        raise ArcAffinityError(f"{len(a)} values cannot be paired with {len(b)}")
    n = len(a)
    if n < 3:
        return _untested(n, f"{n} pairs: a rank correlation needs 3")
    if _constant(a) or _constant(b):
        return _untested(n, f"{ALL_EQUAL} on one side: no ranks to correlate")
    found = stats.spearmanr(a, b)
    p = _permuted(a, b) if n < EXACT_RANKS else float(found.pvalue)
    return Tested(_rank_estimate(float(found.statistic), n, 0), p)


def _permuted(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """The share of all orders of one side whose rank correlation is as far from 0 (exact permutation test)."""
    x, y = (stats.rankdata(each) - (len(a) + 1) / 2 for each in (a, b))
    products = np.array(list(permutations(y))) @ x
    return float(np.mean(np.abs(products) >= abs(x @ y) - 1e-9))


def partial_spearman(x: Sequence[float], y: Sequence[float], given: Sequence[float]) -> Tested:
    """Return the rank correlation of ``x`` and ``y`` that is left when both are held against ``given``.

    (r_xy - r_xz r_yz) / sqrt((1 - r_xz**2) (1 - r_yz**2)) of Spearman's correlations (Kendall 1942); p from the t
    distribution with n - 3 degrees of freedom, interval as :func:`spearman` with one pair fewer.

    Raises:
        ArcAffinityError: the lengths differ, or a value is not finite.
    """
    pairs = [spearman(x, y), spearman(x, given), spearman(y, given)]
    n = len(x)
    for each in pairs:
        if each.effect.value is None:
            return _untested(n, each.effect.reason)
    xy, xz, yz = (each.effect.value or 0.0 for each in pairs)
    left = (1 - xz**2) * (1 - yz**2)
    if n < 4 or left < 1e-12:
        return _untested(n, f"{n} triples" if n < 4 else "one side is wholly told by what is given")
    r = max(-1.0, min(1.0, (xy - xz * yz) / math.sqrt(left)))
    rest = max(1 - r**2, 1e-300)
    p = 2 * float(stats.t.sf(abs(r) * math.sqrt((n - 3) / rest), n - 3))
    return Tested(_rank_estimate(r, n, 1), p)


def mann_whitney(x: Sequence[float], y: Sequence[float]) -> Tested:
    """Return how often a value of ``x`` exceeds one of ``y``, ties half, with p of Mann and Whitney (1947).

    The effect is U / (len(x) len(y)): 0.5 where neither tends to be larger. It has no interval here.

    Raises:
        ArcAffinityError: a value is not finite.
    """
    a, b = _finite(x), _finite(y)
    n = len(a) + len(b)
    if not len(a) or not len(b):
        return _untested(n, "one of the groups is empty")
    if _constant(np.concatenate([a, b])):
        return _untested(n, ALL_EQUAL)
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
    a, b = _finite(x), _finite(y)
    n = len(a) + len(b)
    if len(a) < 2 or len(b) < 2:
        return Estimate(None, None, None, n, "each group needs 2 values")
    pooled = math.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (n - 2))
    if _constant(a) and _constant(b):
        return Estimate(None, None, None, n, "neither group varies")
    d = float(a.mean() - b.mean()) / pooled
    half = NORMAL_QUANTILE * math.sqrt(n / (len(a) * len(b)) + d**2 / (2 * n))
    return Estimate(d, d - half, d + half, n)


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> Paired:
    """Compare two models, a value by task id each, on the tasks that both have: ``second`` minus ``first``.

    The interval is BCa over tasks (as :func:`mean`). The test flips the sign of each task's difference (Fisher
    1935): exact where all flips are few enough, by random flips otherwise; it assumes no normality and minds no ties.

    Raises:
        ArcAffinityError: a value is not finite.
    """
    common = sorted(first.keys() & second.keys())
    unpaired = len(first.keys() ^ second.keys())
    differences = _finite([second[task] - first[task] for task in common])
    if not common:
        return Paired(Estimate(None, None, None, 0, "no task is in both"), None, 0, 0, unpaired)
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    if not better and not worse:
        same = Estimate(0.0, None, None, len(common), "the two are equal on every task: no interval, no test")
        return Paired(same, None, 0, 0, unpaired)
    p = _sign_flips(differences) if len(common) > 1 else None
    return Paired(mean(differences.tolist()), p, better, worse, unpaired)


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
        return _untested(n, "a group is empty, or all or none are hits")
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


def _bca(units: Float[np.ndarray, " n"]) -> tuple[float | None, float | None]:
    """Interval of the mean of ``units``; None twice where the method has no answer.

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


def _batches(n: int) -> list[int]:
    """`RESAMPLES` in parts that keep resamples of ``n`` tasks within a few megabytes."""
    rows = max(1, 2_000_000 // n)
    return [min(rows, RESAMPLES - done) for done in range(0, RESAMPLES, rows)]


def _sign_flips(differences: Float[np.ndarray, " n"]) -> float:
    """Two-sided p of the mean difference under random signs: all of them where `RESAMPLES` suffice, drawn elsewhere.

    ``scipy.stats.permutation_test`` draws the same signs. But it takes each task on its own in every batch, so that its
    time grows with the square of their number, and takes means that are equal but for rounding for different ones.
    """
    n, observed = len(differences), differences.mean()
    rng, every = np.random.default_rng(SEED), 2**n <= RESAMPLES
    flips = (
        [np.arange(2**n)[:, None] >> np.arange(n) & 1 == 1]
        if every
        else (rng.permuted(np.tile([False, True], (rows, n, 1)), axis=-1)[..., 0] for rows in _batches(n))
    )
    null = np.concatenate([np.where(flipped, -differences, differences).mean(axis=-1) for flipped in flips])
    # Rounding goes by the size of what is added up, of which the mean may be a small part.
    near = 1e-14 * np.abs(differences).mean()
    tails = (np.count_nonzero(null <= observed + near), np.count_nonzero(null >= observed - near))
    # Among random signs the ones observed count as one more draw.
    more = 0 if every else 1
    return min(1.0, 2 * (min(tails) + more) / (len(null) + more))


def _finite(values: Iterable[float]) -> Float[np.ndarray, " n"]:
    """The values as an array, each checked."""
    array = np.array(list(values), dtype=float)
    if not np.isfinite(array).all():
        raise ArcAffinityError(f"a value is not finite: {array[~np.isfinite(array)][0]}")
    return array


def _constant(values: Float[np.ndarray, " n"]) -> bool:
    """Whether all are equal, but for what rounding does to the last digits."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max()))) if len(values) else True


def _rank_estimate(r: float, n: int, given: int) -> Estimate:
    """A rank correlation of ``n`` pairs with its interval, ``given`` variables being held fixed."""
    if n - given < 4 or math.isclose(abs(r), 1.0):
        told = "ranks agree wholly" if n - given >= 4 else f"{n} pairs"
        return Estimate(r, None, None, n, f"{told}: no interval")
    half = NORMAL_QUANTILE * math.sqrt((1 + r**2 / 2) / (n - given - 3))
    return Estimate(r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half), n)


def _untested(n: int, reason: str) -> Tested:
    return Tested(Estimate(None, None, None, n, reason), None)
