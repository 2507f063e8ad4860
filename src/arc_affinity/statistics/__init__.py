"""Intervals and tests for shares, means, correlations and differences; scipy does the arithmetic.

Which interval, and why:

- A share of tasks has Wilson's: the usual one, value plus or minus twice its standard error, has no width at 0 of n and
  leaves 0 to 1, and scores near 0 are what small models have.
- A mean has the bias-corrected and accelerated (BCa) bootstrap: task accuracies pile up at 0 and 1, so nothing normal
  can be assumed, and the plain percentile interval is off where they are that skewed. Where all tasks but a few have 0,
  or all but a few 1, it has the widest that shares can have, as resamples leave the few out too often to tell.
- Tasks are resampled, not outputs: outputs of one task succeed and fail together, and counting them apart would make
  every interval too narrow.
- Two solvers are compared on the same tasks, each with itself: how hard a task is then cancels, which leaves far
  narrower intervals than the two scores have. The test flips signs, as ties and zeros are common, and the interval
  is of the same test: where two or three tasks alone differ, a bootstrap would be surer than that.
- Several tests together are adjusted (Benjamini and Hochberg): of 20, one has a p below 0.05 by chance.

What cannot be computed is said: the value (or its interval, or its p) is None and ``reason`` tells why. Nothing here
returns NaN, warns, or puts 0 for "undefined". Every bootstrap resamples tasks, from a fixed seed, so that the same
numbers give the same interval.
"""

from arc_affinity.statistics.comparisons import Paired, cohens_d, false_discovery, mann_whitney, odds_ratio, paired
from arc_affinity.statistics.correlations import EXACT_RANKS, partial_spearman, spearman, spearman_difference
from arc_affinity.statistics.estimates import ALL_EQUAL, CONFIDENCE, NORMAL_QUANTILE, Estimate, Tested
from arc_affinity.statistics.means import defined_mean, known_mean, mean, share
from arc_affinity.statistics.resampling import RESAMPLES

__all__ = [
    "ALL_EQUAL",
    "CONFIDENCE",
    "EXACT_RANKS",
    "NORMAL_QUANTILE",
    "RESAMPLES",
    "Estimate",
    "Paired",
    "Tested",
    "cohens_d",
    "defined_mean",
    "false_discovery",
    "known_mean",
    "mann_whitney",
    "mean",
    "odds_ratio",
    "paired",
    "partial_spearman",
    "share",
    "spearman",
    "spearman_difference",
]
