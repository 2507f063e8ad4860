"""Affinity: which categories suit the architecture, as predicted and as measured (arXiv 2512.07109)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from arc_affinity.diagnosis.gap import TaskAccuracy, by_category
from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics import Estimate, Tested, defined_mean, false_discovery, mean, odds_ratio, share, spearman
from arc_affinity.taxonomy.categories import BY_CODE, Affinity, empirical_affinity

SIGNIFICANT = 0.05
"""A p below this is told as shown."""


@dataclass(frozen=True)
class Agreement:
    """Predicted against measured affinity.

    ``table`` counts tasks by (predicted, measured) level, every pair named; measured is never "very low". ``rank`` is
    Spearman's of the predicted level's rank and base cell accuracy; ``tasks`` have both.
    """

    table: Mapping[tuple[Affinity, Affinity], int]
    rank: Tested
    tasks: int


@dataclass(frozen=True)
class Ceiling:
    """How far the tasks of a category get: means over its tasks with BCa intervals, and its best task (by grids)."""

    category: str
    affinity: Affinity | None
    tasks: int
    cells: Estimate
    grids: Estimate
    best: TaskAccuracy


@dataclass(frozen=True)
class Concentration:
    """Whether failures gather in a group of tasks, beside how many tasks are there anyway.

    ``share`` of the failures and ``base_rate`` of all tasks are in the group (Wilson): the second is what chance alone
    would give. ``odds`` are those of failing inside over outside (Fisher's exact test), ``adjusted`` is p after
    false-discovery control over the groups tried together; None where there is one group or no p.
    """

    failures: int
    share: Estimate
    tasks: int
    base_rate: Estimate
    odds: Tested
    adjusted: float | None = None

    @property
    def p(self) -> float | None:
        """The p to judge by: adjusted where several groups were tried."""
        return self.odds.p if self.adjusted is None else self.adjusted

    @property
    def verdict(self) -> str:
        """One of "concentrated", "spared", "no concentration shown" and "undefined: why"."""
        if not self.failures:
            return "undefined: no task failed"
        if self.failures == self.tasks:
            return "undefined: every task failed"
        if self.p is None or self.share.value is None or self.base_rate.value is None:
            return f"undefined: {self.odds.reason}"
        if self.p >= SIGNIFICANT:
            return "no concentration shown"
        return "concentrated" if self.share.value > self.base_rate.value else "spared"


def theoretical(category: str) -> Affinity | None:
    """Return the published level of a category; None for what has none (ambiguous, unlabelled)."""
    return BY_CODE[category].affinity if category in BY_CODE else None


def agreement(base_cells: Mapping[str, float], categories: Mapping[str, str]) -> Agreement:
    """Compare predicted and measured affinity over the tasks that have a category with a level.

    Args:
        base_cells: cell accuracy before fine-tuning (zero-shot), 0-1, by task id. The published bounds of the
            measured levels were set on teacher-forced accuracy.
        categories: category code by task id.
    """
    predicted = {task: level for task in base_cells if (level := theoretical(categories.get(task, "")))}
    counts = Counter((level, empirical_affinity(base_cells[task])) for task, level in predicted.items())
    measured = [level for level in Affinity if level is not Affinity.VERY_LOW]
    rank = spearman([level.rank for level in predicted.values()], [base_cells[task] for task in predicted])
    return Agreement({(p, m): counts[p, m] for p in Affinity for m in measured}, rank, len(predicted))


def ceilings(tasks: Iterable[TaskAccuracy], categories: Mapping[str, str]) -> dict[str, Ceiling]:
    """Return how far the tasks of every category get, in the order of the taxonomy.

    A ceiling (arXiv 2512.07109) is that of the training that was done: mean accuracy over the category's tasks
    after it, not a bound proved.
    """
    return {
        code: Ceiling(
            category=code,
            affinity=theoretical(code),
            tasks=len(group),
            cells=mean([task.cells for task in group]),
            grids=defined_mean([task.grids for task in group]),
            best=max(group, key=lambda task: (task.grids, task.cells)),
        )
        for code, group in by_category(tasks, categories).items()
    }


def concentration(failed: Collection[str], tasks: Collection[str], group: Collection[str]) -> Concentration:
    """Return whether failures gather in ``group``, with the base rate beside their share.

    All are ids; those of ``group`` that are not among ``tasks`` do not count.

    Raises:
        ArcAffinityError: a failed task is not among ``tasks``.
    """
    everything, failures, inside = set(tasks), set(failed), set(tasks) & set(group)
    if failures - everything:
        raise ArcAffinityError(f"failed tasks that are not among the tasks: {', '.join(sorted(failures - everything))}")
    hits = len(failures & inside)
    outside = len(everything) - len(inside)
    other = len(failures) - hits
    return Concentration(
        failures=len(failures),
        share=share(hits, len(failures)),
        tasks=len(everything),
        base_rate=share(len(inside), len(everything)),
        odds=odds_ratio(hits, len(inside) - hits, other, outside - other),
    )


def concentration_by_category(
    failed: Collection[str], tasks: Collection[str], categories: Mapping[str, str]
) -> dict[str, Concentration]:
    """Return the concentration in every category that has tasks, p adjusted for their number (Benjamini-Hochberg)."""
    groups = by_category([TaskAccuracy(task, 0.0, 0.0) for task in sorted(tasks)], categories)
    found = {code: concentration(failed, tasks, [task.task_id for task in group]) for code, group in groups.items()}
    adjusted = false_discovery({code: each.odds.p for code, each in found.items()})
    return {code: replace(each, adjusted=adjusted[code]) for code, each in found.items()}
