"""The numbers of a report as one JSON document; shares are 0-1, and null is undefined, with the reason beside it."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from arc_affinity.diagnosis.gap import PUBLISHED, profile
from arc_affinity.diagnosis.report.numbers import Report, SetReport, category_name
from arc_affinity.diagnosis.report.outputs import DEFINITIONS
from arc_affinity.diagnosis.report.words import findings, headline

SCHEMA = 1
"""Version of the layout of the document."""


def report_json(report: Report) -> str:
    """Return the document, with a line break at its end."""
    document = {
        "schema": SCHEMA,
        "dataset": report.dataset,
        "headline": headline(report),
        "findings": findings(report),
        "notes": report.notes,
        "category_source": report.category_source,
        "kinds": dict(DEFINITIONS),
        "sets": [_set(each, report) for each in report.sets],
        "comparisons": [
            {"first": each.first, "second": each.second, "measure": each.key}
            | asdict(each.paired)
            | {"adjusted_p": each.adjusted}
            for each in report.comparisons
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False, default=np.ndarray.tolist) + "\n"


def _set(each: SetReport, report: Report) -> dict[str, object]:
    records, swept, agreed = each.records, each.sensitivity, each.agreement
    levels = [] if agreed is None else agreed.table.items()
    table = [{"predicted": predicted, "measured": measured, "tasks": n} for (predicted, measured), n in levels]
    return {
        "letter": each.letter,
        **records.subject._asdict(),
        "exposure": records.exposure,
        "source": records.source,
        "attempts": records.attempts,
        "tasks": len(records.tasks),
        "tasks_solved": len(each.solved_whole),
        "outputs": len(records.outputs),
        "outputs_missing": records.missing,
        "scores": {m.key: {"definition": m.definition, **asdict(m.estimate)} for m in each.scores},
        "kinds": records.kinds,
        "thresholds": asdict(PUBLISHED),
        "gap": asdict(each.gap),
        "sensitivity": {**asdict(swept), "pairs": swept.pairs, "over_half": swept.over_half},
        "categories": {code: _category(each, code) for code in each.gaps},
        "agreement": agreed and {"tasks": agreed.tasks, "table": table, "rank": asdict(agreed.rank)},
        "by_task": {
            task.task_id: {
                **asdict(records.tasks[task.task_id]),
                "category": report.category_of(task.task_id),
                "profile": profile(task),
            }
            for task in each.accuracies
        },
    }


def _category(each: SetReport, code: str) -> dict[str, object]:
    ceiling, failures = each.ceilings[code], each.concentrations[code]
    best = {"task": ceiling.best.task_id, "cells": ceiling.best.cells, "grids": ceiling.best.grids}
    return {
        "name": category_name(code),
        "affinity": ceiling.affinity,
        "gap": asdict(each.gaps[code]),
        "ceiling": {"cells": asdict(ceiling.cells), "grids": asdict(ceiling.grids), "best": best},
        "failures": {
            "failures": failures.failures,
            "share": asdict(failures.share),
            "base_rate": asdict(failures.base_rate),
            "odds": asdict(failures.odds),
            "adjusted_p": failures.adjusted,
            "verdict": failures.verdict,
        },
    }
