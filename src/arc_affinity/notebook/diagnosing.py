"""What a solver cannot do: a report with its page, from answers, for a notebook and for the command alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.diagnosis.page.document import page
from arc_affinity.diagnosis.page.tasks import Shown
from arc_affinity.diagnosis.report.document import report_json
from arc_affinity.diagnosis.report.numbers import Report, build_report
from arc_affinity.diagnosis.report.outputs import Collector, RecordSet, Subject, subject_of
from arc_affinity.diagnosis.report.words import findings, headline
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.questions import questions_of
from arc_affinity.evaluation.records.record import Place
from arc_affinity.files import write_text
from arc_affinity.notebook.answers import Answers
from arc_affinity.paper.published import published_reference
from arc_affinity.taxonomy.labels import find_categories
from arc_affinity.types import Pair, Task


@dataclass(frozen=True)
class Diagnosis:
    """A report on one solver or several.

    ``headline`` is one sentence that says what the first solver cannot do, ``findings`` the rest, a sentence or two
    each; the page shows the demonstrations in ``shown``.
    """

    report: Report
    headline: str
    findings: tuple[str, ...]
    shown: Shown

    def save(self, path: Path | str) -> Path:
        """Write the page, one HTML file that needs nothing else, and return its path.

        Raises:
            ArcAffinityError: the file cannot be written.
        """
        write_text(Path(path), page(self.report, self.shown))
        return Path(path)

    def to_json(self) -> str:
        """Return every number of the report as one JSON document."""
        return report_json(self.report)

    def __str__(self) -> str:
        """Return the headline and, below it, what else is to be said."""
        return "\n".join((self.headline, *(f"- {line}" for line in (*self.findings, *self.report.notes))))

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in (*self.findings, *self.report.notes))
        return f"<p><b>{escape(self.headline)}</b></p><ul>{lines}</ul>"


def diagnose(*answers: Answers, categories: Path | str | None = None) -> Diagnosis:
    """Return what goes wrong and with which kinds of tasks; several solvers stand side by side.

    Args:
        answers: of one solver each, to tasks of one dataset; those of one solver are taken together. As many attempts
            count as they say, at most two.
        categories: JSON file of the tasks' categories by id. Without it they are the published ones, come from the code
            of the tasks' generators, or from their demonstrations where there is neither.

    Raises:
        ArcAffinityError: no answers are given or some without a record, they are of several datasets or count
            different numbers of attempts, or outputs are withheld.

    Example:
        >>> import arc_affinity as aa
        >>> answers = aa.predict(aa.find_model("rotary"), aa.load_tasks("arc-agi-1/training")[:1])
        >>> "1 task" in aa.diagnose(answers).headline
        True
    """
    if not answers:
        raise ArcAffinityError("no answers to diagnose")
    collector = Collector(_attempts(answers))
    for number, each in enumerate(answers, 1):
        if not each.records:
            raise ArcAffinityError(f"answers {number} hold no record, which would tell who gave them")
        collector.add(each.records, f"answers {number}")
    tasks = {task.id: task for each in answers for task in each.tasks}
    shown = Shown({task.id: task.train for task in tasks.values()})
    # A task that was asked and not answered counts 0, as in `score`.
    asked = _asked(answers)
    sets = collector.sets(lambda first: asked[subject_of(first)])
    return report_on(sets, tuple(tasks.values()), shown, None if categories is None else Path(categories))


def _attempts(answers: Sequence[Answers]) -> int:
    """How many attempts count, by the rule of `score`."""
    found = sorted({min(2, each.counted) for each in answers})
    if len(found) > 1:
        raise ArcAffinityError(f"answers that count {found[0]} and {found[1]} attempts cannot stand side by side")
    return found[0]


def _asked(answers: Sequence[Answers]) -> Mapping[Subject, Mapping[Place, Pair]]:
    """The outputs that each solver was asked for in any of its answers."""
    found: dict[Subject, dict[Place, Pair]] = {}
    for each in answers:
        known = {place: pair for place, pair in questions_of(each.tasks).items() if pair.output is not None}
        for subject in set(map(subject_of, each.records)):
            found.setdefault(subject, {}).update(known)
    return found


def report_on(
    sets: Sequence[RecordSet],
    tasks: Sequence[Task],
    shown: Shown,
    categories: Path | None = None,
    *,
    notes: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Return the diagnosis of sets of records, which stand side by side.

    Args:
        sets: of one dataset, the one that the headline is about first.
        tasks: whose demonstrations tell their categories where nothing better does.
        shown: pairs for the page.
        categories: as in `diagnose`.
        notes: what else must be said, if anything.
        tell: told of what is being done, as some of it takes a while.

    Raises:
        ArcAffinityError: as `diagnose`.
    """
    ids = {task_id for each in sets for task_id in each.tasks}
    tell(f"categories of {len(ids):,} tasks")
    published = published_reference(None, task_ids()).labels or {}
    labels = find_categories(ids, tasks, categories, tell, published)
    tell(f"intervals and tests over {len(ids):,} tasks")
    report = build_report(sets, labels.by_task, labels.source, [*notes, *labels.notes])
    return Diagnosis(report, headline(report), findings(report), shown)
