"""Tables of ``classify``: answers, how they are distributed, and how they agree with labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from arc_affinity.taxonomy.categories import AMBIGUOUS, BY_CODE, CATEGORIES, PUBLISHED_AMBIGUOUS
from arc_affinity.taxonomy.validation import Agreement, Answer, low_share
from arc_affinity.text import counted

QUALITY = ("labelled", "answered", "agreed", "precision", "recall", "f1")
"""What is told of a category."""


def answer_table(answers: Mapping[str, Answer]) -> Table:
    """One row a task."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("task", "category", "confidence", "rule", "reason"):
        table.add_column(name, justify="right" if name == "confidence" else "left", overflow="fold")
    for task, answer in answers.items():
        known = BY_CODE.get(answer.category)
        named = answer.category if known is None else f"{answer.subtype or answer.category} {known.name}"
        table.add_row(task, named, f"{answer.confidence:.2f}", answer.rule, Text(answer.reason))
    return table


def distribution_tables(answers: Mapping[str, Answer]) -> Iterator[Table | Text]:
    """How many tasks each category has beside the published numbers, then the share of low affinity."""
    counts = Counter(answer.category for answer in answers.values())
    table = _plain_table("category", "affinity", "tasks", "share", "the paper", left=2)
    rows = [(f"{c.code} {c.name}", c.affinity.value, counts[c.code], c.published_tasks) for c in CATEGORIES]
    for name, level, number, published in [*rows, (AMBIGUOUS, "", counts[AMBIGUOUS], PUBLISHED_AMBIGUOUS)]:
        table.add_row(name, level, str(number), _percent(number / len(answers)), str(published))
    yield table
    given = [answer.category for answer in answers.values() if answer.category != AMBIGUOUS]
    share, of_given = low_share([answer.category for answer in answers.values()]), low_share(given)
    more = "" if share == of_given else f", {_percent(of_given)} of those with a category"
    yield Text(f"low or very low affinity: {_percent(share)}{more} (the paper: 35.3 % of re-arc's 400)")


def agreement_tables(agreement: Agreement) -> Iterator[Table | Text]:
    """Accuracy, one row for each category, the confusion matrix, and every disagreement."""
    yield Text(_summary(agreement))
    table = _plain_table("category", "labelled", "answered", "precision", "recall", "F1")
    for quality in agreement.quality():
        shares = (_percent(share) for share in (quality.precision, quality.recall, quality.f1))
        table.add_row(quality.label, str(quality.labelled), str(quality.answered), *shares)
    yield table
    yield Text("rows: label, columns: answer")
    table = _plain_table("", *("?" if term == AMBIGUOUS else term for term in agreement.terms))
    for label in agreement.terms:
        if label in agreement.labels.values():
            table.add_row(label, *(str(agreement.confusion[label, term] or "·") for term in agreement.terms))
    yield table
    if agreement.disagreements:
        yield Text("disagreements")
        table = _plain_table("task", "label", "answer", "rule", "reason", left=5)
        for each in agreement.disagreements:
            table.add_row(each.task, each.label, each.answer, each.rule, Text(each.reason))
        yield table


def agreement_document(agreement: Agreement) -> dict[str, object]:
    """The comparison with labels as JSON values."""
    return {
        "accuracy": agreement.accuracy,
        "macro_f1": agreement.macro_f1,
        "labelled": len(agreement.labels),
        "agreed": agreement.agreed,
        "abstained": agreement.abstained,
        "ambiguous": list(agreement.ambiguous),
        "by_category": list(agreement.by_category),
        "per_category": {each.label: {name: getattr(each, name) for name in QUALITY} for each in agreement.quality()},
        "confusion": {
            label: {term: agreement.confusion[label, term] for term in agreement.terms} for label in agreement.terms
        },
        "disagreements": [asdict(each) | {"confidence": round(each.confidence, 4)} for each in agreement.disagreements],
    }


def _summary(agreement: Agreement) -> str:
    if agreement.accuracy is None:
        return f"no labels to judge by; ambiguous: {len(agreement.ambiguous)}"
    parts = [f"agreed: {agreement.agreed} of {len(agreement.labels)} ({100 * agreement.accuracy:.2f} %)"]
    parts += [f"macro-F1: {agreement.macro_f1:.3f}"] if agreement.macro_f1 is not None else []
    parts += [f"abstained, counted as wrong: {agreement.abstained}"] if agreement.abstained else []
    parts += [f"labelled ambiguous, left out: {len(agreement.ambiguous)}"] if agreement.ambiguous else []
    judged = f"{counted(len(agreement.by_category), 'subtype')} judged by the category"
    parts += [judged] if agreement.by_category else []
    return "; ".join(parts)


def _plain_table(*columns: str, left: int = 1) -> Table:
    """A table whose first ``left`` columns are words, the others numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place < left else "right", overflow="fold")
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
