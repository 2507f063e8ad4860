"""The categories of many tasks at once: from a file, as published, from their generators' code, or from their grids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.documents import read_object, shown
from arc_affinity.errors import ArcAffinityError, listing, unknown
from arc_affinity.taxonomy.by_code.rules import BY_HAND, classify
from arc_affinity.taxonomy.categories import AMBIGUOUS, BY_CODE, category_of
from arc_affinity.taxonomy.of_rearc import of_rearc
from arc_affinity.taxonomy.validation import UNKNOWN, label_in
from arc_affinity.text import counted
from arc_affinity.types import Task


@dataclass(frozen=True)
class Labels:
    """Categories by task, where they come from in words, and what is missing; tasks without one are left out."""

    by_task: Mapping[str, str]
    source: str
    notes: tuple[str, ...] = ()


def find_categories(
    ids: Collection[str],
    tasks: Iterable[Task] = (),
    path: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
    published: Mapping[str, str] = MappingProxyType({}),
) -> Labels:
    """Return the categories of the tasks with these ``ids``.

    Args:
        ids: of the tasks to label.
        tasks: those of them whose demonstrations are known; one that is called like a task of re-arc but has other
            pairs (`of_rearc`) is none of re-arc's.
        path: JSON object of a category for each task id, or what ``classify --out`` wrote. Without it a task of re-arc
            has its published category, or else that of the rules over its generator; elsewhere the networks that
            look at grids decide.
        tell: told of the tasks that are looked at, which takes a moment each.
        published: category by task of re-arc; an ambiguous one is none.

    Raises:
        ArcAffinityError: the file is none such, or names a category that there is not; or ARC-AGI-1 cannot be read.
    """
    if path is not None:
        content = read_object(path)
        listed = {task: _code(content[task], f"{path}: task {task}") for task in ids if task in content}
        known = {task: code for task, code in listed.items() if code != UNKNOWN}
        return _labels(ids, known, f"the file {path.name}", "not in the file")
    tasks = tuple(tasks)
    coded = sorted((set(ids) & set(task_ids())) - ({task.id for task in tasks} - of_rearc(tasks)))
    told = {task_id: published[task_id] for task_id in coded if published.get(task_id, AMBIGUOUS) != AMBIGUOUS}
    answers = {task_id: classify(task_id) for task_id in coded if task_id not in told}
    labels = told | {task_id: answer.category for task_id, answer in answers.items()}
    by_hand = sum(answer.rule == BY_HAND for answer in answers.values())
    counts = {
        "the published labels of": len(told),
        "the categories given by hand, in the paper, to": by_hand,
        "rules over the code of the generators of": len(answers) - by_hand,
    }
    ways = [f"{way} {counted(number, 'task')}" for way, number in counts.items() if number]
    uncoded = set(ids) - labels.keys()
    seen, reason = _by_grids([task for task in tasks if task.id in uncoded], tell)
    if seen:
        decided = sum(label != AMBIGUOUS for label in seen.values())
        ways.append(
            f"networks that look at the demonstrations of {len(seen)} tasks and were sure enough of {decided} "
            "(docs/taxonomy.md says how often they are right)"
        )
    return _labels(ids, {**labels, **seen}, "; ".join(ways), reason)


def _by_grids(tasks: Sequence[Task], tell: Callable[[str], None]) -> tuple[dict[str, str], str]:
    """What the networks say of tasks by id, and in words why others have no category."""
    if not tasks:
        return {}, "no generator code, and no demonstrations here to look at"
    # Imported here because torch takes seconds, and tasks with code need none of it.
    from arc_affinity.taxonomy.by_grids import classifier

    def told() -> Iterator[Task]:
        for number, task in enumerate(tasks, 1):
            tell(f"category of task {number:,} of {len(tasks):,}")
            yield task

    try:
        guesses = classifier.classify_all(told())
    except ArcAffinityError as error:
        return {}, f"no generator code, and no classifier of grids: {error}"
    return {task: guess.category for task, guess in guesses.items()}, "no demonstrations here to look at"


def _labels(tasks: Collection[str], labels: Mapping[str, str], source: str, reason: str) -> Labels:
    without = sorted(set(tasks) - labels.keys())
    notes = (f"No category is known for some tasks ({reason}), {listing('in all', without)}.",) if without else ()
    return Labels(labels, source, notes)


def _code(value: object, where: str) -> str:
    """The category in an entry; a subtype stands for its category."""
    label = label_in(value)
    if not isinstance(label, str):
        raise ArcAffinityError(f"{where}: must be a category, not {shown(value)}")
    code = category_of(label)
    if code not in (*BY_CODE, AMBIGUOUS, UNKNOWN):
        raise ArcAffinityError(f"{where}: {unknown('category', code, BY_CODE)}")
    return code
