"""What every claim is made of: its evidence, its verdict, and how numbers are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from arc_affinity.diagnosis.affinity import SIGNIFICANT
from arc_affinity.paper.audit.scores import OurScore
from arc_affinity.paper.published import Reference
from arc_affinity.statistics import Estimate, Tested
from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.text import counted, p_value, percent

ALL_TASKS = 400
"""Tasks of re-arc, which the taxonomy covers."""


FEWEST = 3
"""Tasks of which a correlation can be told; of fewer it decides nothing."""


class Verdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    CHANGES = "holds with changes"
    FAILS = "does not hold"
    UNCHECKED = "cannot be checked"


@dataclass(frozen=True)
class Finding:
    """What a check found: reproduced from the published data, and audited with its fault repaired.

    ``why`` gives the ground of the verdict, ``figures`` the numbers themselves by name (None where undefined),
    ``measured_by`` the command that made figures of our own.
    """

    verdict: Verdict
    why: str
    reproduced: str = "not from the data at hand"
    audited: str = "nothing to audit"
    figures: Mapping[str, float | None] = field(default_factory=dict)
    measured_by: str = ""


def unchecked(why: str, audited: str = "nothing to audit") -> Finding:
    """Return that the data at hand cannot decide a claim."""
    return Finding(Verdict.UNCHECKED, why, audited=audited)


def too_few(tasks: int) -> Finding | None:
    """Return that ``tasks`` cannot decide a claim about a correlation; None if they are as many as it takes."""
    return unchecked(f"no correlation can be told of {counted(tasks, 'task')}") if tasks < FEWEST else None


@dataclass(frozen=True)
class Evidence:
    """All that claims are judged by.

    Attributes:
        reference: the published data.
        code_labels: category of all 400 tasks by our rules over generator source, the 14 by hand included.
        rule_labels: what the rules alone say of the 14 ambiguous tasks.
        manual: category given by hand to the 14 ambiguous tasks, as published.
        verifier_lines: length of each task's verifier, lines.
        scores: of our own models.
        command: what the reader runs to see this again.
    """

    reference: Reference
    code_labels: Mapping[str, str]
    rule_labels: Mapping[str, str]
    manual: Mapping[str, str]
    verifier_lines: Mapping[str, int]
    scores: tuple[OurScore, ...] = ()
    command: str = "arc-affinity reproduce"

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The published labels at hand, ``ambiguous`` among them."""
        return self.reference.labels or {}

    @property
    def complete(self) -> bool:
        """Whether every task has a published label."""
        return len(self.labels) == ALL_TASKS

    @cached_property
    def by_hand(self) -> Mapping[str, str]:
        """The published labels at hand, the ambiguous ones replaced by the category given by hand."""
        return {t: self.manual.get(t, label) if label == AMBIGUOUS else label for t, label in self.labels.items()}

    @cached_property
    def filled(self) -> Mapping[str, str]:
        """Published labels where at hand, the ambiguous by hand, our rules' elsewhere."""
        return {**self.code_labels, **self.by_hand}

    @property
    def missing_labels(self) -> str:
        """Why a claim about all labels cannot be decided."""
        return f"published labels of {ALL_TASKS - len(self.labels)} of {ALL_TASKS} tasks are not at hand"


def as_published(same: bool, why: str, otherwise: str) -> tuple[Verdict, str]:
    """Return "holds with changes" for the reason ``why`` where the figures are the published ones, else a failure."""
    return (Verdict.CHANGES, why) if same else (Verdict.FAILS, otherwise)


def told(tested: Tested) -> str:
    """Return an effect with its p, such as "0.100 (p 0.045)"."""
    if tested.effect.value is None:
        return f"undefined: {tested.reason}"
    return f"{tested.effect.value:.3f} ({p_value(tested.p)})"


def within(found: Estimate, published: float) -> bool:
    """Whether a published figure is within the interval of one of ours."""
    return found.low is not None and found.high is not None and found.low <= published <= found.high


def significant(p: float | None) -> bool:
    """Whether a p is known and below 5 %."""
    return p is not None and p < SIGNIFICANT


def of(part: int, whole: int, digits: int = 1) -> str:
    """Return a count with its share, such as "210 of 302 = 69.5 %"."""
    return f"{part} of {whole} = {percent(part / whole, digits)}" if whole else f"{part} of 0"


def rounds_to(value: float | None, published: float, digits: int) -> bool:
    """Whether a value, printed with so many decimals, is the published one."""
    return value is not None and f"{value:.{digits}f}" == f"{published:.{digits}f}"
