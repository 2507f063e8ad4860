"""What the numbers say, in plain sentences; none without its protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from arc_affinity.diagnosis.affinity import Concentration
from arc_affinity.diagnosis.gap import UNLABELLED, has_gap
from arc_affinity.diagnosis.report.numbers import TOLD_SIZE, Report, SetReport, category_name, failures
from arc_affinity.diagnosis.report.outputs import NAMES, Kind
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.statistics import Estimate
from arc_affinity.taxonomy.categories import AMBIGUOUS

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
    solved, asked = len(each.solved_whole), len(each.records.tasks)
    what = _tasks(asked)
    # Many outputs a task, as in a store of examples: few tasks are solved whole, which would hide what is.
    if len(each.records.outputs) > 2 * asked:
        solved, asked = each.records.kinds[Kind.SOLVED], len(each.records.outputs)
        what = f"{asked} outputs of {what}"
    amount = "all" if solved == asked else "none" if not solved else f"{solved}"
    opening = f"{each.records.subject.model} solves {amount} of {what}"
    if solved == asked:
        return f"{opening} ({each.protocol})"
    return f"{opening}; {_mostly(each)} ({each.protocol})"


def _mostly(each: SetReport) -> str:
    """What the failures are, with their number: of few failures even all say little of the model."""
    found = failures(each)
    most, total = max(found.values()), sum(found.values())
    if 2 * most <= total:
        return f"it fails on {_outputs(total)} in several ways"
    if total == len(each.records.outputs):
        return f"mostly {_failing(each)}"
    return f"where it fails, on {_outputs(total)}, mostly {_failing(each)}"


def findings(report: Report) -> tuple[str, ...]:
    """Return the findings about the leading set, and what differs between the sets, a sentence or two each."""
    return tuple(line for line in (*_findings_about(report.lead), *_differences(report)) if line)


def percent(value: float | None) -> str:
    """Return a share as per cent, "undefined" for None."""
    return "undefined" if value is None else f"{100 * value:.1f} %"


def with_interval(estimate: Estimate) -> str:
    """Return a share in per cent with its interval, or why there is none."""
    if estimate.value is None:
        return f"undefined ({estimate.reason})" if estimate.reason else "undefined"
    if estimate.low is None or estimate.high is None:
        return f"{percent(estimate.value)} ({estimate.reason or 'no interval'})"
    return f"{percent(estimate.value)} (95 % interval {100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def concentration_sentence(code: str, found: Concentration) -> str:
    """Return whether failures gather in a category, always with the base rate."""
    gathered = f"{category_name(code)}: {percent(found.share.value)} of the failures, {percent(found.base_rate.value)}"
    p = "" if found.p is None else f", p {_p(found.p)}"
    return f"{gathered} of the tasks: {found.verdict}{p}"


def _findings_about(each: SetReport) -> Iterator[str]:
    """What is to say about one set."""
    score = each.score("score")
    attempts = "1 attempt" if each.records.attempts == 1 else f"{each.records.attempts} attempts"
    yield (
        f"Score {with_interval(score)} on {_tasks(score.n)} within {attempts}; protocol {each.protocol}: "
        f"{TOLD[each.protocol]}."
    )
    yield _failure_sentence(each)
    yield _change_sentence(each)
    yield _gap_sentence(each)
    yield _category_sentence(each)


def _failing(each: SetReport) -> str:
    """What the set's model does where it fails."""
    kind = next(iter(failures(each)))
    if kind is Kind.WRONG_CELLS and each.protocol in TOLD_SIZE:
        return "it fills the given size with the wrong cells"
    return FAILING[kind]


def _failure_sentence(each: SetReport) -> str:
    found = {kind: count for kind, count in failures(each).items() if count}
    total = sum(found.values())
    if not total:
        return f"Every output is solved ({each.protocol})."
    parts = ", ".join(f"{NAMES[kind]} {count} ({percent(count / total)})" for kind, count in found.items())
    return f"Of {total} outputs that are not solved: {parts}; first attempts, {each.protocol}."


def _change_sentence(each: SetReport) -> str:
    kept, changed = each.score("copy_accuracy"), each.score("change_accuracy")
    if kept.value is None or changed.value is None:
        return ""
    return (
        f"Where input and output have one size, {percent(kept.value)} of the cells that stay are right (copy "
        f"accuracy), and {percent(changed.value)} of those that must change (change accuracy); {changed.n} tasks, "
        f"{each.protocol}."
    )


def _gap_sentence(each: SetReport) -> str:
    bounds, gap = each.thresholds, each.gap
    inside = [task.task_id for task in each.accuracies if has_gap(task, bounds)]
    copies = sum(each.records.tasks[task_id].kind is Kind.INPUT_COPY for task_id in inside)
    copied = f"; in {copies} of them it mostly hands the input back, which composes nothing" if copies else ""
    return (
        f"Compositional gap: in {gap.count} of {_tasks(gap.tasks)}, {with_interval(gap.share)}, more than "
        f"{100 * bounds.cells:.0f} % of the cells and fewer than {100 * bounds.grids:.0f} % of the grids are right "
        f"({each.protocol}){copied}."
    )


def _category_sentence(each: SetReport) -> str:
    """Whether failures gather in a category."""
    known = {code: found for code, found in each.concentrations.items() if code not in (AMBIGUOUS, UNLABELLED)}
    if not known:
        return "The categories of these tasks are unknown, so nothing is said about kinds of reasoning."
    shown = {code: found for code, found in known.items() if found.verdict in ("concentrated", "spared")}
    if shown:
        return f"By category ({each.protocol}): " + "; ".join(concentration_sentence(*item) for item in shown.items())
    largest = max(known, key=lambda code: known[code].share.value or 0.0)
    if known[largest].share.value is None:
        return ""
    return (
        f"No category is shown to fail more than its size explains ({each.protocol}): the largest share, "
        f"{percent(known[largest].share.value)} of the failures, is in {category_name(largest)}, which holds "
        f"{percent(known[largest].base_rate.value)} of the tasks."
    )


def _differences(report: Report) -> Iterator[str]:
    """The paired differences in score, each in a sentence."""
    names = {each.letter: each.name for each in report.sets}
    for each in report.comparisons:
        difference = each.paired.difference
        if each.key != "score" or difference.value is None:
            continue
        yield (
            f"{each.second} ({names[each.second]}) minus {each.first} ({names[each.first]}) on {_tasks(difference.n)}: "
            f"{points(difference)}{'' if each.adjusted is None else f', p {_p(each.adjusted)}'}."
        )


def points(difference: Estimate) -> str:
    """Return a difference of shares in percentage points with its interval, or why there is none."""
    if difference.value is None:
        return f"undefined ({difference.reason})"
    value = f"{100 * difference.value:+.1f} points"
    if difference.low is None or difference.high is None:
        return f"{value} ({difference.reason or 'no interval'})"
    return f"{value} (95 % interval {100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
