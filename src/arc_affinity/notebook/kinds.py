"""What kinds of reasoning tasks need, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from arc_affinity.errors import optional, unknown
from arc_affinity.notebook.html import table
from arc_affinity.taxonomy.answers import by_code, by_grids
from arc_affinity.taxonomy.categories import AMBIGUOUS, BY_CODE
from arc_affinity.taxonomy.validation import Answer
from arc_affinity.text import percent
from arc_affinity.types import Task

WAYS = ("grids", "code")


@dataclass(frozen=True)
class Kinds(Mapping[str, Answer]):
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

    def _repr_html_(self) -> str:
        names = {AMBIGUOUS: ""} | {code: each.name for code, each in BY_CODE.items()}
        rows = [
            (task, each.category, names[each.category], percent(each.confidence), each.reason)
            for task, each in self.items()
        ]
        return table(("task", "category", "name", "confidence", "reason"), rows)


def classify(tasks: Task | Sequence[Task], *, by: Literal["grids", "code"] = "grids") -> Kinds:
    """Return the category of each task, of the nine of arXiv 2512.07109, or "ambiguous".

    Args:
        tasks: one or several.
        by: grids (networks look at the demonstrations of any task) or code (rules over the generators of re-arc's 400).

    Raises:
        ArcAffinityError: re-arc has no generator for a task, or there is no such way.

    Example:
        >>> import arc_affinity as aa
        >>> task = aa.load_tasks("arc-agi-1/training")[0]
        >>> aa.classify(task, by="code")[task.id].category
        'C1'
    """
    if by not in WAYS:
        raise unknown("way", by, WAYS)
    asked = [tasks] if isinstance(tasks, Task) else tasks
    found = by_code(task.id for task in asked) if by == "code" else by_grids(asked)
    return Kinds(found.answers)
