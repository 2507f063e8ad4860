"""Scores of our own trained models, bundled, for the claims that need a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from arc_affinity.documents import read_json
from arc_affinity.evaluation.scoring.metrics import Protocol

BUNDLED = Path(__file__).parent / "our_scores.json"

DRAWN = "drawn"
"""Context pairs that never contain the query: the repaired way."""

FIRST = "first"
"""The first two pairs of a task for each of its examples, themselves included: the published leak."""


@dataclass(frozen=True)
class ButFirst:
    """The published measurement, which leaves the first cell out: means over tasks, 0-1.

    ``right`` are the outputs that are exact by it, and ``counted`` those that have other cells, as in `OurScore.right`.
    """

    exact: float
    cells: float
    right: str
    counted: str


@dataclass(frozen=True)
class OurScore:
    """One model on one dataset under one protocol: means over tasks of attempt 1, 0-1.

    ``dataset`` is short ("unseen92"), ``data`` says it in words, ``context`` is how demonstrations were chosen,
    ``gap`` how many of the ``tasks`` have the compositional gap (None where unknown), ``command`` what measured it,
    ``right`` which outputs are exact, in order of task and output: a bit each, the first the highest, hexadecimal.
    ``but_first`` is known of teacher-forced scores.
    """

    model: str
    dataset: str
    data: str
    protocol: Protocol
    context: str
    tasks: int
    outputs: int
    exact: float
    cells: float
    size: float
    gap: int | None
    command: str
    right: str | None = None
    but_first: ButFirst | None = None

    def by_task(self) -> dict[str, float]:
        """The share of exact outputs of each task, by its number; empty unless all have as many and each is told."""
        return _by_task(self.right, self.tasks, self.outputs)

    def by_task_but_first(self) -> dict[str, float]:
        """The same of outputs that are exact but for the first cell."""
        if self.but_first is None:
            return {}
        right, counted = (
            _by_task(each, self.tasks, self.outputs) for each in (self.but_first.right, self.but_first.counted)
        )
        return {task: share / counted[task] for task, share in right.items() if counted[task]}


def _by_task(right: str | None, tasks: int, outputs: int) -> dict[str, float]:
    if right is None or outputs % tasks:
        return {}
    each = outputs // tasks
    bits = f"{int(right, 16):0{outputs}b}"
    return {str(task): bits[task * each : (task + 1) * each].count("1") / each for task in range(tasks)}


@dataclass(frozen=True)
class Contrast:
    """One model on the same outputs, measured in two ways."""

    first: OurScore
    second: OurScore


def our_scores() -> tuple[OurScore, ...]:
    """Return the bundled scores (`runs/our_scores.py` writes them).

    Raises:
        ArcAffinityError: the bundled file is damaged.
    """
    document: dict[str, tuple[OurScore, ...]] = read_json(BUNDLED, dict[str, tuple[OurScore, ...]])
    return document["scores"]


def contrasts(
    scores: Sequence[OurScore],
    first: Protocol,
    second: Protocol,
    contexts: tuple[str, str] = (DRAWN, DRAWN),
) -> Iterator[Contrast]:
    """Yield every model and dataset that was measured in both ways on equally many outputs."""
    ways = ((first, contexts[0]), (second, contexts[1]))
    by_way = [{(s.model, s.dataset, s.outputs): s for s in scores if (s.protocol, s.context) == way} for way in ways]
    for key, score in by_way[0].items():
        if key in by_way[1]:
            yield Contrast(score, by_way[1][key])
