"""Categories of re-arc's tasks as published, with what the rules over their generators say beside them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from arc_affinity.paper.published import published_reference
from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.taxonomy.validation import Answered


def published_first(by_rules: Answered, tasks: Collection[str]) -> Answered:
    """Return the published category of each task; rule and reason stay, and where they speak for another it is said.

    Tasks that are published as ambiguous keep the rules' answer. ``tasks`` are the ids of the 400 re-arc tasks.
    """
    reference = published_reference(None, tasks)
    labels, subtypes = reference.labels or {}, reference.subtypes or {}
    answers = dict(by_rules.answers)
    for task_id, answer in by_rules.answers.items():
        label = labels.get(task_id, AMBIGUOUS)
        if label == AMBIGUOUS:
            continue
        other = "" if label == answer.category else f"the rules say {answer.category}: "
        answers[task_id] = replace(
            answer, category=label, subtype=subtypes.get(task_id), reason=f"{other}{answer.reason}", confidence=1.0
        )
    return Answered(answers, {task_id: {"by_rules": each.category} for task_id, each in by_rules.answers.items()})
