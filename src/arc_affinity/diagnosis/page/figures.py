"""Which charts a report has: each with its title, its definition in one sentence, and a name for its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from markupsafe import Markup

from arc_affinity.diagnosis.affinity import theoretical
from arc_affinity.diagnosis.gap import PUBLISHED, UNLABELLED, TaskAccuracy
from arc_affinity.diagnosis.report.numbers import Report, SetReport, category_name
from arc_affinity.diagnosis.report.outputs import NAMES, Kind
from arc_affinity.drawing import charts
from arc_affinity.drawing.plot import Series
from arc_affinity.taxonomy.categories import AMBIGUOUS, Affinity


class Look(NamedTuple):
    """What an outcome looks like: a hue, and a sign that tells it without colours."""

    hue: str
    sign: str


LOOKS: Mapping[Kind, Look] = MappingProxyType(
    {
        Kind.SOLVED: Look("navy", ""),
        Kind.LOST_IN_RANKING: Look("teal", "↓"),
        Kind.NEAR_MISS: Look("sky", "≈"),
        Kind.WRONG_CELLS: Look("yellow", "×"),
        Kind.INPUT_COPY: Look("pink", "="),
        Kind.WRONG_SIZE: Look("brick", "□"),
        Kind.NO_GRID: Look("grey", "–"),
    }
)

LEVELS: Mapping[Affinity | None, Series] = MappingProxyType(
    {
        Affinity.HIGH: Series("high", "blue", "circle"),
        Affinity.MEDIUM: Series("medium", "green", "square"),
        Affinity.LOW: Series("low", "orange", "triangle"),
        Affinity.VERY_LOW: Series("very low", "brick", "diamond"),
        None: Series("unknown", "grey", "ring"),
    }
)
"""The marks of affinity, from high to low, and of what has none."""


@dataclass(frozen=True)
class Figure:
    """A chart of a section of the page; ``name`` is that of its file, without ending."""

    section: str
    name: str
    title: str
    definition: str
    svg: Markup


def figures_of(report: Report) -> tuple[Figure, ...]:
    """Return every chart, in the order of the page."""
    by_set = (figures for each in report.sets for figures in (_gap(each), _categories(each)))
    return tuple(chain(_scores(report), _failures(report), *by_set, _differences(report)))


def is_binary(tasks: Sequence[TaskAccuracy]) -> bool:
    """Return whether every task has all of its grids right or none, so that shares of grids tell nothing more."""
    return all(task.grids in (0, 1) for task in tasks)


def _scores(report: Report) -> Iterator[Figure]:
    title = "Score of each set of records"
    lines = [charts.Line(f"{each.letter} · {each.protocol}", each.score("score")) for each in report.sets]
    definition = "Share of test outputs solved, averaged over tasks, with the 95 % interval over tasks."
    yield Figure("scores", "scores", title, definition, Markup(charts.estimates(lines, "score, %", title)))


def _failures(report: Report) -> Iterator[Figure]:
    title = "What became of the outputs"
    series = {kind: Series(NAMES[kind], look.hue) for kind, look in LOOKS.items()}
    bars = [
        (f"{each.letter} {each.name}", {series[kind]: count for kind, count in each.records.kinds.items()})
        for each in report.sets
    ]
    definition = "Every test output once: solved, or what its first attempt came to."
    yield Figure("failures", "failures", title, definition, Markup(charts.stacked_bars(bars, "output", title)))


def _gap(each: SetReport) -> Iterator[Figure]:
    bounds, found = PUBLISHED, each.sensitivity
    axes = ("cell accuracy", "exact grids")
    if not is_binary(each.accuracies):
        points = [
            charts.Point(t.cells, t.grids, LEVELS[theoretical(each.categories.get(t.task_id, UNLABELLED))], t.task_id)
            for t in each.accuracies
        ]
        # The key names what it meets first, so from high to low affinity.
        points.sort(key=lambda point: list(LEVELS.values()).index(point.series))
        title = f"{each.letter}: cells against grids ({each.protocol})"
        definition = (
            "Each mark is a task: how many of its cells and how many of its grids attempt 1 has right. The corner is "
            f"the compositional gap: more than {100 * bounds.cells:.0f} % of cells, fewer than "
            f"{100 * bounds.grids:.0f} % of grids. Marks that would cover each other are moved up or down a little."
        )
        drawn = charts.scatter(points, axes, title, (bounds.cells, bounds.grids), "affinity:")
        yield Figure("gap", f"gap-{each.letter}", title, definition, Markup(drawn))
    if found.shares is not None:
        title = f"{each.letter}: how the gap depends on its thresholds ({each.protocol})"
        definition = (
            f"Share of tasks in the gap, in per cent, for each of {found.pairs} pairs of thresholds; it is over half "
            f"in {found.over_half} of them. The outlined pair is the published one."
        )
        axes = ("cell accuracy above, %", "exact grids below, %")
        shares = found.shares.T.tolist()
        drawn = charts.heatmap(found.cells, found.grids, shares, axes, title, (bounds.cells, bounds.grids))
        yield Figure("gap", f"sensitivity-{each.letter}", title, definition, Markup(drawn))


def _categories(each: SetReport) -> Iterator[Figure]:
    """Accuracies by category from high to low affinity; none where no category is known."""
    if not set(each.ceilings) - {AMBIGUOUS, UNLABELLED}:
        return
    order = sorted(each.ceilings.values(), key=lambda found: list(LEVELS).index(found.affinity))
    for name, title, axis, definition, values in (
        (
            "categories",
            f"{each.letter}: cell accuracy by category ({each.protocol})",
            "cell accuracy, %",
            "Mean over the category's tasks with its 95 % interval, categories in the order of their published "
            "affinity; a category of one task has no interval; n counts tasks.",
            [found.cells for found in order],
        ),
        (
            "ceilings",
            f"{each.letter}: ceilings by category ({each.protocol})",
            "exact grids, %",
            "How many grids attempt 1 has exactly right, averaged over the category's tasks: the ceiling of the "
            "training that was done, no bound proved.",
            [found.grids for found in order],
        ),
    ):
        lines = [
            charts.Line(category_name(found.category), value, LEVELS[theoretical(found.category)])
            for found, value in zip(order, values, strict=True)
        ]
        drawn = charts.estimates(lines, axis, title, key_title="affinity:")
        yield Figure("categories", f"{name}-{each.letter}", title, definition, Markup(drawn))


def _differences(report: Report) -> Iterator[Figure]:
    for key, name in dict.fromkeys((each.key, each.name) for each in report.comparisons):
        title = f"Differences in {name}"
        lines = [
            charts.Line(f"{each.second} − {each.first}", each.paired.difference)
            for each in report.comparisons
            if each.key == key
        ]
        definition = (
            "Second set minus first, averaged over the tasks that both have, with the 95 % interval over tasks; right "
            "of the line the second is better."
        )
        drawn = charts.estimates(lines, "difference, percentage points", title, zero=0.0)
        yield Figure("comparison", f"differences-{key.replace('_', '-')}", title, definition, Markup(drawn))
