"""What every statistic returns: a value with its interval, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from arc_affinity.errors import ArcAffinityError

CONFIDENCE = 0.95
"""Of every interval."""

NORMAL_QUANTILE = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
"""Standard errors from the middle of a normal distribution to the ends of its interval, 1.96."""

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


def finite(values: Iterable[float]) -> Float[np.ndarray, " n"]:
    """Return the values as an array.

    Raises:
        ArcAffinityError: one of them is not finite.
    """
    array = np.array(list(values), dtype=float)
    if not np.isfinite(array).all():
        raise ArcAffinityError(f"a value is not finite: {array[~np.isfinite(array)][0]}")
    return array


def constant(values: Float[np.ndarray, " n"]) -> bool:
    """Return whether all are equal, but for what rounding does to the last digits."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max()))) if len(values) else True


def untested(n: int, reason: str) -> Tested:
    """Return neither effect nor p, and why."""
    return Tested(Estimate(None, None, None, n, reason), None)
