"""Which figures a report has: each with its title, its definition in one sentence, and a name for its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arc_affinity.diagnosis.affinity import theoretical
from arc_affinity.diagnosis.gap import UNLABELLED, TaskAccuracy
from arc_affinity.diagnosis.report.numbers import CurveReport, Report, SetReport, category_name
from arc_affinity.diagnosis.report.outputs import NAMES
from arc_affinity.drawing import charts as plots
from arc_affinity.statistics import Estimate
from arc_affinity.taxonomy.categories import AMBIGUOUS


@dataclass(frozen=True)
class Figure:
    """A figure of a section of the page; ``name`` is that of its file, without ending."""

    section: str
    name: str
    title: str
    definition: str
    svg: str


def figures_of(report: Report) -> tuple[Figure, ...]:
    """Return every figure, in the order of the page."""
    return tuple(_figures(report))


def _figures(report: Report) -> Iterator[Figure]:
    yield _scores(report.sets)
    yield _kinds(report.sets)
    for each in report.sets:
        yield from _gap(each)
        yield from _categories(each)
    yield from _differences(report)
    for place, curve in enumerate(report.curves):
        yield _curve(curve, place)


def _scores(sets: Sequence[SetReport]) -> Figure:
    rows = [_row(f"{each.letter} · {each.protocol}", each.score("score")) for each in sets]
    title = "Score of each set of records"
    definition = (
        "Share of test outputs solved, averaged over tasks, with the 95 % interval over tasks; the protocol stands "
        "beside each name."
    )
    return Figure("scores", "scores", title, definition, plots.estimates(rows, title, "score, %", (0.0, _edge(rows))))


def _kinds(sets: Sequence[SetReport]) -> Figure:
    bars = [
        (
            f"{each.letter} {each.name}",
            [plots.Part(NAMES[kind], kind.value, count) for kind, count in each.records.kinds.items()],
        )
        for each in sets
    ]
    title = "What became of the outputs"
    definition = "Every test output once: solved, or what its first attempt came to."
    return Figure("failures", "failures", title, definition, plots.stacked_bars(bars, title))


def is_binary(tasks: Sequence[TaskAccuracy]) -> bool:
    """Return whether every task has all of its grids right or none, so that shares of grids tell nothing more."""
    return all(task.grids in (0, 1) for task in tasks)


def _gap(each: SetReport) -> Iterator[Figure]:
    if not is_binary(each.accuracies):
        yield _gap_scatter(each)
    found, bounds = each.sensitivity, each.thresholds
    shares = None if found.shares is None else found.shares.T.tolist()
    if shares is None:
        return
    title = f"{each.letter}: how the gap depends on its thresholds ({each.protocol})"
    definition = (
        f"Share of tasks in the gap, in per cent, for each of {found.pairs} pairs of thresholds; it is over half in "
        f"{found.over_half} of them. The outlined pair is the published one."
    )
    drawn = plots.sensitivity_heatmap(found.cells, found.grids, shares, (bounds.cells, bounds.grids), title)
    yield Figure("gap", f"sensitivity-{each.letter}", title, definition, drawn)


def _gap_scatter(each: SetReport) -> Figure:
    bounds = each.thresholds
    points = [plots.Point(t.cells, t.grids, each.level_of(t.task_id), t.task_id) for t in each.accuracies]
    title = f"{each.letter}: cells against grids ({each.protocol})"
    definition = (
        f"Each mark is a task: how many of its cells and how many of its grids attempt 1 has right. The corner is the "
        f"compositional gap: more than {100 * bounds.cells:.0f} % of cells, fewer than {100 * bounds.grids:.0f} % of "
        "grids. Marks that would cover each other are moved up or down a little."
    )
    drawn = plots.gap_scatter(points, bounds.cells, bounds.grids, title)
    return Figure("gap", f"gap-{each.letter}", title, definition, drawn)


def _categories(each: SetReport) -> Iterator[Figure]:
    """Accuracies by category from high to low affinity; none where no category is known."""
    if not set(each.ceilings) - {AMBIGUOUS, UNLABELLED}:
        return
    levels = list(plots.SHAPES)
    order = sorted(each.ceilings, key=lambda code: levels.index(theoretical(code) or levels[-1]))
    order.sort(key=lambda code: theoretical(code) is None)
    cells = [_row(category_name(code), each.ceilings[code].cells, theoretical(code)) for code in order]
    title = f"{each.letter}: cell accuracy by category ({each.protocol})"
    definition = (
        "Mean over the category's tasks with its 95 % interval, categories in the order of their published affinity; "
        "a category of one task has no interval; n counts tasks."
    )
    yield Figure(
        "categories", f"categories-{each.letter}", title, definition, plots.estimates(cells, title, "cell accuracy, %")
    )
    grids = [_row(category_name(code), each.ceilings[code].grids, theoretical(code)) for code in order]
    title = f"{each.letter}: ceilings by category ({each.protocol})"
    definition = (
        "How many grids attempt 1 has exactly right, averaged over the category's tasks: the ceiling of the training "
        "that was done, no bound proved."
    )
    drawn = plots.estimates(grids, title, "exact grids, %", (0.0, _edge(grids)))
    yield Figure("categories", f"ceilings-{each.letter}", title, definition, drawn)


def _differences(report: Report) -> Iterator[Figure]:
    for key, name in dict.fromkeys((each.key, each.name) for each in report.comparisons):
        rows = [_row(f"{c.second} − {c.first}", c.paired.difference) for c in report.comparisons if c.key == key]
        edge = _edge(rows)
        title = f"Differences in {name}"
        definition = (
            "Second set minus first, averaged over the tasks that both have, with the 95 % interval over tasks; right "
            "of the line the second is better."
        )
        drawn = plots.estimates(rows, title, "difference, percentage points", (-edge, edge), zero=0.0)
        yield Figure("comparison", f"differences-{key.replace('_', '-')}", title, definition, drawn)


def _curve(curve: CurveReport, place: int) -> Figure:
    lines = [
        plots.Curve(
            level or "all tasks",
            level,
            [(p.epoch, p.cells.value, p.cells.low, p.cells.high) for p in points if p.cells.value is not None],
        )
        for level, points in curve.levels.items()
    ]
    title = f"Learning curves: {curve.name}"
    definition = "Mean cell accuracy after each epoch by published affinity, with 95 % intervals over tasks."
    drawn = plots.curves(lines, title, "cell accuracy, %")
    return Figure("curves", f"curves-{place + 1}", title, definition, drawn)


def _edge(rows: Sequence[plots.Estimate]) -> float:
    """Where an axis may end so that small values still tell apart: the first step that holds every interval."""
    ends = [abs(v) for row in rows for v in (row.value, row.low, row.high) if v is not None]
    return next(step for step in (0.04, 0.08, 0.2, 0.4, 1.0) if step >= min(1.0, max(ends, default=0.0)))


def _row(label: str, estimate: Estimate, level: str | None = None) -> plots.Estimate:
    return plots.Estimate(label, estimate.value, estimate.low, estimate.high, f"n {estimate.n}", level)
