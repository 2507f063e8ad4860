"""What the numbers say, in plain sentences; none without its protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from arc_affinity.diagnosis.gap import PUBLISHED, UNLABELLED, has_gap
from arc_affinity.diagnosis.report.numbers import TOLD_SIZE, Report, SetReport, category_name, failures
from arc_affinity.diagnosis.report.outputs import NAMES, Kind
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.text import counted, p_value, percent

TOLD: Mapping[Protocol, str] = MappingProxyType(
    {
        Protocol.ARC_PRIZE: "the model finds the size of the output itself",
        Protocol.SIZED: "the true size of the output is given",
        Protocol.TEACHER_FORCED: "the true cells before each cell are shown, which no solver has",
    }
)
"""What each protocol lets a model know."""

FAILING: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.SOLVED: "nothing fails",
        Kind.LOST_IN_RANKING: "it finds the answer and does not choose it",
        Kind.NEAR_MISS: "it comes near and gets a few cells wrong",
        Kind.WRONG_CELLS: "it has the size right but not what belongs in it",
        Kind.INPUT_COPY: "it hands the input back unchanged",
        Kind.WRONG_SIZE: "it does not find the size of the output",
        Kind.NO_GRID: "it gives no grid at all",
    }
)
"""What a model does where it fails, by what its failures mostly are."""


def headline(report: Report) -> str:
    """Return one sentence that says what the leading set's model cannot do."""
    each = report.lead
    kinds, outputs = each.records.kinds, len(each.records.outputs)
    solved, asked = len(each.solved_whole), len(each.records.tasks)
    what = counted(asked, "task")
    # Many outputs a task, as in a store of examples: few tasks are solved whole, which would hide what is.
    if outputs > 2 * asked:
        solved, asked = kinds[Kind.SOLVED], outputs
        what = f"{counted(outputs, 'output')} of {what}"
    amount = "all" if solved == asked else "none" if not solved else f"{solved:,}"
    adapted = " with adapters" if each.records.subject.adapted else ""
    opening = f"{each.records.subject.model}{adapted} solves {amount} of {what}"
    if solved == asked:
        return f"{opening} ({each.told})"
    # What was never asked is a failure in the score, and says nothing of what the model does.
    if unasked := each.records.missing:
        opening += f", {counted(unasked, 'output')} without an attempt"
    found = failures(each, attempted=True)
    (commonest, most), failed = next(iter(found.items())), sum(found.values())
    if not failed:
        return f"{opening} ({each.told})"
    failing = FAILING[commonest]
    if commonest is Kind.WRONG_CELLS and each.protocol in TOLD_SIZE:
        failing = "it fills the given size with the wrong cells"
    # What most failures are says little of the model where they are few, so their number stands beside it.
    if 2 * most <= failed:
        mostly = f"it fails on {counted(failed, 'output')} in several ways"
    elif failed == outputs - unasked:
        mostly = f"mostly {failing}"
    else:
        mostly = f"where it fails, on {counted(failed, 'output')}, mostly {failing}"
    return f"{opening}; {mostly} ({each.told})"


def findings(report: Report, *, drawn: bool = False) -> tuple[str, ...]:
    """Return the findings about the leading set, and what differs between the sets, a sentence or two each.

    Args:
        report: what is known.
        drawn: leave out what stands above them in pictures: the score, and how many outputs failed how.
    """
    return tuple(line for line in (*_findings_about(report.lead, drawn), *_differences(report)) if line)


def _findings_about(each: SetReport, drawn: bool) -> Iterator[str]:
    score, within = each.score("score"), counted(each.records.attempts, "attempt")
    if not drawn:
        yield (
            f"Score {score.percent()} on {counted(score.n, 'task')} within {within}; protocol {each.protocol}: "
            f"{TOLD[each.protocol]}."
        )
    found = each.score("among_candidates")
    lost = 100 * ((found.value or 0.0) - (score.value or 0.0))
    if lost > 0:
        yield (
            f"The answer of {found.percent()} is among all recorded candidates ({each.protocol}): better ranking could "
            f"win up to {lost:.1f} points."
        )
    if not drawn:
        yield _failures_sentence(each)
    kept, changed = each.score("copy_accuracy"), each.score("change_accuracy")
    if kept.value is not None and changed.value is not None:
        yield (
            f"Where input and output have one size, {percent(kept.value)} of the cells that stay are right, and "
            f"{percent(changed.value)} of those that change ({counted(changed.n, 'task')}, {each.protocol})."
        )
    yield _gap_sentence(each)
    yield _category_sentence(each)


def _failures_sentence(each: SetReport) -> str:
    failed = {kind: count for kind, count in failures(each).items() if count}
    total = sum(failed.values())
    if not total:
        return f"Every output is solved ({each.protocol})."
    parts = ", ".join(f"{NAMES[kind]} {count} ({percent(count / total)})" for kind, count in failed.items())
    return f"{counted(total, 'output')} not solved: {parts}; by first attempts, {each.protocol}."


def _gap_sentence(each: SetReport) -> str:
    bounds, gap = PUBLISHED, each.gap
    inside = [task.task_id for task in each.accuracies if has_gap(task)]
    copied = Counter(
        task_id for (task_id, _), output in each.records.outputs.items() if output.kinds.get(1) is Kind.INPUT_COPY
    )
    copies = sum(2 * copied[task_id] > each.records.tasks[task_id].outputs for task_id in inside)
    later = sum(each.records.tasks[task_id].solved == 1 for task_id in inside)
    more = f"; in {copies} of them it mostly hands the input back, which composes nothing" if copies else ""
    more += f"; later attempts that count solve {later} of them" if later else ""
    return (
        f"Compositional gap: by first attempts {gap.count} of {counted(gap.tasks, 'task')}, {gap.share.percent()}, "
        f"have over {100 * bounds.cells:.0f} % of the cells and under {100 * bounds.grids:.0f} % of the grids right "
        f"({each.protocol}){more}."
    )


def _category_sentence(each: SetReport) -> str:
    """Whether failures gather in a category, always with the base rate."""
    known = {code: found for code, found in each.concentrations.items() if code not in (AMBIGUOUS, UNLABELLED)}
    if not known:
        return "The categories of these tasks are unknown, so nothing is said about kinds of reasoning."
    told = [
        f"{category_name(code)}: {percent(found.share.value)} of the failures, {percent(found.base_rate.value)} of the "
        f"tasks: {found.verdict}, {p_value(found.p)}"
        for code, found in known.items()
        if found.verdict in ("concentrated", "spared")
    ]
    if told:
        return f"By category ({each.protocol}): {'; '.join(told)}"
    code, largest = max(known.items(), key=lambda item: item[1].share.value or 0.0)
    if largest.share.value is None:
        return ""
    return (
        f"No category is shown to fail more than its size explains ({each.protocol}): the largest share, "
        f"{percent(largest.share.value)} of the failures, is in {category_name(code)}, which holds "
        f"{percent(largest.base_rate.value)} of the tasks."
    )


def _differences(report: Report) -> Iterator[str]:
    names = {each.letter: each.name for each in report.sets}
    shown = {each.letter: each.records.subject.context_told for each in report.sets}
    cells = {(each.first, each.second): each for each in report.comparisons if each.key == "cell_accuracy"}
    for each in report.comparisons:
        difference = each.paired.difference
        if each.key == "score" and difference.value is not None:
            told = f"{difference.points()}, {p_value(each.adjusted)}"
            # What the demonstrations are worth shows in cells long before it does in whole grids.
            if shown[each.first] != shown[each.second]:
                found = cells[each.first, each.second]
                told += f"; of the cells {found.paired.difference.points()}, {p_value(found.adjusted)}"
            yield (
                f"{each.second} ({names[each.second]}) minus {each.first} ({names[each.first]}) on "
                f"{counted(difference.n, 'task')}: {told}."
            )
