"""All numbers of a report, from what became of the outputs of one or several sets of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from types import MappingProxyType

from arc_affinity.diagnosis.affinity import (
    Agreement,
    Ceiling,
    Concentration,
    agreement,
    ceilings,
    concentration_by_category,
    theoretical,
)
from arc_affinity.diagnosis.gap import (
    UNLABELLED,
    GroupGap,
    Sensitivity,
    TaskAccuracy,
    by_category,
    group_gap,
    sensitivity,
)
from arc_affinity.diagnosis.report.outputs import CONTEXTS, Kind, RecordSet
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Place
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.statistics import Estimate, Paired, defined_mean, false_discovery, mean, paired
from arc_affinity.taxonomy.categories import AMBIGUOUS, BY_CODE
from arc_affinity.text import counted

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Short names of the sets, in the order given."""

ALL_PAIRS = 4
"""Sets up to which every two are compared; of more, those of one protocol."""

LEAST_TOLD_FIRST = (Protocol.ARC_PRIZE, Protocol.SIZED, Protocol.TEACHER_FORCED)
"""Protocols from the hardest to the most flattering."""

TOLD_SIZE = (Protocol.SIZED, Protocol.TEACHER_FORCED)
"""Protocols under which the size cannot be wrong."""


MEASURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "score": ("score", "mean over tasks of the share of outputs solved within {within} (ARC Prize's rule)"),
        "strict_score": ("strict score", "share of tasks with every output solved (Chollet 2019)"),
        "pass_at_1": ("pass@1", "mean over tasks of the share of outputs that attempt 1 solves"),
        "among_candidates": (
            "among the candidates",
            "mean over tasks of the share of outputs whose answer is among all recorded attempts, ranked high or low",
        ),
        "cell_accuracy": (
            "cell accuracy",
            "mean over tasks of the share of the target's cells that attempt 1 has right; missing cells are wrong",
        ),
        "size_accuracy": (
            "size accuracy",
            "mean over tasks of the share of outputs whose attempt 1 has the right size",
        ),
        "copy_accuracy": (
            "copy accuracy",
            "share right, by attempt 1, of the cells that stay as in the input, where input and target have one size",
        ),
        "change_accuracy": (
            "change accuracy",
            "share right, by attempt 1, of the cells that differ from the input, where input and target have one size",
        ),
    }
)
"""The name and definition of each headline score."""


@dataclass(frozen=True)
class Measure:
    """A named number with its definition."""

    key: str
    name: str
    definition: str
    estimate: Estimate


@dataclass(frozen=True)
class SetReport:
    """One set of records: its scores, what went wrong, its gap, and its categories.

    ``categories`` is the code of each task that has one; ``gaps``, ``ceilings`` and ``concentrations`` are by
    category, in the order of the taxonomy; ``agreement`` is None where no task has a category with a level, and of
    weights that had learned the tasks, as affinity is measured before that.
    """

    letter: str
    records: RecordSet
    categories: Mapping[str, str]
    scores: tuple[Measure, ...]
    accuracies: tuple[TaskAccuracy, ...]
    gap: GroupGap
    sensitivity: Sensitivity
    gaps: Mapping[str, GroupGap]
    ceilings: Mapping[str, Ceiling]
    concentrations: Mapping[str, Concentration]
    agreement: Agreement | None

    @property
    def protocol(self) -> Protocol:
        """What the model was told."""
        return self.records.subject.protocol

    @property
    def name(self) -> str:
        """Model, adapters, epoch, protocol and what was shown in a few words."""
        subject = self.records.subject
        # Several adaptations of one model may stand side by side.
        adapted = f" with adapters {subject.model_digest}" if subject.adapted else ""
        epoch = "" if subject.epoch is None else f", epoch {subject.epoch}"
        return f"{subject.model}{adapted}{epoch}, {self.told}"

    @property
    def told(self) -> str:
        """The protocol, and what was shown in place of demonstrations that were drawn."""
        return ", ".join(filter(None, (self.protocol, self.records.subject.context_told)))

    @property
    def solved_whole(self) -> tuple[str, ...]:
        """Ids of the tasks with every output solved."""
        return tuple(task_id for task_id, result in self.records.tasks.items() if result.solved == 1)

    def score(self, key: str) -> Estimate:
        """Return one of the scores by its key."""
        return next(measure.estimate for measure in self.scores if measure.key == key)


@dataclass(frozen=True)
class Comparison:
    """Two sets on the tasks that both have: second minus first, p adjusted over all comparisons of the report."""

    first: str
    second: str
    key: str
    name: str
    paired: Paired
    adjusted: float | None


@dataclass(frozen=True)
class Report:
    """Everything that the page and the JSON document say; ``notes`` tell what is missing."""

    dataset: str
    sets: tuple[SetReport, ...]
    comparisons: tuple[Comparison, ...]
    categories: Mapping[str, str]
    category_source: str
    notes: tuple[str, ...]

    @cached_property
    def task_ids(self) -> tuple[str, ...]:
        """Every task of any set, sorted."""
        return tuple(sorted({task_id for each in self.sets for task_id in each.records.tasks}))

    @property
    def lead(self) -> SetReport:
        """The set that the headline is about: of those told least the first of an adapted model, or else the first; one
        that was shown the demonstrations of its tasks, if there is one."""

        def place(each: SetReport) -> tuple[bool, int, bool]:
            subject = each.records.subject
            return bool(subject.context_told), LEAST_TOLD_FIRST.index(each.protocol), not subject.adapted

        return min(self.sets, key=place)

    def category_of(self, task_id: str) -> str:
        """The code of a task's category; `UNLABELLED` where none is known."""
        return self.categories.get(task_id, UNLABELLED)


def build_report(
    sets: Sequence[RecordSet],
    categories: Mapping[str, str],
    category_source: str,
    notes: Iterable[str] = (),
) -> Report:
    """Work out every number.

    Args:
        sets: of one dataset, at most 26.
        categories: category code (or ``ambiguous``) by task id; tasks may be missing.
        category_source: where the categories come from, in words.
        notes: what is missing, in whole sentences.

    Raises:
        ArcAffinityError: there is no set, there are too many, or they are of several datasets.
    """
    if not 1 <= len(sets) <= len(LETTERS):
        raise ArcAffinityError(f"a report is of 1 to {len(LETTERS)} sets of records, not {len(sets)}")
    datasets = sorted({each.subject.dataset_name for each in sets})
    if len(datasets) > 1:
        raise ArcAffinityError(f"a report is of one dataset, not of {', '.join(datasets)}")
    reports = tuple(_set_report(letter, each, categories) for letter, each in zip(LETTERS, sets, strict=False))
    pairs = [(first, second, _apart(first.records, second.records)) for first, second in _compared(reports)]
    return Report(
        dataset=datasets[0],
        sets=reports,
        comparisons=_comparisons(pairs),
        categories=categories,
        category_source=category_source,
        notes=(*notes, *_set_notes(reports, pairs)),
    )


def category_name(code: str) -> str:
    """Return a category's code and name ("C1 colour transform")."""
    if code in BY_CODE:
        return f"{code} {BY_CODE[code].name}"
    return {AMBIGUOUS: "ambiguous", UNLABELLED: "no category known"}.get(code, code)


def _set_report(letter: str, records: RecordSet, categories: Mapping[str, str]) -> SetReport:
    tasks = [TaskAccuracy(t.task_id, t.cell_accuracy, t.first_solved) for t in records.tasks.values()]
    known = {task_id: code for task_id, code in categories.items() if task_id in records.tasks}
    failed = [t.task_id for t in records.tasks.values() if t.solved < 1]
    learned = records.subject.adapted or records.exposure == "transductive"
    levelled = not learned and any(theoretical(code) for code in known.values())
    return SetReport(
        letter=letter,
        records=records,
        categories=known,
        scores=_scores(records),
        accuracies=tuple(tasks),
        gap=group_gap(tasks),
        sensitivity=sensitivity(tasks),
        gaps={code: group_gap(group) for code, group in by_category(tasks, known).items()},
        ceilings=ceilings(tasks, known),
        concentrations=concentration_by_category(failed, list(records.tasks), known),
        agreement=agreement({t.task_id: t.cells for t in tasks}, known) if levelled else None,
    )


def _scores(records: RecordSet) -> tuple[Measure, ...]:
    """The headline scores; where a metric is defined for some tasks only, over those."""
    tasks = list(records.tasks.values())
    within = counted(records.attempts, "attempt")
    more = any(max(output.kinds, default=0) > records.attempts for output in records.outputs.values())
    no_more = Estimate(None, None, None, 0, "no more attempts are recorded")
    told = records.subject.protocol in TOLD_SIZE
    given = Estimate(None, None, None, 0, "the size is given")
    found = {
        "score": defined_mean([t.solved for t in tasks]),
        "strict_score": defined_mean([float(t.solved == 1) for t in tasks]),
        "pass_at_1": defined_mean([t.first_solved for t in tasks]),
        "among_candidates": defined_mean([t.found for t in tasks]) if more else no_more,
        "cell_accuracy": mean([t.cell_accuracy for t in tasks]),
        "size_accuracy": given if told else defined_mean([t.size_accuracy for t in tasks]),
        "copy_accuracy": defined_mean([t.copy_accuracy for t in tasks]),
        "change_accuracy": defined_mean([t.change_accuracy for t in tasks]),
    }
    return tuple(
        Measure(key, name, MEASURES[key][1].format(within=within), found[key]) for key, (name, _) in MEASURES.items()
    )


def _compared(sets: Sequence[SetReport]) -> list[tuple[SetReport, SetReport]]:
    """Every two sets of one protocol; of many the first with each of the others. Protocols are never compared."""
    groups: dict[Protocol, list[SetReport]] = {}
    for each in sets:
        groups.setdefault(each.protocol, []).append(each)
    return [
        pair
        for group in groups.values()
        for pair in (combinations(group, 2) if len(group) <= ALL_PAIRS else ((group[0], other) for other in group[1:]))
    ]


Compared = tuple[SetReport, SetReport, frozenset[Place]]
"""Two sets that are compared, and the outputs of their tasks by which they cannot be (`_apart`)."""


def _comparisons(pairs: Sequence[Compared]) -> tuple[Comparison, ...]:
    both = [(one, other, [each.records.without(apart).tasks for each in (one, other)]) for one, other, apart in pairs]
    found = []
    for key, name in (("score", "score"), ("cell_accuracy", "cell accuracy")):
        for one, other, tasks in both:
            first, second = (
                {t.task_id: t.solved if key == "score" else t.cell_accuracy for t in each.values()} for each in tasks
            )
            found.append(Comparison(one.letter, other.letter, key, name, paired(first, second), None))
    # All tests of a report count together: with 20 of them one p below 0.05 is what chance gives.
    adjusted = false_discovery({str(number): each.paired.p for number, each in enumerate(found)})
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted.values(), strict=True))


def _apart(first: RecordSet, second: RecordSet) -> frozenset[Place]:
    """The outputs of the tasks of two sets by which they cannot be compared: of one set alone, or asked otherwise."""
    tasks = first.tasks.keys() & second.tasks.keys()
    here, there = ({p: o for p, o in each.outputs.items() if p[0] in tasks} for each in (first, second))
    alike = {place for place in here.keys() & there.keys() if here[place].question == there[place].question}
    return frozenset((here.keys() | there.keys()) - alike)


def _set_notes(sets: Sequence[SetReport], pairs: Sequence[Compared]) -> list[str]:
    name = {each.letter: each.letter if len(sets) > 1 else each.records.subject.model for each in sets}
    notes = [
        f"{name[each.letter]} has no attempt at {counted(each.records.missing, 'output')} of the dataset; they count 0."
        for each in sets
        if each.records.missing
    ]
    notes += [
        f"{name[each.letter]} had been trained on the demonstrations of the tasks that it answers (transductive)."
        for each in sets
        if each.records.exposure == "transductive"
    ]
    notes += [
        f"{name[each.letter]} was {each.records.subject.context_told}."
        for each in sets
        if each.records.subject.context_told in CONTEXTS.values()
    ]
    if len({frozenset(each.records.tasks) for each in sets}) > 1:
        sizes = ", ".join(f"{each.letter} {len(each.records.tasks)}" for each in sets)
        notes.append(f"The sets have different tasks ({sizes}); only tasks that two sets share are compared.")
    notes += [
        f"{first.letter} and {second.letter} are compared by what both were asked; of the tasks of both, "
        f"{counted(len(apart), 'output')} {'was' if len(apart) == 1 else 'were'} asked of one alone, or otherwise."
        for first, second, apart in pairs
        if apart
    ]
    return notes


def failures(each: SetReport, *, attempted: bool = False) -> dict[Kind, int]:
    """Return how many outputs of a set failed in each way, the commonest first; all of them, or those ``attempted``."""
    found = {kind: count for kind, count in each.records.kinds.items() if kind is not Kind.SOLVED}
    if attempted and each.records.missing:
        found[Kind.NO_GRID] -= each.records.missing
    return dict(sorted(found.items(), key=lambda item: -item[1]))
