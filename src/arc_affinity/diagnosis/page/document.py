"""The report as one HTML file that needs nothing else: style, script, figures and grids are all inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from arc_affinity.diagnosis.page.figures import Figure, figures_of, is_binary
from arc_affinity.diagnosis.page.first_screen import first_screen
from arc_affinity.diagnosis.page.tables import (
    agreement_table,
    category_table,
    comparison_table,
    profile_table,
    score_table,
    set_table,
)
from arc_affinity.diagnosis.page.tasks import Shown, data_block, task_section
from arc_affinity.diagnosis.report.numbers import Report
from arc_affinity.diagnosis.report.outputs import DEFINITIONS, NAMES
from arc_affinity.diagnosis.report.words import TOLD, findings, headline
from arc_affinity.drawing.svg import STYLE, standalone
from arc_affinity.files import write_text

NONE = Shown()
"""No pairs."""

SECTIONS: Mapping[str, str] = {
    "scores": "Scores",
    "failures": "What goes wrong",
    "gap": "The compositional gap",
    "categories": "Kinds of reasoning",
    "comparison": "Differences between the sets",
    "curves": "Through training",
    "tasks": "Task by task",
}
"""Headings of the page's sections by their anchors."""


def write_page(path: Path, report: Report, shown: Shown = NONE) -> None:
    """Write the page in one step.

    Args:
        path: the file.
        report: what to say.
        shown: pairs to show with tasks and outputs.

    Raises:
        ArcAffinityError: the file cannot be written.
    """
    write_text(path, page(report, shown))


def write_figures(folder: Path, report: Report) -> tuple[Path, ...]:
    """Write every figure as an SVG file of its own and return the files.

    Raises:
        ArcAffinityError: a file cannot be written.
    """
    paths = []
    for figure in figures_of(report):
        paths.append(folder / f"{figure.name}.svg")
        write_text(paths[-1], standalone(figure.svg))
    return tuple(paths)


def page(report: Report, shown: Shown = NONE) -> str:
    """Return the page's HTML."""
    style, script = _asset("page.css") + STYLE, _asset("page.js")
    title = escape(f"{headline(report)} · {report.dataset}")
    body = "".join(_body(report))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script)}">'
        f"<title>{title}</title><style>{style}</style></head>\n<body>{body}"
        f'<script type="application/json" id="data">{data_block(report, shown)}</script>\n'
        f"<script>{script}</script></body></html>\n"
    )


def policy(script: str) -> str:
    """Return the page's security policy: nothing from anywhere, and no script but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'"
    )


def _body(report: Report) -> Iterator[str]:
    """The parts of the page, from the headline to what it rests on."""
    figures = figures_of(report)
    tasks = "1 task" if len(report.task_ids) == 1 else f"{len(report.task_ids)} tasks"
    yield f'<header><p class="over">Diagnosis · {escape(report.dataset)} · {tasks}</p>'
    yield f"<h1>{escape(headline(report))}</h1>"
    yield from first_screen(report)
    items = "".join(f"<li>{escape(line)}</li>" for line in findings(report))
    yield f'<ul class="findings">{items}</ul>'
    if report.notes:
        notes = "".join(f"<li>{escape(line)}</li>" for line in report.notes)
        yield f'<div class="notice" role="note"><ul>{notes}</ul></div>'
    present = [name for name in SECTIONS if _present(report, name)]
    links = "".join(f'<li><a href="#{name}">{SECTIONS[name]}</a></li>' for name in present)
    # Outside of the header, so that it can stay in sight all the way down.
    yield f'</header><nav aria-label="Sections"><ul>{links}</ul></nav><main>'
    for name in present:
        yield f'<section><h2 id="{name}">{SECTIONS[name]}</h2>'
        yield from _section(report, name, [figure for figure in figures if figure.section == name])
        yield "</section>\n"
    yield f"</main>{_footer(report)}"


def _present(report: Report, name: str) -> bool:
    """Whether the report has anything to say in a section."""
    return {"comparison": bool(report.comparisons), "curves": bool(report.curves)}.get(name, True)


def _section(report: Report, name: str, figures: Sequence[Figure]) -> Iterator[str]:
    """The words, figures and tables of one section."""
    if name == "tasks":
        yield from task_section(report)
        return
    yield from _words(report, name)
    yield f'<div class="figures">{"".join(map(_figure, figures))}</div>' if figures else ""
    if name == "scores":
        yield score_table(report)
    elif name == "gap":
        yield profile_table(report)
    elif name == "categories":
        yield from (category_table(each) for each in report.sets if set(each.gaps) & set(each.categories.values()))
        yield from (agreement_table(each) for each in report.sets if each.agreement is not None)
    elif name == "comparison":
        yield comparison_table(report)


def _words(report: Report, name: str) -> Iterator[str]:
    """What a reader needs to know before a section's figures."""
    if name == "scores":
        used = dict.fromkeys(each.protocol for each in report.sets)
        told = "".join(f"<dt><code>{protocol}</code></dt><dd>{TOLD[protocol]}</dd>" for protocol in used)
        yield f"<p>A number means little without its protocol, which says what the model was told:</p><dl>{told}</dl>"
        yield set_table(report)
    elif name == "failures":
        defined = "".join(f"<dt>{NAMES[kind]}</dt><dd>{words}</dd>" for kind, words in DEFINITIONS.items())
        yield f"<details><summary>How the kinds are told apart</summary><dl>{defined}</dl></details>"
    elif name == "gap":
        yield (
            "<p>A task in the gap has most cells right and hardly a grid. Three things cause that: parts of a rule "
            "that are not put together, a protocol under which errors do not spread, and arithmetic (150 cells right "
            "with 0.99 each make a right grid in 22 % of cases). The share alone does not tell them apart.</p>"
        )
        if any(is_binary(each.accuracies) for each in report.sets):
            yield (
                "<p>Where every task has one test output, its grid is right or wrong as a whole: a plot of cells "
                "against grids would be two lines, and is left out.</p>"
            )
    elif name == "categories":
        origin = f"here they come from {escape(report.category_source)}" if report.categories else "none is known here"
        yield f"<p>Categories and their affinity are those of arXiv 2512.07109; {origin}.</p>"
    elif name == "comparison":
        yield (
            "<p>Only tasks that both sets have are compared, each with itself. p is of a sign-flip test, adjusted for "
            "the number of comparisons (Benjamini and Hochberg).</p>"
        )


def _figure(figure: Figure) -> str:
    return (
        f'<figure id="figure-{figure.name}">{figure.svg}<figcaption><b>{escape(figure.title)}</b>'
        f"{escape(figure.definition)}</figcaption></figure>"
    )


def _footer(report: Report) -> str:
    """What the page rests on."""
    sources = "; ".join(f"{each.letter} {each.records.source}" for each in report.sets)
    return (
        f"<footer><p>Made from: {escape(sources)}. Intervals are of 95 %: Wilson's for shares, BCa bootstrap over "
        "tasks for means. Values of attempt 1 unless said otherwise. The same numbers are in the JSON document beside "
        "this page. It loads nothing from the network.</p></footer>"
    )


def _asset(name: str) -> str:
    """A file beside this one."""
    return files("arc_affinity.diagnosis.page").joinpath(name).read_text(encoding="utf-8")
