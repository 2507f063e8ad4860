"""The top of the page: the score, what became of the outputs as bars that filter the tasks, an example of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from arc_affinity.diagnosis.report.numbers import Report, SetReport
from arc_affinity.diagnosis.report.outputs import NAMES, Attempt, Kind, Output, Place
from arc_affinity.diagnosis.report.words import percent

TELLING = 9
"""Characters of a packed grid (its cells and two more) from which an example is worth a look."""

BARS = 6
"""Sets that have a bar; the figure of the section about failures has all."""


def first_screen(report: Report) -> Iterator[str]:
    """Yield the HTML; the page's script draws the grids of the examples and lets the bars filter."""
    lead = report.lead
    yield f'<div class="first"><p class="score"><strong>{percent(lead.score("score").value)}</strong>{_about(lead)}</p>'
    yield '<div class="outcomes">'
    for each in report.sets[:BARS]:
        yield from _bar(each, several=len(report.sets) > 1)
    yield "</div></div>"
    yield from _examples(lead)


def _about(each: SetReport) -> str:
    """What the score is of, with its interval."""
    score = each.score("score")
    tasks = "1 task" if score.n == 1 else f"{score.n} tasks"
    attempts = "1 attempt" if each.records.attempts == 1 else f"{each.records.attempts} attempts"
    ends = ""
    if score.low is not None and score.high is not None:
        ends = f", {100 * score.low:.1f} to {100 * score.high:.1f} (95 %)"
    return f"<span>score of {escape(each.name)}, within {attempts}, over {tasks}{ends}</span>"


def _bar(each: SetReport, *, several: bool) -> Iterator[str]:
    """What became of a set's outputs: a bar, and its parts by name, each of which shows the tasks behind it."""
    kinds = {kind: count for kind, count in each.records.kinds.items() if count}
    total = sum(kinds.values())
    outputs = "1 output" if total == 1 else f"{total} outputs"
    name = f"{each.letter} · {each.name}: {outputs}" if several else f"What became of {outputs} ({each.protocol})"
    yield f'<p class="small">{escape(name)}</p>'
    yield '<svg class="plot bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
    left = 0.0
    for kind, count in kinds.items():
        wide = 100 * count / total
        yield f'<rect class="{kind}" x="{left:.3f}" y="0" width="{wide:.3f}" height="10"{_chooses(each, kind)}>'
        yield f"<title>{NAMES[kind]}: {count} of {total}</title></rect>"
        left += wide
    yield '</svg><p class="keys">'
    for kind, count in kinds.items():
        yield (
            f'<button type="button" class="key" aria-pressed="false"{_chooses(each, kind)}>'
            '<svg class="plot" viewBox="0 0 10 10" aria-hidden="true">'
            f'<rect class="{kind}" width="10" height="10"/></svg>'
            f"{NAMES[kind]} <b>{count}</b></button>"
        )
    yield "</p>"


def _chooses(each: SetReport, kind: Kind) -> str:
    """The attributes by which the script knows what filter to set."""
    value = "all" if kind is Kind.SOLVED else str(kind)
    return f' data-choose="outcome{each.letter}" data-value="{value}"'


def _examples(each: SetReport) -> Iterator[str]:
    """One output of each kind, the smallest there is, as a link to its task."""
    found = {kind: _smallest(each, kind) for kind, count in each.records.kinds.items() if count}
    cards = [_card(*example, kind, each.records.kinds[kind]) for kind, example in found.items() if example is not None]
    if cards:
        yield f'<div class="examples">{"".join(cards)}</div>'


def _smallest(each: SetReport, kind: Kind) -> tuple[Place, Output, Attempt] | None:
    """A small output of a kind, with the attempt that made it so; None if none is pictured."""
    told = Kind.SOLVED if kind is Kind.LOST_IN_RANKING else kind
    known = [
        (place, output, attempt)
        for place, output in each.records.outputs.items()
        if output.pictures is not None and output.kind(each.records.attempts) is kind
        for _, attempt in sorted(output.pictures.attempts.items())
        if attempt.kind is told
    ]
    return min(known, key=_size, default=None)


def _size(example: tuple[Place, Output, Attempt]) -> tuple[bool, int, Place]:
    """What examples are chosen by: a target of a few cells shows nothing, and of the others the smallest are clear."""
    place, output, attempt = example
    pictures = output.pictures
    packed = [] if pictures is None else [pictures.input, pictures.target, attempt.grid]
    sizes = [len(grid) for grid in packed if grid is not None]
    return min(sizes, default=0) < TELLING, sum(sizes), place


def _card(place: Place, output: Output, attempt: Attempt, kind: Kind, count: int) -> str:
    """An example; its grids stand in its attributes, as text."""
    pictures = output.pictures
    grids = {"input": pictures and pictures.input, "target": pictures and pictures.target, "attempt": attempt.grid}
    held = "".join(f' data-{name}="{packed}"' for name, packed in grids.items() if packed)
    outputs = "1 output" if count == 1 else f"{count} outputs"
    return (
        f'<a class="card" href="#task-{escape(place.task_id, quote=True)}"{held}><b>{NAMES[kind]}</b> {outputs}'
        f'<span class="small">{escape(place.task_id)}</span></a>'
    )
