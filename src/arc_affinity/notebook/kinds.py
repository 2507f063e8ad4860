"""What kinds of reasoning tasks need, for a notebook and for the command alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from arc_affinity.data.checks import check_ids, check_task
from arc_affinity.data.datasets.registry import RE_ARC
from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.errors import ArcAffinityError, optional, unknown
from arc_affinity.notebook.tabular import Rows, Tabular
from arc_affinity.taxonomy import answers
from arc_affinity.taxonomy.categories import AMBIGUOUS, BY_CODE
from arc_affinity.taxonomy.of_rearc import of_rearc
from arc_affinity.taxonomy.validation import Answer, Answered
from arc_affinity.text import percent
from arc_affinity.types import Task

By = Literal["code", "program", "grids"]
"""What to look at."""

SECONDS = 3.0
"""How long a program is searched for, for each task."""


@dataclass(frozen=True)
class Kinds(Mapping[str, Answer], Tabular):
    """What a classifier says of tasks, by id."""

    answers: Mapping[str, Answer]

    def __getitem__(self, task_id: str) -> Answer:
        return self.answers[task_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.answers)

    def __len__(self) -> int:
        return len(self.answers)

    def to_frame(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row a task.

        Raises:
            ArcAffinityError: pandas is not installed.
        """
        rows = [
            {"task": task, "category": each.category, "confidence": each.confidence, "reason": each.reason}
            for task, each in self.items()
        ]
        return optional("pandas", "notebook").DataFrame(rows)

    def _rows(self) -> Rows:
        names = {AMBIGUOUS: ""} | {code: each.name for code, each in BY_CODE.items()}
        rows = [
            (task, each.category, names[each.category], percent(each.confidence), each.reason)
            for task, each in self.items()
        ]
        return Rows(("task", "category", "name", "confidence", "reason"), rows)


def classify(tasks: Task | Sequence[Task], *, by: By | None = None, seconds: float = SECONDS) -> Kinds:
    """Return the category of each task, of the nine of arXiv 2512.07109, or "ambiguous".

    Args:
        tasks: one or several, each id once.
        by: code (rules over the generators of re-arc's 400), program (what a program that solves the task is made of:
            the verifier of a task of the dataset ``re-arc``, of others one that a search finds) or grids (networks look
            at the demonstrations of any task). Unless given, tasks of re-arc have their published category, and others
            are judged by their grids, task by task.
        seconds: how long a program is searched for, for each task.

    Raises:
        ArcAffinityError: re-arc has no generator for a task, there is no such way, or two tasks have one id; unless it
            is by code, also where a task has no demonstrations, one without its output, or something that is no grid.

    Example:
        >>> import arc_affinity as aa
        >>> task = aa.load_tasks("arc-agi-1/training")[0]
        >>> aa.classify(task, by="code")[task.id].category
        'C1'
    """
    return Kinds(kinds_of([tasks] if isinstance(tasks, Task) else tasks, by, seconds).answers)


def kinds_of(
    tasks: Sequence[Task],
    by: By | None = None,
    seconds: float = SECONDS,
    watched: Callable[[Sequence[Task]], Iterable[Task]] = iter,
) -> Answered:
    """Return what `classify` does, with what else is told of each task.

    ``watched`` yields the tasks that are looked at, which takes a moment each, for a bar.

    Raises:
        ArcAffinityError: as `classify`.
    """
    if by is not None and by not in get_args(By):
        raise unknown("way", by, get_args(By))
    check_seconds(seconds)
    check_ids(tasks)
    if by == "code":
        return kinds_by_id([task.id for task in tasks], by)
    tasks = [check_task(task) for task in tasks]
    if by == "grids":
        return answers.by_grids(watched(tasks))
    generated = frozenset(task.id for task in tasks if task.dataset == RE_ARC)
    known = generated if by == "program" else of_rearc(tasks)
    first, others = kinds_by_id(sorted(known), by), [task for task in tasks if task.id not in known]
    if others:
        looked_at = watched(others)
        then = answers.by_search(looked_at, seconds) if by == "program" else answers.by_grids(looked_at)
        first = Answered({**first.answers, **then.answers}, {**first.details, **then.details})
    return Answered({task.id: first.answers[task.id] for task in tasks}, first.details)


def kinds_by_id(ids: Sequence[str], by: Literal["code", "program"] | None = None) -> Answered:
    """Return what is known of tasks of re-arc by their ids: the published category unless ``by`` asks for another.

    Raises:
        ArcAffinityError: re-arc has no such task.
    """
    if by == "program":
        return answers.by_program(ids)
    found = answers.by_code(ids)
    if by == "code":
        return found
    # Imported here because scipy comes along, which takes as long as all else, and only this way needs it.
    from arc_affinity.paper.published import published_first

    return published_first(found, task_ids())


def check_seconds(seconds: float) -> None:
    """Refuse a time in which nothing can be searched for.

    Raises:
        ArcAffinityError: it is 0 or less, or no number.
    """
    if not seconds > 0:
        raise ArcAffinityError(f"a task must be searched for more than 0 seconds, not {seconds:g}")
