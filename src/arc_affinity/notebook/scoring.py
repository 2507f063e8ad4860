"""Scores in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.errors import ArcAffinityError, optional
from arc_affinity.evaluation.records.record import Record
from arc_affinity.evaluation.scoring import scores as scoring
from arc_affinity.notebook.answers import Answers, read_answers
from arc_affinity.notebook.tabular import Rows, Tabular
from arc_affinity.text import counted, percent
from arc_affinity.types import Task


@dataclass(frozen=True)
class Scored(scoring.Score, Tabular):
    """A score that a notebook shows, and ``print`` prints, as a table; it has all numbers of its class `Score`.

    `solved` is the score by ARC Prize's rule, `first_solved` that of the first attempts alone, `cell_accuracy` and
    `size_accuracy` are of first attempts: each with ``over_tasks``, the mean over tasks (0-1), and ``over_outputs``.
    """

    def to_frame(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row a task.

        Raises:
            ArcAffinityError: pandas is not installed.
        """
        rows = [
            {
                "task": task_id,
                "outputs": len(outputs),
                "solved": sum(output.solved for output in outputs),
                "score": self.only(task_id).solved.over_tasks,
                "cell_accuracy": self.only(task_id).cell_accuracy.over_tasks,
            }
            for task_id, outputs in self.by_task.items()
        ]
        return optional("pandas", "notebook").DataFrame(rows)

    def _rows(self) -> Rows:
        names = (
            (f"score, {counted(self.attempts, 'attempt')}", self.solved),
            ("first attempt", self.first_solved),
            ("cell accuracy", self.cell_accuracy),
            ("size accuracy", self.size_accuracy),
        )
        rows = [(name, percent(mean.over_tasks), percent(mean.over_outputs)) for name, mean in names]
        rows.append(("tasks solved whole", f"{len(self.solved_tasks)} of {len(self.by_task)}", ""))
        return Rows((str(self.subject.protocol), "mean over tasks", "over outputs"), rows)


def score(answers: Answers | Sequence[Record] | Path | str, tasks: Sequence[Task] | None = None) -> Scored:
    """Return the score of answers by ARC Prize's rule: two attempts, credit an output, mean over tasks.

    Args:
        answers: of `predict` or `solve`, records, or a file of records.
        tasks: over which to score, those without an answer counting 0; those that were asked unless given.

    Raises:
        ArcAffinityError: there are no records or those of several models or protocols (of which ``answers.by`` takes
            one), or outputs are withheld.

    Example:
        >>> import arc_affinity as aa
        >>> tasks = aa.load_tasks("arc-agi-1/training")[:1]
        >>> aa.score(aa.predict(aa.find_model("rotary"), tasks)).solved.over_tasks
        0.0
    """
    if isinstance(answers, Path | str):
        answers = read_answers(answers)
    known, counting = (answers.tasks or None, answers.counted) if isinstance(answers, Answers) else (None, 2)
    records = answers.records if isinstance(answers, Answers) else answers
    if len(protocols := sorted({record.protocol.value for record in records})) > 1:
        told = " and ".join(protocols)
        raise ArcAffinityError(f"answers by {told} have no score in common; answers.by({protocols[0]!r}) takes one")
    found = scoring.score(records, known if tasks is None else tasks, attempts=min(2, counting))
    return Scored(found.subject, found.attempts, found.outputs)
