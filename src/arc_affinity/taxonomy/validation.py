"""Comparing answers with labels: agreement, precision, recall, confusions, and each disagreement with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from arc_affinity.documents import read_object, shown
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES, LOW_AFFINITY, SUBTYPES, category_of

UNKNOWN = "unknown"
"""Label of a task in a file that stands for having none."""


@dataclass(frozen=True)
class Answer:
    """What any of the three classifiers says of a task.

    ``category`` is one of the nine codes, or `AMBIGUOUS` if the classifier abstains; ``subtype`` is "S3-A" or "S3-B"
    where it is decided. ``rule`` is what decided, ``reason`` what it saw; ``confidence`` is 0 to 1.
    """

    category: str
    subtype: str | None
    rule: str
    reason: str
    confidence: float


@dataclass(frozen=True)
class Answered:
    """Answers by task id, and what else a classifier tells of each task, as JSON values."""

    answers: Mapping[str, Answer]
    details: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Disagreement:
    """A task whose label is not what was answered."""

    task: str
    label: str
    answer: str
    rule: str
    reason: str
    confidence: float


@dataclass(frozen=True)
class Quality:
    """How well one label is met; None where nothing was answered or labelled so."""

    label: str
    labelled: int
    answered: int
    agreed: int

    @property
    def precision(self) -> float | None:
        """Share of the answers that are right."""
        return self.agreed / self.answered if self.answered else None

    @property
    def recall(self) -> float | None:
        """Share of the labelled tasks that are found."""
        return self.agreed / self.labelled if self.labelled else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two; None where neither a label nor an answer says so."""
        either = self.labelled + self.answered
        return 2 * self.agreed / either if either else None


@dataclass(frozen=True)
class Agreement:
    """Answers beside labels.

    Tasks labelled ``ambiguous`` are not judged, and not among ``labels``. ``answers`` are in the labels' own terms: a
    subtype where the label is one. Tasks ``by_category`` have a subtype for a label, but an answer of a classifier that
    decides none: ``labels`` has their category, by which they are judged.
    """

    labels: Mapping[str, str]
    answers: Mapping[str, str]
    ambiguous: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    by_category: tuple[str, ...] = ()

    @property
    def agreed(self) -> int:
        """Tasks on which label and answer agree."""
        return len(self.labels) - len(self.disagreements)

    @property
    def accuracy(self) -> float | None:
        """Share of them; None without labels. Abstaining counts as wrong."""
        return self.agreed / len(self.labels) if self.labels else None

    @property
    def abstained(self) -> int:
        """Tasks that the classifier gave no category."""
        return sum(answer == AMBIGUOUS for answer in self.answers.values())

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """How often each (label, answer) came."""
        return Counter((label, self.answers[task]) for task, label in self.labels.items())

    @property
    def terms(self) -> tuple[str, ...]:
        """Labels and answers that occur, in the order of the tables."""
        seen = {*self.labels.values(), *self.answers.values()}
        return tuple(term for term in (*CODES, *SUBTYPES, AMBIGUOUS) if term in seen)

    def quality(self) -> tuple[Quality, ...]:
        """Return one row for each of `terms` that is no abstention."""
        labelled, answered = Counter(self.labels.values()), Counter(self.answers.values())
        right = {pair[0]: count for pair, count in self.confusion.items() if pair[0] == pair[1]}
        return tuple(
            Quality(term, labelled[term], answered[term], right.get(term, 0))
            for term in self.terms
            if term != AMBIGUOUS
        )

    @property
    def macro_f1(self) -> float | None:
        """Mean of F1 over the labels that occur; None without labels."""
        scores = [each.f1 for each in self.quality() if each.labelled and each.f1 is not None]
        return sum(scores) / len(scores) if scores else None


def label_in(entry: object) -> object:
    """Return the label in an entry of a file of them: the entry itself, or what ``classify --out`` wrote there.

    That is the subtype where one is decided, else the category.
    """
    return (entry.get("subtype") or entry.get("category")) if isinstance(entry, dict) else entry


def read_labels(path: Path, known: Collection[str]) -> dict[str, str]:
    """Return the labels of a file ``{"TASK": "S3", …}``, or of what ``classify --out`` wrote: categories, subtypes or
    "ambiguous"; tasks that are "unknown" are left out.

    Only tasks that are ``known`` may be labelled.

    Raises:
        ArcAffinityError: no such file, not JSON, another shape, no labels, or an unknown category or task.
    """
    terms = (*CODES, *SUBTYPES, AMBIGUOUS, UNKNOWN)
    labels: dict[str, str] = {}
    for task, entry in sorted(read_object(path).items()):
        label = label_in(entry)
        if not isinstance(label, str):
            raise ArcAffinityError(f"{path}, task {task}: {shown(entry)} is no category")
        if label not in terms:
            raise ArcAffinityError(f"{path}, task {task}: {unknown('category', label, terms)}")
        if task not in known:
            raise ArcAffinityError(f"{path}: {unknown('task', task, known)}")
        if label != UNKNOWN:
            labels[task] = label
    if not labels:
        raise ArcAffinityError(f"{path}: no labels")
    return labels


def compare(labels: Mapping[str, str], answers: Mapping[str, Answer]) -> Agreement:
    """Return how answers agree with labels; every labelled task must have an answer."""
    decides = any(answers[task].subtype for task in labels)
    by_category = () if decides else tuple(task for task, label in labels.items() if label in SUBTYPES)
    judged = {
        task: category_of(label) if task in by_category else label
        for task, label in labels.items()
        if label != AMBIGUOUS
    }
    # In the labels' terms: the subtype where the label is one and the answer has it, else the category.
    said = {
        task: (label in SUBTYPES and answers[task].subtype) or answers[task].category for task, label in judged.items()
    }
    wrong = tuple(
        Disagreement(task, label, said[task], answer.rule, answer.reason, answer.confidence)
        for task, label in judged.items()
        if said[task] != label
        for answer in (answers[task],)
    )
    return Agreement(judged, said, tuple(t for t in labels if labels[t] == AMBIGUOUS), wrong, by_category)


def low_share(categories: Collection[str]) -> float | None:
    """Return the share of tasks in categories of low or very low affinity (the paper: 35.3 %); None without tasks.

    Tasks without a category count among all.
    """
    return sum(each in LOW_AFFINITY for each in categories) / len(categories) if categories else None
