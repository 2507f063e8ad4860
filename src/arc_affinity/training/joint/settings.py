"""What a run of `solve` is told: what decides its answers, and where it is done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from msgspec import Meta

from arc_affinity.documents import Seed, check_fields, fit
from arc_affinity.evaluation.records.record import Sources
from arc_affinity.training.joint.adapting import ADAPTING
from arc_affinity.training.joint.recipe import Budget, JointRecipe

SEARCH_SECONDS, SEARCH_SHARE = 4.0, 0.15
"""Time for the search over programs: so much a task, but no more than this share of a budget in time."""

SEARCH_LIMIT = 0.25
"""Share of a budget in time after which no task is searched any more: a search takes somewhat longer than it is told,
and of a thousand tasks that adds up."""

ALONE_SHARE, ALONE_LIMIT = 0.9, 0.95
"""The same two shares where nothing else is asked; each task may take all of its part then."""

SEARCHED_STATES = 20_000
"""Distinct results that the search keeps in each view of a task; what bounds it where the budget is in steps."""


@dataclass(frozen=True)
class SolveSettings:
    """What decides the answers, besides the base and the tasks.

    Attributes:
        budget: for all of it, answers included, where it is in seconds; training steps where it is in steps.
        seed: of the training's draws and of the views.
        views: views under which every question is answered, at most.
        shared: views under which candidates are judged, at most.
        recipe: of the training.
        sources: who is asked: the network, a search over programs, or both.

    Raises:
        ArcAffinityError: one of them is of another kind or out of range.
    """

    budget: Budget
    seed: Seed = 0
    views: Annotated[int, Meta(ge=1, le=1000)] = 64
    shared: Annotated[int, Meta(ge=0, le=1000)] = 16
    recipe: JointRecipe = ADAPTING
    sources: Sources = "both"

    def __post_init__(self) -> None:
        check_fields(self)

    def search_seconds(self, tasks: int, workers: int) -> float:
        """Return how long each task is searched; without end where the budget is in steps."""
        if self.budget.seconds is None:
            return math.inf
        # Each worker searches one task after the other; where they do not come out even, some have one more.
        each = self.search_share * self.budget.seconds / math.ceil(tasks / workers)
        return each if self.sources == "search" else min(SEARCH_SECONDS, each)

    @property
    def search_share(self) -> float:
        """Part of a budget in time that the search may have."""
        return ALONE_SHARE if self.sources == "search" else SEARCH_SHARE

    @property
    def search_limit(self) -> float | None:
        """Seconds that the search of all tasks together may take; None where the budget is in steps."""
        share = ALONE_LIMIT if self.sources == "search" else SEARCH_LIMIT
        return None if self.budget.seconds is None else share * self.budget.seconds


@dataclass(frozen=True)
class Where:
    """Where a run is done: its folder, device, processes and executor; no part of what comes out.

    Raises:
        ArcAffinityError: there is not one process at least.
    """

    folder: Path
    device: torch.device
    workers: int | None = None
    executor: str = "processes"

    def __post_init__(self) -> None:
        fit(self.workers, Annotated[int, Meta(ge=1)] | None, "workers")
