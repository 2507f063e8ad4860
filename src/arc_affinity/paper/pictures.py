"""One picture a claim, from the same evidence; dashed lines are what was published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from arc_affinity.diagnosis.affinity import concentration_by_category
from arc_affinity.diagnosis.gap import PUBLISHED, by_category, has_gap, sensitivity
from arc_affinity.diagnosis.page.figures import LEVELS
from arc_affinity.diagnosis.report.numbers import category_name
from arc_affinity.drawing import charts
from arc_affinity.drawing.charts import Line
from arc_affinity.drawing.plot import Series
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.paper.audit.common import Evidence
from arc_affinity.paper.audit.models import as_published, exact_of
from arc_affinity.paper.audit.scores import DRAWN, FIRST, Contrast, contrasts
from arc_affinity.paper.audit.taxonomy import PUBLISHED_COUNTS, our_cnn
from arc_affinity.paper.audit.vitarc import ranks, with_vt
from arc_affinity.paper.published import FineTune
from arc_affinity.statistics import Estimate, mean, partial_spearman, share, spearman
from arc_affinity.taxonomy.categories import BY_CODE, Affinity, empirical_affinity

PAPER, RULES = Series("published", "navy"), Series("our rules", "orange", "square")
OUR_CNN, ALWAYS = Series("our CNN", "navy"), Series("always S3", "orange", "square")
GIVEN, FREE = Series("given", "navy"), Series("not given", "orange", "square")


def pictures(e: Evidence) -> dict[str, str]:
    """Return the SVG of every claim that there are data for, by the claim's id."""
    drawn = {"category-counts": _counts(e)} if e.labels else {}
    drawn["visual-classifier"] = _visual()
    drawn |= {claim: _scored(e, dataset, line) for claim, dataset, line in OUR_SCORES}
    drawn |= {claim: _contrasted(list(found(e))) for claim, found in CONTRASTS.items()}
    tunes = e.reference.fine_tunes
    if tunes:
        drawn |= _of_tunes(tunes)
        if e.labels:
            drawn |= _of_labelled_tunes(e, tunes)
    if e.reference.specialists and e.labels:
        drawn |= _of_specialists(e)
    return {claim: svg for claim, svg in drawn.items() if svg}


def _counts(e: Evidence) -> str:
    lines = []
    for code in sorted(PUBLISHED_COUNTS, key=lambda code: -PUBLISHED_COUNTS[code]):
        for series, labels in ((PAPER, e.labels), (RULES, e.code_labels)):
            count = sum(label == code for label in labels.values())
            # All 400 are counted, not a sample of them, so there is no interval; n is the count itself.
            counted = Estimate(count / len(labels), None, None, count, "all tasks are counted")
            lines.append(Line(category_name(code), counted, series))
    return charts.estimates(lines, "share of tasks, %", "Categories", key_title="labels:")


def _visual() -> str:
    cnn = our_cnn()
    lines = [
        Line(f"split {split}", share(count, cnn.tested), series)
        for split, counts in enumerate(zip(cnn.right, cnn.always_s3, strict=True), 1)
        for series, count in zip((OUR_CNN, ALWAYS), counts, strict=True)
    ]
    return charts.estimates(lines, "right, %", "Our CNN", key_title="answers:", marked=(0.3625,))


def _of_tunes(tunes: Mapping[str, FineTune]) -> dict[str, str]:
    rows = list(tunes.values())
    tasks = [tune.final for tune in rows]
    means = [Line("before", mean([t.base_grids for t in rows])), Line("after", mean([t.final_grids for t in rows]))]
    points = [charts.Point(t.cells, t.grids, charts.PLAIN, t.task_id) for t in tasks]
    bounds, swept = (PUBLISHED.cells, PUBLISHED.grids), sensitivity(tasks)
    shares = (swept.counts / len(tasks)).T.tolist()
    by_level = [
        Line(level, mean([t.final_grids for t in rows if empirical_affinity(t.base_cells) is level]), LEVELS[level])
        for level in (Affinity.HIGH, Affinity.MEDIUM, Affinity.LOW)
    ]
    return {
        "fine-tunes-302": charts.estimates(means, "exact grids, %", "Fine-tunes", marked=(0.0305, 0.0676)),
        "compositional-gap": charts.scatter(points, ("cell accuracy", "exact grids"), "The gap", bounds),
        "gap-sensitivity": charts.heatmap(
            swept.cells, swept.grids, shares, ("cell accuracy above, %", "exact grids below, %"), "Thresholds", bounds
        ),
        "empirical-affinity": charts.estimates(by_level, "exact grids after fine-tuning, %", "By measured affinity"),
    }


def _of_labelled_tunes(e: Evidence, tunes: Mapping[str, FineTune]) -> dict[str, str]:
    groups = by_category([tune.base for tune in tunes.values()], e.labels)
    order = sorted(BY_CODE.values(), key=lambda found: -found.affinity.rank)
    cells = [
        Line(category_name(each.code), mean([t.cells for t in groups[each.code]]), LEVELS[each.affinity])
        for each in order
        if each.code in groups
    ]
    failed = {task for task, tune in tunes.items() if has_gap(tune.final)}
    gathered = [
        Line(category_name(code), estimate, series)
        for code, found in concentration_by_category(failed, list(tunes), e.filled).items()
        for series, estimate in ((Series("failures", "brick"), found.share), (Series("tasks", "grey"), found.base_rate))
    ]
    zero = [
        Line(name, share(sum(t.final_grids == 0 for t in group), len(group)))
        for name in ("A2", "others")
        if (
            group := [t for task, t in tunes.items() if task in e.labels and (e.labels[task] == "A2") == (name == "A2")]
        )
    ]
    parts = [
        Line(part, mean([t.final_grids for task, t in tunes.items() if subtypes.get(task) == part]))
        for subtypes in [e.reference.subtypes or {}]
        for part in sorted(set(subtypes.values()))
    ]
    return {
        "affinity-levels": charts.estimates(cells, "cells before fine-tuning, %", "By affinity", key_title="affinity:"),
        "failures-base-rate": charts.estimates(gathered, "share, %", "Failures by category", key_title="share of:"),
        "a2-zero": charts.estimates(zero, "tasks without an exact grid, %", "Tasks at 0", marked=(9 / 21,)),
        "s3-split": charts.estimates(parts, "exact grids after fine-tuning, %", "The parts of S3") if parts else "",
    }


def _of_specialists(e: Evidence) -> dict[str, str]:
    rates = {task: with_vt(found) for task, found in (e.reference.specialists or {}).items()}
    levels = ranks(e, "left out")
    means = [
        Line(level, mean([rates[task] for task in rates if levels.get(task) == level.rank]), LEVELS[level])
        for level in Affinity
    ]
    by_hand = ranks(e, "by hand")
    tasks = sorted(rates.keys() & by_hand.keys())
    affinity, shortness = [float(by_hand[t]) for t in tasks], [float(-e.verifier_lines[t]) for t in tasks]
    solved = [rates[task] for task in tasks]
    rivals = [
        Line("affinity", spearman(affinity, solved).effect),
        Line("shortness", spearman(shortness, solved).effect),
        Line("affinity, given length", partial_spearman(affinity, solved, shortness).effect),
    ]
    return {
        "vitarc-affinity": charts.estimates(means, "solve rate, %", "Specialists by affinity", marked=(0.519, 0.777)),
        "affinity-or-length": charts.estimates(rivals, "Spearman correlation x 100", "Rivals", zero=0.0),
    }


OUR_SCORES = (
    ("pre-training-15", "unseen92", 0.0234),
    ("pre-training-150", "unseen92", 0.0325),
    ("arc-agi-2", "arc2", 0.0034),
)
"""Claims about runs that were not published: whose data our models were scored on, and the published exact grids."""

CONTRASTS: Mapping[str, Callable[[Evidence], Sequence[Contrast]]] = {
    "size-given": lambda e: list(contrasts(e.scores, Protocol.SIZED, Protocol.ARC_PRIZE)),
    "leaked-context": lambda e: [c for p in Protocol for c in contrasts(e.scores, p, p, (FIRST, DRAWN))],
}


def _scored(e: Evidence, dataset: str, published: float) -> str:
    """Grids beside the published line, of which no teacher-forced one was asked for its first cell."""
    shown = [each for each in e.scores if each.dataset == dataset and each.context == DRAWN]
    lines = [
        Line(
            f"{each.model} {_short(each.protocol)}", exact_of(each) if each.but_first is None else as_published(each)[0]
        )
        for each in shown
    ]
    axis = "exact grids, %" + (" (forced: but for the first cell)" if any(each.but_first for each in shown) else "")
    return charts.estimates(lines, axis, "Our models", marked=(published,)) if lines else ""


def _short(protocol: Protocol) -> str:
    """A long label is cut at its end."""
    return protocol.removeprefix("teacher_")


def _contrasted(found: Sequence[Contrast]) -> str:
    # The protocol is what differs between the two sides, or else it has to be told.
    lines = [
        Line(f"{told}{score.dataset} {score.model}", exact_of(score), series)
        for each in found
        for told in [f"{_short(each.first.protocol)} " if each.first.protocol is each.second.protocol else ""]
        for series, score in ((GIVEN, each.first), (FREE, each.second))
    ]
    return charts.estimates(lines, "exact grids, %", "Our models", key_title="help:") if lines else ""
