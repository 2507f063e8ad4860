"""The tables of the page; every number with its interval, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from arc_affinity.diagnosis.affinity import theoretical
from arc_affinity.diagnosis.gap import Profile
from arc_affinity.diagnosis.report.numbers import Report, SetReport, category_name
from arc_affinity.diagnosis.report.words import percent, points
from arc_affinity.statistics import Estimate
from arc_affinity.taxonomy.categories import Affinity


def set_table(report: Report) -> str:
    """What the letters stand for."""
    rows = [
        [
            each.letter,
            escape(each.records.subject.model) + (" with adapters" if each.records.subject.adapted else ""),
            f"<code>{escape(each.records.subject.model_digest)}</code>",
            f"<code>{each.protocol}</code>",
            "–" if each.records.subject.epoch is None else str(each.records.subject.epoch),
            str(len(each.records.tasks)),
            str(len(each.records.outputs)),
        ]
        for each in report.sets
    ]
    heads = ("set", "model", "weights", "protocol", "epoch", "tasks", "outputs")
    return table("The sets of records in this report", heads, rows, words=(1, 2, 3))


def score_table(report: Report) -> str:
    """Every score of every set."""
    heads = ["", *(f"{each.letter} · {each.protocol}" for each in report.sets)]
    rows = [
        [
            f'{escape(measure.name)}<span class="interval">{escape(measure.definition)}</span>',
            *(_value(each.score(measure.key)) for each in report.sets),
        ]
        for measure in report.sets[0].scores
    ]
    return table("Scores in per cent, with 95 % intervals over tasks", heads, rows, free=(0,))


def profile_table(report: Report) -> str:
    """How many tasks of each set have each profile."""
    rows = [
        [
            f"{each.letter} · {each.protocol}",
            *(str(each.gap.profiles[name]) for name in Profile),
            _value(each.gap.share),
        ]
        for each in report.sets
    ]
    bounds = report.sets[0].thresholds
    caption = (
        f"Tasks by profile: solved, at least {100 * bounds.solved:.0f} % of grids exact; partial, at least "
        f"{100 * bounds.grids:.0f} %; below that, compositional failure with more than {100 * bounds.cells:.0f} % of "
        "cells right and low affinity otherwise; then the share in the gap, in per cent"
    )
    return table(caption, ["set", *(name.value for name in Profile), "in the gap"], rows)


def category_table(each: SetReport) -> str:
    """What a set does in each category."""
    rows = []
    for code, gap in each.gaps.items():
        found, level = each.concentrations[code], theoretical(code)
        rows.append(
            [
                escape(category_name(code)),
                "–" if level is None else level.value,
                str(gap.tasks),
                _value(gap.cells),
                _value(gap.grids),
                f"{gap.count} of {gap.tasks}",
                f'{percent(found.share.value)}<span class="interval">'
                f"of all tasks {percent(found.base_rate.value)}</span>",
                escape(found.verdict) + ("" if found.p is None else f'<span class="interval">p {found.p:.3f}</span>'),
            ]
        )
    heads = (
        "category",
        "affinity",
        "tasks",
        "cells",
        "exact grids",
        "in the gap",
        "share of failures",
        "failures gather",
    )
    caption = (
        f"{each.letter} by category ({each.protocol}), in per cent; a failure is a task that is not solved whole; p of "
        "Fisher's exact test, adjusted for the number of categories"
    )
    return table(caption, heads, rows, words=(1,), free=(7,))


def agreement_table(each: SetReport) -> str:
    """Predicted against measured affinity."""
    found = each.agreement
    if found is None:
        return ""
    measured = [level for level in Affinity if level is not Affinity.VERY_LOW]
    rows = [[f"{p.value}", *(str(found.table[p, m]) for m in measured)] for p in Affinity]
    rank = found.rank.effect
    words = "undefined" if rank.value is None else f"{rank.value:.2f}"
    if rank.low is not None and rank.high is not None:
        words += f" (95 % interval {rank.low:.2f} to {rank.high:.2f})"
    reason = f" ({escape(rank.reason)})" if rank.reason else ""
    caption = (
        f"{each.letter}: tasks by published affinity of their category (rows) and by measured cell accuracy: high "
        f"above 85 %, low below 70 % (bounds set for teacher-forced accuracy; here {each.protocol}). Rank correlation "
        f"(Spearman) over {found.tasks} tasks: {words}{reason}"
    )
    return table(caption, ["published", *(f"measured {m.value}" for m in measured)], rows)


def comparison_table(report: Report) -> str:
    """The paired differences."""
    rows = []
    for each in report.comparisons:
        found = each.paired
        p = "undefined" if each.adjusted is None else "< 0.001" if each.adjusted < 0.001 else f"{each.adjusted:.3f}"
        counts = (str(found.difference.n), str(found.better), str(found.worse), str(found.unpaired))
        rows.append([f"{each.second} − {each.first}", each.name, escape(points(found.difference)), p, *counts])
    heads = ("sets", "of", "difference", "p, adjusted", "tasks", "better", "worse", "not shared")
    return table("Differences, second set minus first", heads, rows, words=(1, 2), free=(2,))


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    words: Sequence[int] = (),
    free: Sequence[int] = (),
) -> str:
    """Return a table that scrolls on narrow screens.

    Args:
        caption: what is in it, as text.
        heads: of the columns, as text.
        rows: cells as HTML, the first of each the row's head.
        words: columns of words, which stand to the left.
        free: columns whose words may break into lines; they stand to the left too.
    """
    head = "".join(
        f'<th scope="col"{_look(place, words, free, first=place == 0)}>{escape(name)}</th>'
        for place, name in enumerate(heads)
    )
    body = "".join(
        f'<tr><th scope="row"{_look(0, words, free)}>{cells[0]}</th>'
        + "".join(f"<td{_look(place, words, free)}>{cell}</td>" for place, cell in enumerate(cells) if place)
        + "</tr>"
        for cells in rows
    )
    label = escape(caption, quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _look(place: int, words: Sequence[int], free: Sequence[int], first: bool = False) -> str:
    if place in free:
        return ' class="words free"'
    return ' class="words"' if first or place in words else ""


def _value(estimate: Estimate) -> str:
    """A value with its interval below it."""
    if estimate.value is None:
        return f'<span class="undefined">undefined</span><span class="interval why">{escape(estimate.reason)}</span>'
    if estimate.low is None or estimate.high is None:
        return f'{100 * estimate.value:.1f}<span class="interval why">{escape(estimate.reason)}</span>'
    ends = f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"
    return f'{100 * estimate.value:.1f}<span class="interval">{ends}</span>'
