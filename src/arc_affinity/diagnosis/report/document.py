"""The numbers of a report as one JSON document; shares are 0-1, and null is undefined, with the reason beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from arc_affinity.diagnosis.affinity import Agreement, Ceiling, Concentration
from arc_affinity.diagnosis.gap import GroupGap, Sensitivity, profile
from arc_affinity.diagnosis.report.numbers import Comparison, CurveReport, Report, SetReport, category_name
from arc_affinity.diagnosis.report.outputs import DEFINITIONS, Kind, TaskResult
from arc_affinity.diagnosis.report.words import findings, headline
from arc_affinity.statistics import Tested

SCHEMA = 1
"""Version of the layout of the document."""


def report_json(report: Report) -> str:
    """Return the document, with a line break at its end."""
    document = {
        "schema": SCHEMA,
        "dataset": report.dataset,
        "headline": headline(report),
        "findings": list(findings(report)),
        "notes": list(report.notes),
        "category_source": report.category_source,
        "kinds": {kind.value: words for kind, words in DEFINITIONS.items()},
        "sets": [_set(each, report) for each in report.sets],
        "comparisons": [_comparison(each) for each in report.comparisons],
        "curves": [_curve(each) for each in report.curves],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _set(each: SetReport, report: Report) -> dict[str, object]:
    records = each.records
    return {
        "letter": each.letter,
        **records.subject._asdict(),
        "source": records.source,
        "attempts": records.attempts,
        "tasks": len(records.tasks),
        "tasks_solved": len(each.solved_whole),
        "outputs": len(records.outputs),
        "outputs_missing": records.missing,
        "scores": {m.key: {"definition": m.definition, **asdict(m.estimate)} for m in each.scores},
        "kinds": _kinds(records.kinds),
        "thresholds": asdict(each.thresholds),
        "gap": _gap(each.gap),
        "sensitivity": _sensitivity(each.sensitivity),
        "categories": {code: _category(each, code) for code in each.gaps},
        "agreement": None if each.agreement is None else _agreement(each.agreement),
        "by_task": {
            task.task_id: _task(
                records.tasks[task.task_id], report.category_of(task.task_id), profile(task, each.thresholds)
            )
            for task in each.accuracies
        },
    }


def _category(each: SetReport, code: str) -> dict[str, object]:
    """All that is known of a category."""
    ceiling = each.ceilings[code]
    return {
        "name": category_name(code),
        "affinity": ceiling.affinity,
        "gap": _gap(each.gaps[code]),
        "ceiling": _ceiling(ceiling),
        "failures": _concentration(each.concentrations[code]),
    }


def _gap(gap: GroupGap) -> dict[str, object]:
    return {
        "tasks": gap.tasks,
        "count": gap.count,
        "share": asdict(gap.share),
        "cells": asdict(gap.cells),
        "grids": asdict(gap.grids),
        "difference": asdict(gap.difference),
        "profiles": {name.value: count for name, count in gap.profiles.items()},
    }


def _sensitivity(found: Sensitivity) -> dict[str, object]:
    return {
        "cells": list(found.cells),
        "grids": list(found.grids),
        "counts": found.counts.tolist(),
        "tasks": found.tasks,
        "pairs": found.pairs,
        "over_half": found.over_half,
    }


def _ceiling(ceiling: Ceiling) -> dict[str, object]:
    best = {"task": ceiling.best.task_id, "cells": ceiling.best.cells, "grids": ceiling.best.grids}
    return {"cells": asdict(ceiling.cells), "grids": asdict(ceiling.grids), "best": best}


def _concentration(found: Concentration) -> dict[str, object]:
    return {
        "failures": found.failures,
        "share": asdict(found.share),
        "base_rate": asdict(found.base_rate),
        "odds": _tested(found.odds),
        "adjusted_p": found.adjusted,
        "verdict": found.verdict,
    }


def _agreement(found: Agreement) -> dict[str, object]:
    table = [{"predicted": p, "measured": m, "tasks": count} for (p, m), count in found.table.items()]
    return {"tasks": found.tasks, "table": table, "rank": _tested(found.rank)}


def _tested(found: Tested) -> dict[str, object]:
    return {"effect": asdict(found.effect), "p": found.p}


def _task(result: TaskResult, category: str, profile_name: str) -> dict[str, object]:
    return {**asdict(result), "kinds": _kinds(result.kinds), "category": category, "profile": profile_name}


def _kinds(kinds: Mapping[Kind, int]) -> dict[str, int]:
    return {kind.value: count for kind, count in kinds.items()}


def _comparison(each: Comparison) -> dict[str, object]:
    return {
        "first": each.first,
        "second": each.second,
        "measure": each.key,
        **asdict(each.paired),
        "adjusted_p": each.adjusted,
    }


def _curve(each: CurveReport) -> dict[str, object]:
    levels = {level or "all": [asdict(point) for point in points] for level, points in each.levels.items()}
    return {"name": each.name, "levels": levels}
