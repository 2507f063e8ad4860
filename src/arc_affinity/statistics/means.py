"""Shares and means over tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics.estimates import ALL_EQUAL, CONFIDENCE, NORMAL_QUANTILE, Estimate, constant, finite
from arc_affinity.statistics.resampling import bca

FEWEST = 5
"""Tasks that have to be unlike the others for resamples to tell: none of k is in one of them with a chance of about
exp(-k), which of three is more often than an interval leaves out on one side, and then its lower end is 0 (ours)."""


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

    Of shares of which fewer than `FEWEST` are above 0, or below 1, it is that of :func:`known_mean`.

    Raises:
        ArcAffinityError: a value is not finite.
    """
    units = finite(values)
    if not len(units):
        return Estimate(None, None, None, 0, "there are no values")
    value = float(units.mean())
    if len(units) == 1:
        return Estimate(value, None, None, 1, "one task alone: no interval")
    if constant(units):
        return Estimate(value, None, None, len(units), f"{ALL_EQUAL}: no interval")
    if units.min() >= 0 and units.max() <= 1 and min((units > 0).sum(), (units < 1).sum()) < FEWEST:
        return known_mean(value, len(units))
    low, high = bca(units)
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
