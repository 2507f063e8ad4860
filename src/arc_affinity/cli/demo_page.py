"""The demo's page: one self-contained HTML file of scores and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from arc_affinity.data.pictures import grid_svg, wrong_cells
from arc_affinity.evaluation.records import Record
from arc_affinity.evaluation.scoring import Mean, Score
from arc_affinity.files import write_text
from arc_affinity.models.storage import LoadedModel
from arc_affinity.types import Grid

STYLE = """
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #b3261e }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { padding: .2rem .8rem; border-bottom: 1px solid var(--line) }
td { text-align: right } td:first-child, th { text-align: left }
.scroll { overflow-x: auto }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; margin: 1rem 0 }
article h3 { margin: 0 0 .5rem; font-size: 1rem } .grids { display: flex; flex-wrap: wrap; gap: 1.2rem }
figure { margin: 0 } figcaption { font-size: .85rem } svg { max-width: 100%; height: auto }
.exact { color: var(--good) } .wrong { color: var(--bad) }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #ff8a80 } }
"""


@dataclass(frozen=True)
class Chapter:
    """One dataset's part of the page."""

    title: str
    records: Sequence[Record]
    score: Score


def write_page(path: Path, loaded: LoadedModel, chapters: Sequence[Chapter]) -> Path:
    """Write the page and return its path."""
    body = "".join(part for chapter in chapters for part in _chapter(chapter))
    write_text(
        path,
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>arc-affinity demo</title><style>{STYLE}</style>"
        f"<h1>arc-affinity demo</h1><p>Model {escape(loaded.name)} ({loaded.digest}), "
        f"{loaded.model.parameter_count():,} parameters. Crossed cells are wrong.</p>{body}</html>\n",
    )
    return path


def _chapter(chapter: Chapter) -> Iterator[str]:
    protocol = chapter.score.subject.protocol
    yield f"<h2>{escape(chapter.title)}</h2><p>Protocol {protocol}, {chapter.score.attempts} attempts.</p>"
    head = "<tr><th>task<th>outputs<th>exact, %<th>cells, %<th>size, %</tr>"
    yield f"<div class=scroll><table><thead>{head}</thead>"
    for task, outputs in chapter.score.by_task.items():
        own = chapter.score.only(task)
        yield f"<tr><td>{task}<td>{len(outputs)}{_figures(own)}</tr>"
    yield f"<tr><td>mean of tasks<td>{len(chapter.score.outputs)}{_figures(chapter.score)}</tr></table></div>"
    for _, group in groupby(chapter.records, key=lambda record: (record.task_id, record.test_index)):
        yield _question(list(group))


def _figures(score: Score) -> str:
    return "".join(f"<td>{_percent(m)}" for m in (score.solved, score.cell_accuracy, score.size_accuracy))


def _percent(mean: Mean) -> str:
    return "undefined" if mean.over_tasks is None else f"{100 * mean.over_tasks:.1f}"


def _question(attempts: Sequence[Record]) -> str:
    first = attempts[0]
    solved = any(record.exact for record in attempts)
    verdict = '<span class="exact">solved</span>' if solved else '<span class="wrong">not solved</span>'
    figures = [_figure("input", first.input), _figure("target", first.target)]
    figures += [_attempt(record) for record in attempts]
    return f"<article><h3>{first.task_id}, {verdict}</h3><div class=grids>{''.join(figures)}</div></article>"


def _attempt(record: Record) -> str:
    if record.prediction is None:
        return f"<figure><figcaption>attempt {record.attempt}: no grid</figcaption></figure>"
    wrong = None if record.target is None else wrong_cells(record.prediction, record.target)
    svg = grid_svg(record.prediction, wrong=wrong, title=f"attempt {record.attempt}")
    return f"<figure>{svg}<figcaption>attempt {record.attempt}</figcaption></figure>"


def _figure(name: str, grid: Grid | None) -> str:
    if grid is None:
        return ""
    return f"<figure>{grid_svg(grid, title=name)}<figcaption>{name}</figcaption></figure>"
