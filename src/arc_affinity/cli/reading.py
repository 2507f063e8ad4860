"""What ``score`` and ``diagnose`` are told of the answers that they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from arc_affinity.data.datasets.choosing import choose_ids
from arc_affinity.evaluation.submission import Asked
from arc_affinity.types import Task


@dataclass(frozen=True)
class Reading:
    """Whose tasks count and which of them (all if none is named), how many attempts, and what a submission may lack."""

    dataset: str | None
    data_dir: Path | None
    tasks: tuple[str, ...]
    attempts: int
    allow_missing: bool
    strict: bool

    def only(self, known: Iterable[str]) -> frozenset[str]:
        """Return the ids among ``known`` that were named; none stands for all.

        Raises:
            ArcAffinityError: one that was named is not known.
        """
        return frozenset(choose_ids(known, self.tasks, self.data_dir)) if self.tasks else frozenset()

    def asked(self, tasks: Sequence[Task], only: frozenset[str]) -> Asked:
        """Return what a submission to a dataset of these ``tasks`` is held against, of which those in `only` count."""
        return Asked(tasks, only, self.attempts, self.allow_missing)
