"""Intervals and tests against scipy, formulas by hand and enumeration; what is undefined is said, never NaN."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics import (
    RESAMPLES,
    Estimate,
    Paired,
    cohens_d,
    defined_mean,
    false_discovery,
    known_mean,
    mann_whitney,
    mean,
    odds_ratio,
    paired,
    partial_spearman,
    share,
    spearman,
    spearman_difference,
)
from arc_affinity.statistics import (
    Tested as Outcome,
)

VALUES = [0.1, 0.9, 0.4, 0.0, 1.0, 0.7, 0.3]
OTHERS = [0.2, 0.8, 0.5, 0.1, 0.9, 0.2, 0.6]
THIRD = [3.0, 5.0, 1.0, 2.0, 9.0, 4.0, 4.0]


def test_wilson_by_its_formula():
    n, x, z = 302, 210, oracle.norm.ppf(0.975)
    p = x / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    found = share(x, n)
    assert (found.value, found.n, found.reason) == (p, n, "")
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_estimates_as_words():
    assert Estimate(0.5, 0.25, 0.75, 9).percent() == "50.0 % (95 % CI 25.0 to 75.0)"
    assert Estimate(0.5, None, None, 1, "one task alone: no interval").percent(2) == (
        "50.00 % (one task alone: no interval)"
    )
    assert Estimate(None, None, None, 0, "nothing there").percent() == "undefined (nothing there)"
    assert Estimate(0.02, -0.003, 0.043, 9).points() == "+2.0 points (95 % CI -0.3 to +4.3)"


def test_all_and_none_still_have_an_interval():
    assert share(0, 7).low == 0.0
    assert share(7, 7).high == 1.0
    assert share(0, 7).high == pytest.approx(0.3543, abs=1e-4)  # z^2 / (n + z^2)
    assert share(0, 0) == Estimate(None, None, None, 0, "there is nothing to count")


def test_the_mean_is_that_of_tasks_with_scipys_bca_interval():
    found = mean(VALUES)
    expected = oracle.bootstrap(
        (np.array(VALUES),), np.mean, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert found.value == pytest.approx(3.4 / 7)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found == mean(VALUES)


@pytest.mark.parametrize(
    ("values", "value", "n", "told"),
    [
        ([], None, 0, "there are no values"),
        ([0.3], 0.3, 1, "one task alone"),
        ([0.0] * 5, 0.0, 5, "all values are equal"),
        ([0.1 + 0.2, 0.3], 0.3, 2, "all values are equal"),
    ],
)
def test_a_mean_without_interval_says_why(values, value, n, told):
    found = mean(values)
    assert (found.value, found.low, found.high, found.n) == (pytest.approx(value), None, None, n)
    assert told in found.reason


@pytest.mark.parametrize("n", [2, 3, 13, 700])
@pytest.mark.parametrize("kind", ["shares", "any"])
def test_intervals_and_sign_flips_are_those_of_scipy(n: int, kind: str) -> None:
    rng = np.random.default_rng(n)
    values = rng.choice([-1.0, 0.0, 0.5, 1.0], n) if kind == "shares" else rng.normal(0.1, 1, n) ** 3
    values[:2] = 0.0, 2.0  # no shares, of few of which it is not the bootstrap's
    # The batches are those of before, on which scipy's draws depend.
    settings = {"n_resamples": 4000, "batch": 2_000_000 // n, "vectorized": True}
    expected = oracle.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(0), **settings)
    found = mean(values.tolist())
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval), rel=1e-9, abs=1e-12)
    flips = {**settings, "permutation_type": "samples"}
    p = oracle.permutation_test((values,), np.mean, rng=np.random.default_rng(0), **flips).pvalue
    told = paired({f"{i:03d}": 0.0 for i in range(n)}, {f"{i:03d}": v for i, v in enumerate(values)})
    assert told.p is not None
    assert told.p == pytest.approx(p, abs=1e-12)


def test_twice_the_tasks_take_twice_the_time_or_little_more() -> None:
    def seconds(n: int) -> float:
        values = np.random.default_rng(3).normal(0, 1, n)
        begun = time.process_time()
        mean(values.tolist())
        return time.process_time() - begun

    # The square of n by n that scipy takes would make it 16 times.
    assert min(seconds(8000) for _ in range(2)) < 8 * min(seconds(2000) for _ in range(2))


def test_spearman_as_scipy_with_the_interval_of_bonett_and_wright():
    found, expected = spearman(VALUES, OTHERS), oracle.spearmanr(VALUES, OTHERS)
    r = expected.statistic
    half = oracle.norm.ppf(0.975) * math.sqrt((1 + r**2 / 2) / (7 - 3))
    assert (found.effect.value, found.p) == pytest.approx((r, expected.pvalue))
    assert found.effect.low == pytest.approx(math.tanh(math.atanh(r) - half))
    assert found.effect.high == pytest.approx(math.tanh(math.atanh(r) + half))


def test_a_mean_of_unknown_shares_has_the_interval_of_as_many_tasks():
    # Where tasks are 0 or 1 it is that of a share.
    known, counted = known_mean(9 / 18, 18), share(9, 18)
    assert (known.low, known.high, known.n) == (pytest.approx(counted.low), pytest.approx(counted.high), 18)
    between = known_mean(0.4861, 18)
    assert between.value == 0.4861 and between.low < 0.31 and between.high > 0.66
    assert (known_mean(0.0, 5).low, known_mean(1.0, 5).high) == (0.0, 1.0)
    for value, tasks in ((1.1, 5), (0.5, 0)):
        with pytest.raises(ArcAffinityError, match="from 0 to 1"):
            known_mean(value, tasks)


def test_partial_rank_correlation_is_that_of_residuals():
    x, y, z = (oracle.rankdata(column) for column in (VALUES, OTHERS, THIRD))
    residuals = [column - np.polyval(np.polyfit(z, column, 1), z) for column in (x, y)]
    found = partial_spearman(VALUES, OTHERS, THIRD)
    r = np.corrcoef(*residuals)[0, 1]
    assert found.effect.value == pytest.approx(r)
    assert found.p == pytest.approx(2 * oracle.t.sf(abs(r) * math.sqrt((7 - 3) / (1 - r**2)), 7 - 3))


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_a_partial_rank_correlation_of_a_few_triples_has_no_p(n: int):
    x = [1.0, 2.0, 3.0, 5.0, 7.0, 11.0, 13.0][:n]
    found = partial_spearman(x, x, [1.0, 3.0, 2.0, 7.0, 5.0, 13.0, 11.0][:n])
    assert found.effect.value == pytest.approx(1.0)
    if n < 7:
        assert (found.p, found.effect.low, found.reason) == (None, None, f"{n} triples: no interval, no p")
    else:
        assert found.p < 1e-9


def test_the_difference_of_two_rank_correlations():
    rng = np.random.default_rng(3)
    y = rng.normal(size=53)
    weak, strong = y + 3 * rng.normal(size=53), -(y + 0.3 * rng.normal(size=53))
    found, turned = spearman_difference(weak, strong, y), spearman_difference(strong, weak, y)
    r = [abs(oracle.spearmanr(each, y).statistic) for each in (weak, strong)]
    assert found.effect.value == pytest.approx(r[1] - r[0])
    assert (turned.effect.value, turned.p) == (-found.effect.value, found.p)
    assert 0 < found.effect.low < found.effect.value < found.effect.high and found.p < 0.01

    # The interval is scipy's by percentiles, but for the draws.
    def both(*columns: np.ndarray) -> float:
        a, b = (abs(oracle.spearmanr(each, columns[2]).statistic) for each in columns[:2])
        return b - a

    limits = oracle.bootstrap(
        (weak, strong, y), both, paired=True, vectorized=False, n_resamples=999, method="percentile", rng=rng
    ).confidence_interval
    assert (found.effect.low, found.effect.high) == pytest.approx((limits.low, limits.high), abs=0.05)
    same = spearman_difference(weak, [3 * value for value in weak], y)
    assert (same.effect.value, same.p) == (pytest.approx(0.0), 1.0)
    assert spearman_difference([0.0] * 53, weak, y).reason == "all values are equal on one side: no ranks to correlate"
    few = spearman_difference(weak[:6], strong[:6], y[:6])
    assert (few.p, few.reason) == (None, "6 units: two rank correlations are compared from 7 on")


def test_correlations_that_do_not_exist():
    assert spearman([1.0, 2.0], [1.0, 2.0]).reason == "2 pairs: a rank correlation needs 3"
    assert "all values are equal" in spearman([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).reason
    whole = spearman([1.0, 2.0, 3.0, 5.0], [2.0, 3.0, 5.0, 7.0])
    assert (whole.effect.value, whole.effect.low) == (pytest.approx(1.0), None)
    assert "ranks agree wholly" in whole.reason
    # Two of the 24 orders of four are as far from none: this one and the reverse.
    assert whole.p == pytest.approx(2 / 24)
    # Of three with a tie: 1, 1, 2 against 1, 2, 3 is sqrt(3)/2, and so is every order but those with 1, 2, 1: 0.
    assert spearman([1.0, 1.0, 2.0], [1.0, 2.0, 3.0]).p == pytest.approx(4 / 6)
    told = partial_spearman([1.0, 2.0, 3.0, 5.0], [2.0, 1.0, 5.0, 7.0], [1.0, 2.0, 3.0, 5.0])
    assert (told.effect.value, told.p) == (None, None)
    assert "wholly told" in told.reason


def test_mann_whitney_counts_pairs():
    x, y = [3.0, 5.0], [1.0, 3.0, 4.0]
    # 3 beats 1 and ties 3; 5 beats all three: 4.5 of 6.
    found = mann_whitney(x, y)
    assert found.effect.value == pytest.approx(4.5 / 6)
    assert found.p == pytest.approx(oracle.mannwhitneyu(x, y).pvalue)
    assert mann_whitney([], y).reason == "one of the groups is empty"
    assert mann_whitney([2.0], [2.0, 2.0]).reason == "all values are equal"


def test_cohens_d_by_hand():
    # Means 5 and 2, variances 4 and 1 with 3 and 3 values: pooled deviation sqrt(2.5).
    found = cohens_d([3.0, 5.0, 7.0], [1.0, 2.0, 3.0])
    d = 3 / math.sqrt(2.5)
    half = oracle.norm.ppf(0.975) * math.sqrt(6 / 9 + d**2 / 12)
    assert (found.value, found.low, found.high) == pytest.approx((d, d - half, d + half))
    assert cohens_d([1.0], [1.0, 2.0]).reason == "each group needs 2 values"
    assert cohens_d([1.0, 1.0], [2.0, 2.0]).reason == "neither group varies"


def test_paired_flips_every_sign_where_that_is_possible():
    first = {"a": 0.1, "b": 0.5, "c": 0.2, "d": 0.9, "e": 0.0, "only": 1.0}
    second = {"a": 0.4, "b": 0.6, "c": 0.4, "d": 0.8, "e": 0.5}
    differences = [second[task] - first[task] for task in "abcde"]
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in itertools.product((1, -1), repeat=5)
    ]
    observed = sum(differences)
    p = sum(abs(each) >= observed - 1e-12 for each in sums) / 32
    found = paired(first, second)
    assert (found.better, found.worse, found.unpaired) == (4, 1, 1)
    assert found.difference.value == pytest.approx(fmean(differences))
    assert found.p == pytest.approx(p)
    assert found.difference.reason.startswith("so few tasks rule no difference out")


def differing(values: Sequence[float]) -> Paired:
    return paired(dict.fromkeys(map(str, range(len(values))), 0.0), dict(enumerate_text(values)))


def flipping(values: Sequence[float]) -> float:
    """The p of a mean of 0, all signs tried one by one."""
    sums = [
        sum(s * v for s, v in zip(signs, values, strict=True))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    tails = (sum(each <= sums[0] + 1e-12 for each in sums), sum(each >= sums[0] - 1e-12 for each in sums))
    return min(1.0, 2 * min(tails) / len(sums))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_interval_of_a_difference_holds_what_its_test_does_not_rule_out(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.2, 1, 8).tolist()
    found = differing(values).difference
    assert found.low is not None and found.high is not None
    # Of the means in reach those alone are inside whose p is 0.05 or more.
    for mean_, inside in [
        (found.low - 1e-6, False),
        (found.low + 1e-6, True),
        (found.high - 1e-6, True),
        (found.high + 1e-6, False),
    ]:
        assert (flipping([value - mean_ for value in values]) >= 0.05) == inside


@pytest.mark.parametrize("n", [30, 400])
@pytest.mark.parametrize("better", [1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("worse", [0, 1])
def test_0_is_in_the_interval_where_p_is_no_less_than_one_in_twenty(n: int, better: int, worse: int) -> None:
    found = differing([0.5] * better + [-0.5] * worse + [0.0] * (n - better - worse))
    assert found.p is not None and found.difference.low is not None and found.difference.high is not None
    assert (found.difference.low <= 0 <= found.difference.high) == (found.p >= 0.05)


def test_a_few_tasks_above_none_do_not_narrow_the_interval_of_a_mean() -> None:
    none = defined_mean([0.0] * 120)
    for few in (1, 2, 4):
        found = defined_mean([0.5] * few + [0.0] * (120 - few))
        assert found == known_mean(0.5 * few / 120, 120)
        assert found.high is not None and none.high is not None and found.high > none.high
        assert (found.low or 0) > 0
        others = mean([0.5] * few + [1.0] * (120 - few))
        assert others.low == pytest.approx(1 - (found.high or 0))
    assert mean([0.5] * 5 + [0.0] * 115) != known_mean(2.5 / 120, 120)
    # Differences may be of either sign, and times of any size: no shares.
    assert mean([-0.5] + [0.0] * 119).low != known_mean(0.5 / 120, 120).low


@pytest.mark.parametrize("times", [1, 3, 5, 17])
def test_differences_that_cancel_but_for_rounding_tell_nothing(times: int):
    # Tenths are not exact, so that their sum is not quite the 0 which it stands for.
    values = {f"{i:02d}": d for i, d in enumerate([0.1, 0.2, -0.3] * times)}
    assert paired(dict.fromkeys(values, 0.0), values).p == 1


def test_paired_without_differences_or_tasks():
    same = paired({"a": 0.5, "b": 0.25}, {"a": 0.5, "b": 0.25})
    assert (same.difference.value, same.p) == (0.0, None)
    assert "equal on every task" in same.difference.reason
    apart = paired({"a": 0.5}, {"b": 0.5})
    assert (apart.difference.value, apart.unpaired) == (None, 2)
    assert paired({"a": 0.5}, {"a": 1.0}).p is None


def test_odds_ratio_by_hand():
    # 8 of 11 against 3 of 13: (8/3) / (3/10).
    found = odds_ratio(8, 3, 3, 10)
    half = oracle.norm.ppf(0.975) * math.sqrt(1 / 8 + 1 / 3 + 1 / 3 + 1 / 10)
    log = math.log(80 / 9)
    assert found.effect.value == pytest.approx(80 / 9)
    assert (found.effect.low, found.effect.high) == pytest.approx((math.exp(log - half), math.exp(log + half)))
    assert found.p == pytest.approx(oracle.fisher_exact([[8, 3], [3, 10]]).pvalue)
    assert odds_ratio(0, 0, 3, 10).p is None
    assert odds_ratio(0, 5, 0, 7).p is None
    none = odds_ratio(0, 5, 3, 7)
    assert none.effect.value is None
    assert none.p is not None


def test_false_discovery_by_hand():
    # Sorted 0.01, 0.02, 0.03 of 3: 0.03, 0.03, 0.03.
    assert false_discovery({"b": 0.02, "x": None, "a": 0.01, "c": 0.03}) == {
        "b": pytest.approx(0.03),
        "x": None,
        "a": pytest.approx(0.03),
        "c": pytest.approx(0.03),
    }
    assert false_discovery({"x": None}) == {"x": None}
    assert false_discovery({}) == {}


@pytest.mark.parametrize(
    "call",
    [
        lambda: share(3, 2),
        lambda: share(-1, 2),
        lambda: mean([math.nan]),
        lambda: spearman([1.0], [1.0, 2.0]),
        lambda: odds_ratio(-1, 2, 3, 4),
        lambda: false_discovery({"a": 1.5}),
    ],
)
def test_bad_values_are_refused(call):
    with pytest.raises(ArcAffinityError):
        call()


numbers = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1e-9]), max_size=7)


@settings(max_examples=25)
@given(numbers, numbers)
def test_nothing_ever_warns_or_is_nan_and_what_is_missing_has_a_reason(x, y):
    pairs = min(len(x), len(y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [
            mean(x),
            cohens_d(x, y),
            spearman(x[:pairs], y[:pairs]),
            partial_spearman(x[:pairs], y[:pairs], list(range(pairs))),
            mann_whitney(x, y),
            paired(dict(enumerate_text(x)), dict(enumerate_text(y))).difference,
        ]
    for each in found:
        estimate = each.effect if isinstance(each, Outcome) else each
        known = (estimate.value, estimate.low, estimate.high)
        assert all(value is None or math.isfinite(value) for value in known)
        assert (None in known) == bool(estimate.reason)
        if isinstance(each, Outcome):
            assert each.p is None or 0 <= each.p <= 1


def enumerate_text(values):
    return ((str(place), value) for place, value in enumerate(values))


@settings(max_examples=50)
@given(st.integers(0, 60), st.integers(1, 60))
def test_a_share_lies_in_its_interval(successes, more):
    found = share(successes, successes + more)
    assert found.low <= found.value <= found.high
