"""The compositional gap: tasks whose cells are mostly right and whose grids are mostly wrong (arXiv 2512.07109).

A gap has three causes that one figure does not tell apart: rules that are not composed, the protocol (under teacher
forcing an error never spreads), and arithmetic (150 cells right with 0.99 each are a right grid in 22 % of cases).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from arc_affinity.errors import ArcAffinityError
from arc_affinity.statistics import Estimate, defined_mean, mean, share
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES

UNLABELLED = "unlabelled"
"""Group of the tasks that no category is known for."""

TRIED_CELLS = tuple(percent / 100 for percent in range(70, 100, 5))
"""The 6 thresholds of cell accuracy of the published sensitivity grid: 70 to 95 %."""

TRIED_GRIDS = tuple(percent / 100 for percent in range(0, 22, 2))
"""Its 11 thresholds of grid accuracy, 0 to 20 %; with these 6 x 11 = 66 pairs the published 43 comes out."""


class TaskAccuracy(NamedTuple):
    """One task: mean cell accuracy and share of exact grids over its outputs, 0-1, attempt 1."""

    task_id: str
    cells: float
    grids: float


@dataclass(frozen=True)
class Thresholds:
    """Where a gap begins, 0-1: more than ``cells`` right and fewer than ``grids`` (arXiv 2512.07109: 80 %, 10 %).

    From ``solved`` on a task counts as solved (ours).
    """

    cells: float = 0.80
    grids: float = 0.10
    solved: float = 0.90

    def __post_init__(self) -> None:
        """Refuse what is no share, and a solved task that would still have a gap."""
        for name, value in (("cells", self.cells), ("grids", self.grids), ("solved", self.solved)):
            if not 0 <= value <= 1:
                raise ArcAffinityError(f"the threshold of {name} must be 0 to 1, not {value}")
        if self.grids > self.solved:
            raise ArcAffinityError(f"the threshold of grids, {self.grids}, is above that of solved, {self.solved}")


PUBLISHED = Thresholds()
"""The thresholds of the published claim."""


class Profile(StrEnum):
    """What a task's two accuracies say together; every task has exactly one profile (:func:`profile`)."""

    SOLVED = "solved"
    PARTIAL = "partial"
    COMPOSITIONAL_FAILURE = "compositional failure"
    LOW_AFFINITY = "low affinity"


@dataclass(frozen=True)
class GroupGap:
    """The gap of a group of tasks.

    ``count`` of its ``tasks`` have a gap: a ``share`` with Wilson's interval. ``cells``, ``grids`` and their
    ``difference`` are means with BCa intervals over tasks (of ``grids`` Wilson's where each is 0 or 1, as all may fail
    alike); ``profiles`` counts the tasks of each profile, all four named.
    """

    tasks: int
    count: int
    share: Estimate
    cells: Estimate
    grids: Estimate
    difference: Estimate
    profiles: Mapping[Profile, int]


@dataclass(frozen=True)
class Sensitivity:
    """How many tasks have a gap for every pair of thresholds; ``counts`` has a row for each of ``cells``."""

    cells: tuple[float, ...]
    grids: tuple[float, ...]
    counts: Int[np.ndarray, "cells grids"]
    tasks: int

    @property
    def pairs(self) -> int:
        """Number of pairs of thresholds."""
        return self.counts.size

    @property
    def shares(self) -> Float[np.ndarray, "cells grids"] | None:
        """Share of the tasks with a gap, 0-1; None where there are no tasks."""
        return self.counts / self.tasks if self.tasks else None

    @property
    def over_half(self) -> int | None:
        """Pairs at which more than half of the tasks have a gap; None where there are no tasks."""
        return int((2 * self.counts > self.tasks).sum()) if self.tasks else None


def has_gap(task: TaskAccuracy, thresholds: Thresholds = PUBLISHED) -> bool:
    """Whether more than ``cells`` of the cells and fewer than ``grids`` of the grids are right."""
    return task.cells > thresholds.cells and task.grids < thresholds.grids


def profile(task: TaskAccuracy) -> Profile:
    """Return what a task's two accuracies say together (names of arXiv 2512.07109, bounds as below: ours).

    - solved: ``grids >= solved`` (90 %);
    - partial: ``grids`` from the gap's threshold (10 %) up to that;
    - compositional failure: fewer grids, and ``cells`` above the gap's threshold (80 %), which is the gap;
    - low affinity: fewer grids and no more cells: the parts of the rule are not learnt either.
    """
    if task.grids >= PUBLISHED.solved:
        return Profile.SOLVED
    if task.grids >= PUBLISHED.grids:
        return Profile.PARTIAL
    return Profile.COMPOSITIONAL_FAILURE if has_gap(task) else Profile.LOW_AFFINITY


def group_gap(tasks: Sequence[TaskAccuracy]) -> GroupGap:
    """Return the gap of a group of tasks; of none, estimates that say they are undefined."""
    count = sum(has_gap(task) for task in tasks)
    profiles = Counter(profile(task) for task in tasks)
    return GroupGap(
        tasks=len(tasks),
        count=count,
        share=share(count, len(tasks)),
        cells=mean([task.cells for task in tasks]),
        grids=defined_mean([task.grids for task in tasks]),
        difference=mean([task.cells - task.grids for task in tasks]),
        profiles={each: profiles[each] for each in Profile},
    )


def by_category(tasks: Iterable[TaskAccuracy], categories: Mapping[str, str]) -> dict[str, list[TaskAccuracy]]:
    """Return the tasks of every category that has some, in the order of the taxonomy, `UNLABELLED` last."""
    groups: dict[str, list[TaskAccuracy]] = {code: [] for code in (*CODES, AMBIGUOUS, UNLABELLED)}
    for task in tasks:
        groups.setdefault(categories.get(task.task_id, UNLABELLED), []).append(task)
    return {code: group for code, group in groups.items() if group}


def sensitivity(tasks: Sequence[TaskAccuracy]) -> Sensitivity:
    """Count the tasks with a gap for each of the 66 pairs of thresholds."""
    # One task a row of the first axis, then thresholds: both comparisons are as in `has_gap`.
    high = np.array([task.cells for task in tasks])[:, None, None] > np.array(TRIED_CELLS)[None, :, None]
    low = np.array([task.grids for task in tasks])[:, None, None] < np.array(TRIED_GRIDS)[None, None, :]
    return Sensitivity(TRIED_CELLS, TRIED_GRIDS, (high & low).sum(axis=0), len(tasks))
