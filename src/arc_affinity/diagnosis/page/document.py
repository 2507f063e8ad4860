"""The report as one HTML file that needs nothing else: style, script, charts and grids are all inside."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from arc_affinity.diagnosis.affinity import theoretical
from arc_affinity.diagnosis.gap import PUBLISHED, Profile
from arc_affinity.diagnosis.page.figures import LOOKS, figures_of, is_binary
from arc_affinity.diagnosis.page.rendering import render
from arc_affinity.diagnosis.page.tasks import LISTED, Shown, page_data
from arc_affinity.diagnosis.report.numbers import Report, SetReport, category_name
from arc_affinity.diagnosis.report.outputs import DEFINITIONS, NAMES, Attempt, Kind, Output, TaskResult
from arc_affinity.diagnosis.report.words import TOLD, findings, headline
from arc_affinity.drawing.plot import standalone
from arc_affinity.evaluation.records.record import Place
from arc_affinity.files import write_text
from arc_affinity.taxonomy.categories import Affinity

NONE = Shown()
"""No pairs."""

TELLING = 9
"""Characters of a packed grid (its cells and two more) from which an example is worth a look."""

MOSAICS = 4
"""Sets whose tasks are shown as a mosaic; the chart of failures has all."""


def write_figures(folder: Path, report: Report) -> tuple[Path, ...]:
    """Write every chart as an SVG file of its own and return the files.

    Raises:
        ArcAffinityError: a file cannot be written.
    """
    paths = []
    for figure in figures_of(report):
        paths.append(folder / f"{figure.name}.svg")
        write_text(paths[-1], standalone(figure.svg))
    return tuple(paths)


def page(report: Report, shown: Shown = NONE) -> str:
    """Return the page's HTML."""
    figures = figures_of(report)
    listed = report.task_ids[:LISTED]
    pictured = _pictured(report)
    sections = ("scores", "failures", "gap", "categories", "comparison")
    values = {
        "report": report,
        "lead": report.lead,
        "headline": headline(report),
        "findings": findings(report, drawn=True),
        "pictured": pictured,
        "outcomes": {each.letter: _by_outcome(each, report, listed) for each in pictured},
        "examples": list(_examples(report.lead, set(listed))),
        "figures": {name: [each for each in figures if each.section == name] for name in sections},
        "listed": listed,
        "left_out": len(report.task_ids) - len(listed),
        "codes": sorted({report.category_of(task_id) for task_id in report.task_ids}),
        "alone": len(report.sets) == 1,
        "binary": any(is_binary(each.accuracies) for each in report.sets),
        "set_names": [f"{each.letter} · {each.protocol}" for each in report.sets],
        "protocols": list(dict.fromkeys(each.protocol for each in report.sets)),
        "protocol_means": TOLD,
        "bounds": PUBLISHED,
        "profiles": list(Profile),
        "levels": list(Affinity),
        "names": NAMES,
        "definitions": DEFINITIONS,
        "looks": LOOKS,
        "category_name": category_name,
        "theoretical": theoretical,
        "told": _told,
        "tokens": _tokens,
    }
    return render("report.html", f"{headline(report)} · {report.dataset}", values, page_data(report, shown))


def _pictured(report: Report) -> list[SetReport]:
    """The sets that have a mosaic: the one that the page is about, which the score beside them is of, before others."""
    others = [each for each in report.sets if each is not report.lead]
    return [report.lead, *others][:MOSAICS]


def _by_outcome(each: SetReport, report: Report, listed: Sequence[str]) -> list[tuple[Kind, list[TaskResult]]]:
    """The tasks of a set by what most of their failures are, and within an outcome by category.

    Only those that are ``listed``: the others have no row that a square could lead to.
    """
    groups: dict[Kind, list[TaskResult]] = {kind: [] for kind in Kind}
    for result in filter(None, map(each.records.tasks.get, listed)):
        groups[result.kind].append(result)
    return [
        (kind, sorted(results, key=lambda result: (report.category_of(result.task_id), result.task_id)))
        for kind, results in groups.items()
        if results
    ]


def _told(result: TaskResult) -> str:
    solved = round(result.solved * result.outputs)
    share = f"{solved} of {result.outputs} solved; " if 1 < result.outputs != solved else ""
    return f"{share}{NAMES[result.kind]}"


def _tokens(result: TaskResult | None) -> str:
    """What the filter of outcomes finds a task by: how much of it is solved, and the outcome that is shown."""
    if result is None:
        return ""
    solved = "all" if result.solved == 1 else "part" if result.solved else "none"
    return solved if result.kind is Kind.SOLVED else f"{solved} {result.kind}"


class Example(NamedTuple):
    """An output that shows what an outcome is, with the attempt that made it so."""

    kind: Kind
    place: Place
    output: Output
    attempt: Attempt


def _examples(each: SetReport, listed: Collection[str]) -> Iterator[Example]:
    """One pictured output of each kind, of the tasks ``listed`` the smallest that has more than a few cells."""
    best: dict[Kind, tuple[tuple[bool, int, Place], Example]] = {}
    for place, output in each.records.outputs.items():
        if output.pictures is None or place[0] not in listed:
            continue
        kind = output.kind(each.records.attempts)
        made = Kind.SOLVED if kind is Kind.LOST_IN_RANKING else kind
        attempts = sorted(output.pictures.attempts.items())
        attempt = next((attempt for _, attempt in attempts if attempt.kind is made), None)
        if attempt is not None:
            packed = filter(None, (output.pictures.input, output.pictures.target, attempt.grid))
            sizes = [len(grid) for grid in packed]
            found = (min(sizes) < TELLING, sum(sizes), place), Example(kind, place, output, attempt)
            best[kind] = min(best.get(kind, found), found, key=lambda item: item[0])
    return (best[kind][1] for kind in Kind if kind in best)
