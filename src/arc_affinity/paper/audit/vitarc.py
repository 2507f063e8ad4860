"""Claims about the 400 ViTARC specialists: does affinity predict what another architecture solves?

The paper does not say what it did with the 14 ambiguous tasks, and its figures need not have done the same. So every
way is computed; with complete labels the first that gives the published figure is called the reproduction, and all of
them are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arc_affinity.paper.audit.common import (
    Evidence,
    Finding,
    Verdict,
    rounds_to,
    significant,
    told,
    too_few,
    unchecked,
)
from arc_affinity.paper.published import Specialist
from arc_affinity.statistics import Estimate, Tested, cohens_d, mean, partial_spearman, spearman, spearman_difference
from arc_affinity.taxonomy.categories import AMBIGUOUS, BY_CODE, Affinity
from arc_affinity.text import p_value, percent

NEEDS = "the table of specialists is not at hand, or labels are not"

AS_VERY_LOW = frozenset({"A1", "A2"})
"""The external validation counted A1 as very low too."""

READINGS: Mapping[str, Affinity | None] = {
    "left out": None,
    "by hand": None,
    "as low": Affinity.LOW,
    "as medium": Affinity.MEDIUM,
    "as very low": Affinity.VERY_LOW,
}
"""What may have become of the ambiguous tasks, the likeliest first."""

Solve = Callable[[Specialist], float | None]


@dataclass(frozen=True)
class External:
    """Levels against solve rates: means of the extreme levels, rank correlation, Cohen's d."""

    tasks: int
    very_low: Estimate
    high: Estimate
    rank: Tested
    d: Estimate

    @property
    def as_published(self) -> bool:
        """Whether means and d are the published ones."""
        means = (percent(self.very_low.value), percent(self.high.value))
        return means == ("51.9 %", "77.7 %") and rounds_to(self.d.value, 0.726, 3)

    @property
    def rank_as_published(self) -> bool:
        """Whether the rank correlation is the published one."""
        return rounds_to(self.rank.effect.value, 0.100, 3)


def ranks(e: Evidence, reading: str) -> dict[str, int]:
    """Return the level's rank (0 very low to 3 high) of each task with a published label, under a reading."""
    labels = e.by_hand if reading == "by hand" else e.labels
    extra = READINGS[reading]
    levels = {code: Affinity.VERY_LOW if code in AS_VERY_LOW else found.affinity for code, found in BY_CODE.items()}
    if extra is not None:
        levels[AMBIGUOUS] = extra
    return {task: levels[label].rank for task, label in labels.items() if label in levels}


def external(e: Evidence, levels: Mapping[str, int], solve: Solve) -> External:
    """Hold the ranks of tasks against the specialists' solve rates; tasks where ``solve`` is None are left out."""
    rates = {task: rate for task, s in (e.reference.specialists or {}).items() if (rate := solve(s)) is not None}
    tasks = sorted(rates.keys() & levels.keys())
    high = [rates[task] for task in tasks if levels[task] == Affinity.HIGH.rank]
    low = [rates[task] for task in tasks if levels[task] == Affinity.VERY_LOW.rank]
    return External(
        tasks=len(tasks),
        very_low=mean(low),
        high=mean(high),
        rank=spearman([levels[task] for task in tasks], [rates[task] for task in tasks]),
        d=cohens_d(high, low),
    )


def with_vt(specialist: Specialist) -> float:
    """Return the third column, in the shifted rows the rate of ViTARC's second column instead."""
    return specialist.vitarc_vt if specialist.shifted else specialist.rate


def specialists(e: Evidence) -> Finding:
    """The published figures under every reading; the 8 shifted rows left out or repaired."""
    if e.reference.specialists is None or not e.labels:
        return unchecked(NEEDS)
    found = {reading: external(e, ranks(e, reading), lambda s: s.rate) for reading in READINGS}
    means = next((name for name in READINGS if found[name].as_published), "left out")
    rank = next((name for name in READINGS if found[name].rank_as_published), "left out")
    repaired: dict[str, Solve] = {"left out": lambda s: None if s.shifted else s.rate, "second column": with_vt}
    repairs = {
        f"{name}, ambiguous {reading}": external(e, ranks(e, reading), solve)
        for name, solve in repaired.items()
        for reading in ("left out", "by hand")
    }
    shifted = sum(s.shifted for s in e.reference.specialists.values())
    reproduced = (
        f"very low {percent(found[means].very_low.value)}, high {percent(found[means].high.value)}, Cohen's d "
        f"{_three(found[means].d.value)} (ambiguous tasks {means}, {found[means].tasks} tasks); Spearman "
        f"{told(found[rank].rank)} (ambiguous tasks {rank}, {found[rank].tasks} tasks)"
    )
    by_reading = ", ".join(f"{name} {told(each.rank)}" for name, each in found.items())
    audited = (
        f"{shifted} shifted rows " + "; ".join(f"{name}: {_told(each)}" for name, each in repairs.items())
    ) + f". Spearman as published by what becomes of the ambiguous: {by_reading}"
    as_published = {
        "means and Cohen's d": found[means].as_published,
        "the rank correlation": found[rank].rank_as_published,
    }
    verdict, why = _judge(e, as_published, [*repairs.values(), *found.values()])
    figures = {
        "very_low": found[means].very_low.value,
        "high": found[means].high.value,
        "d": found[means].d.value,
        "spearman": found[rank].rank.effect.value,
        "p": found[rank].rank.p,
        "repaired_spearman": repairs["second column, ambiguous by hand"].rank.effect.value,
    }
    return Finding(verdict, why, reproduced, audited, figures)


def affinity_or_length(e: Evidence) -> Finding:
    """Affinity and the length of the verifier as rivals, alone and each with the other held fixed."""
    rows = e.reference.specialists
    if rows is None or not e.labels:
        return unchecked(NEEDS)
    rates = {task: with_vt(s) for task, s in rows.items()}
    shorter = {task: -e.verifier_lines[task] for task in rates}
    length = spearman([shorter[t] for t in rates], list(rates.values()))
    levels = ranks(e, "by hand")
    filled = {t: 0 if code in AS_VERY_LOW else BY_CODE[code].affinity.rank for t, code in e.filled.items()}
    reproduced = f"affinity {_rivals(levels, shorter, rates)}, published labels"
    audited = (
        f"fewer lines of the verifier: Spearman {told(length)}, {len(rates)} tasks; labels completed by our rules: "
        f"affinity {_rivals(filled, shorter, rates)}"
    )
    tasks = sorted(levels.keys() & rates.keys())
    if few := too_few(len(tasks)):
        return few
    columns = [[float(column[t]) for t in tasks] for column in (levels, rates, shorter)]
    alone, left = spearman(columns[0], columns[1]), partial_spearman(columns[0], columns[1], columns[2])
    beside = spearman(columns[2], columns[1])
    more = spearman_difference(columns[0], columns[2], columns[1])
    why = (
        f"on the {len(tasks)} of {len(rates)} tasks with a published label the correlation with length is "
        f"{told(beside)}, that with affinity {told(alone)}, of which {told(left)} is left with length held fixed; "
        f"the difference in strength is {_difference(more)}"
    )
    figures = {
        "length": length.effect.value,
        "affinity": alone.effect.value,
        "affinity_given_length": left.effect.value,
        "affinity_given_length_p": left.p,
        "difference": more.effect.value,
        "difference_p": more.p,
    }
    return Finding(_stronger(beside, alone, more), why, reproduced, audited, figures)


def _stronger(length: Tested, affinity: Tested, more: Tested) -> Verdict:
    """Whether length tells more: what tells more must tell something, and the two must differ by more than chance."""
    if not significant(more.p):
        return Verdict.UNCHECKED
    if (more.effect.value or 0) > 0:
        return Verdict.HOLDS if significant(length.p) else Verdict.UNCHECKED
    return Verdict.FAILS if significant(affinity.p) else Verdict.UNCHECKED


def _difference(found: Tested) -> str:
    """A difference of two correlations with its interval, such as "0.292 (95 % CI 0.188 to 0.392, p < 0.001)"."""
    effect = found.effect
    if effect.value is None or effect.low is None or effect.high is None:
        return told(found)
    return f"{effect.value:.3f} (95 % CI {effect.low:.3f} to {effect.high:.3f}, {p_value(found.p)})"


def _rivals(levels: Mapping[str, int], shorter: Mapping[str, int], rates: Mapping[str, float]) -> str:
    tasks = sorted(levels.keys() & rates.keys())
    x, y, z = ([float(column[t]) for t in tasks] for column in (levels, rates, shorter))
    return f"{told(spearman(x, y))}, with length held fixed {told(partial_spearman(x, y, z))}, {len(tasks)} tasks"


def _judge(e: Evidence, as_published: Mapping[str, bool], tried: list[External]) -> tuple[Verdict, str]:
    """The verdict over all ways that were tried, by which figures come out as published."""
    if not e.complete:
        return Verdict.UNCHECKED, f"{e.missing_labels}; the figures rest on those that are"
    shown = sum(significant(each.rank.p) for each in tried)
    if wrong := [figures for figures, same in as_published.items() if not same]:
        why = f"no way of treating the ambiguous tasks gives {' and '.join(wrong)} as published"
        if shown < len(tried) or not any(as_published.values()):
            return Verdict.FAILS, why
        found = [each.rank.effect.value or 0.0 for each in tried]
        return Verdict.CHANGES, f"{why}; it is {min(found):.3f} to {max(found):.3f}, significant in all {shown} of them"
    if shown == len(tried):
        return Verdict.CHANGES, "the figures come out, but the correlation is weak; see affinity-or-length"
    why = f"the figures come out, but the correlation is significant in {shown} of {len(tried)} equally fair ways only"
    return (Verdict.CHANGES if shown else Verdict.FAILS), why


def _told(found: External) -> str:
    return (
        f"Spearman {told(found.rank)}, very low {found.very_low.percent()}, high {found.high.percent()}, "
        f"d {_three(found.d.value)}, {found.tasks} tasks"
    )


def _three(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
