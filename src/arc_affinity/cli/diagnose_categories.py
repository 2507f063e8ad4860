"""Where ``diagnose`` takes the categories of tasks from: a file, or the code of their generators."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from arc_affinity.data.rearc import task_ids
from arc_affinity.data.task_files import read_json
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.submission import listing
from arc_affinity.taxonomy.categories import AMBIGUOUS, SUBTYPES, category
from arc_affinity.taxonomy.code import classify

UNKNOWN = "unknown"
"""Label of a task in a file that stands for having none."""


@dataclass(frozen=True)
class Labels:
    """Categories by task, where they come from in words, and what is missing; tasks without one are left out."""

    by_task: Mapping[str, str]
    source: str
    notes: tuple[str, ...] = ()


def find_categories(tasks: Collection[str], path: Path | None = None) -> Labels:
    """Return the categories of ``tasks``.

    Args:
        tasks: their ids.
        path: JSON object of a category for each task id, or of what `classify` wrote; without it the rules over
            re-arc's generators decide, for the tasks that have one.

    Raises:
        ArcAffinityError: the file is none such, or names a category that there is not.
    """
    if path is not None:
        return _from_file(tasks, path)
    coded = sorted(set(tasks) & set(task_ids()))
    labels = {task_id: classify(task_id).category for task_id in coded}
    return _labels(tasks, labels, "rules over the code of the tasks' generators", "no generator code")


def _from_file(tasks: Collection[str], path: Path) -> Labels:
    """The categories that a file gives."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ArcAffinityError(f"{path}: must be a JSON object of categories by task id")
    labels = {task: _code(content[task], f"{path}: task {task}") for task in tasks if task in content}
    known = {task: code for task, code in labels.items() if code != UNKNOWN}
    return _labels(tasks, known, f"the file {path.name}", "not in the file")


def _labels(tasks: Collection[str], labels: Mapping[str, str], source: str, reason: str) -> Labels:
    """Say which tasks have no category."""
    without = sorted(set(tasks) - labels.keys())
    notes = (f"No category is known for some tasks ({reason}), {listing('in all', without)}.",) if without else ()
    return Labels(labels, source if labels else "nowhere", notes)


def _code(value: object, where: str) -> str:
    """The category in an entry; a subtype stands for its category."""
    code = value.get("category") if isinstance(value, dict) else value
    if not isinstance(code, str):
        raise ArcAffinityError(f"{where}: must be a category, not {value!r:.60}")
    if code in (AMBIGUOUS, UNKNOWN):
        return code
    try:
        return category(code.partition("-")[0] if code in SUBTYPES else code).code
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{where}: {error}") from error
