"""``arc-affinity diagnose``: records or submissions in, a report out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_folder, check_outputs, say_replaced, words_beside
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.datasets.registry import DATASETS, KAGGLE, RE_ARC, files_of
from arc_affinity.diagnosis.page.document import write_figures
from arc_affinity.diagnosis.page.tasks import Shown
from arc_affinity.diagnosis.report.outputs import Collector, RecordSet, pack
from arc_affinity.documents import read_lines
from arc_affinity.errors import ArcAffinityError, UsageError, listing, os_errors
from arc_affinity.evaluation.questions import questions_of
from arc_affinity.evaluation.reading import Reading, answered_in, is_records
from arc_affinity.evaluation.records.record import Record, name_in_records
from arc_affinity.files import is_stream, write_text
from arc_affinity.notebook.diagnosing import Diagnosis, report_on
from arc_affinity.text import printable
from arc_affinity.types import Task

EXAMPLES = 4
"""Pairs of a task in an example store that a page shows."""

OF_A_STORE = "Examples of this task; each is asked with others of them beside it, drawn anew, which records do not tell"
"""What the page says of them."""

BEGINS = b'{\n "schema"'
"""How a report's numbers begin in a file."""

COUNTED = 1000
"""Records between two words of progress."""

Answered = Mapping[str | None, set[str]]
"""Ids of the tasks that records answer, by the edition that they name."""

Tell = Callable[[str], None]
"""Told of what is being done."""


def diagnose(
    *records: Path,
    out: Path = Path("report.html"),
    name: tuple[str, ...] = (),
    dataset: str | None = None,
    tasks: tuple[str, ...] = (),
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    attempts: Annotated[int, Parameter(validator=Number(gte=1))] = 2,
    categories: Path | None = None,
    figures: Path | None = None,
    allow_missing: bool = False,
    strict: bool = False,
    json: bool = False,
) -> None:
    """Find out what a model cannot do.

    Writes one HTML page that needs nothing else, and the same numbers as JSON beside it. Several files, or several
    models and protocols in one, stand side by side, with the differences on the same tasks.

    Args:
        records: Records (JSON lines, gzip or not), or submissions by any solver.
        out: The page; the numbers go beside it, with the ending .json, but not beside a device or a pipe.
        name: What the solver of each file is called, in their order, in place of what records say; a submission is
            called by its file unless given.
        dataset: Whose tasks to count; those without attempts count 0. Submissions need it. Without it the tasks are
            those that the records hold, and their demonstrations come from the dataset that the records name.
        tasks: Ids of the tasks that count, or files of ids; all unless given.
        data_dir: Folder with the datasets that are not installed.
        attempts: How many ranked attempts count; 1 needs no second one.
        categories: JSON file of the tasks' categories by id, as classify writes it. Without it they are the
            published ones, come from the code of the tasks' generators, or from their demonstrations where there is
            neither.
        figures: Folder for every figure as an SVG file of its own.
        allow_missing: Let a submission lack tasks, which count 0.
        strict: Refuse a submission with attempts that are no grid; otherwise they count as wrong.
        json: Print the numbers and nothing else.
    """
    if not records:
        raise UsageError("name at least one file of records or a submission")
    if out.suffix == ".json":
        raise UsageError(f"--out names the page, and the numbers go beside it: {out} would be both")
    called = _called(records, name)
    read = [*records, categories, *map(Path, tasks), *([] if dataset is None else files_of(dataset, data_dir))]
    # Beside a device or a pipe is no place of the user's.
    beside = None if is_stream(out) else out.with_suffix(".json")
    # Which figures there will be is not known yet: any that is there may be written over, and one of the page's name.
    drawn_over = set() if figures is None else {figures / out.name, *figures.glob("*.svg")}
    check_outputs([out, beside, *(path for path in drawn_over if path.suffix == ".svg")], read, replaced=())
    _keep_others(beside)
    say_replaced([out, beside])
    check_folder(figures)
    reading = Reading(dataset, data_dir, tasks, attempts, allow_missing, strict)
    with Bar("Diagnosing", unit="records") as bar:

        def tell(words: str) -> None:
            bar.at(0, 0, words=f"Diagnosing: {words}")

        made = _diagnose(records, called, reading, categories, tell, bar)
        tell(f"writing {out}")
        made.save(out)
        if beside is not None:
            write_text(beside, made.to_json())
        drawn = () if figures is None else write_figures(figures, made.report)
    if json:
        print(made.to_json(), end="")
        return
    console = Console(highlight=False)
    with words_beside(out):
        for line in (made.headline, *made.findings, *made.report.notes):
            console.print(line, soft_wrap=True, markup=False)
        say_path(console, "page: ", out, "" if beside is None else f"; numbers: {beside}")
        if drawn:
            say_path(console, f"figures: {len(drawn)} in ", figures or "")


def _keep_others(beside: Path | None) -> None:
    """Refuse to write the numbers over what is no report's: a submission may well be called like the page.

    Raises:
        ArcAffinityError: the file is there, and does not begin as a report's numbers do.
    """
    if beside is None or not beside.is_file():
        return
    with os_errors(f"cannot read {beside}"), beside.open("rb") as file:
        begins = file.read(len(BEGINS))
    if begins and begins != BEGINS:
        raise ArcAffinityError(f"{beside}, where the numbers go, is no report; give --out another name")


def _diagnose(
    paths: Sequence[Path],
    names: Sequence[tuple[str | None, str]],
    reading: Reading,
    categories: Path | None,
    tell: Tell,
    bar: Bar,
) -> Diagnosis:
    collector = Collector(reading.attempts)
    for path, (name, file_name) in zip(paths, names, strict=True):
        collector.add(_counted(reading.records(path, name, file_name), path, bar), printable(str(path)))
    sets = collector.sets(reading.questions if reading.dataset else lambda _: {})
    # Records may name the edition of all tasks in their file, of which some were chosen.
    answered = answered_in(paths) if reading.named and not reading.dataset else {}
    if reading.dataset:
        tasks, notes = reading.tasks, _editions(sets, reading, answered)
    else:
        tasks, notes = _named_by(sets, reading, answered)
    shown = (
        Shown({task.id: task.train[:EXAMPLES] for task in tasks}, title=OF_A_STORE)
        if reading.store
        else Shown({task.id: task.train for task in tasks})
    )
    return report_on(sets, tasks, shown, categories, notes=notes, tell=tell)


def _counted(records: Iterable[Record], path: Path, bar: Bar) -> Iterator[Record]:
    """The same records, told how many there were of how many; a submission is read at once and has no such number."""
    # Lines are counted a hundred times as fast as records are read.
    total = sum(1 for _ in read_lines(path)) if is_records(path) else 0
    for number, record in enumerate(records):
        if number % COUNTED == 0:
            bar.at(number, total, words=f"Diagnosing {path}")
        yield record


def _called(paths: Sequence[Path], names: Sequence[str]) -> list[tuple[str | None, str]]:
    """What the solver of each file is called, if the user says so, and by its file if not.

    Files of one name, as every solver's submission.json, are told apart by as many folders before it as it takes.
    """
    if names and len(names) != len(paths):
        raise UsageError(f"--name has {len(names)} names for {len(paths)} files; give one for each, in order")
    with wrong_usage():
        given: Sequence[str | None] = [name_in_records(each, "--name") for each in names] or [None] * len(paths)
    parts = [(path.parent / path.stem).parts for path in paths]
    by_file = [["/".join(each[-depth:]) for each in parts] for depth in range(1, max(map(len, parts)) + 1)]
    apart = next((each for each in by_file if len(set(each)) == len(each)), by_file[-1])
    return list(zip(given, map(printable, apart), strict=True))


def _editions(sets: Sequence[RecordSet], known: Reading, answered: Answered) -> list[str]:
    """What is to be said of the editions that records name, held against the dataset's where it is known."""
    named = {
        (each.subject.dataset_name, each.subject.edition): answered.get(each.subject.edition)
        or {place[0] for place, output in each.outputs.items() if output.kinds}
        for each in sets
    }
    return [f"{note[:1].upper()}{note[1:]}." for note in known.edition_notes(named)]


def _named_by(sets: Sequence[RecordSet], reading: Reading, answered: Answered) -> tuple[Sequence[Task], list[str]]:
    """The tasks of the dataset that records name, without those whose tests are others, and what to say.

    A name that came with the records is no path to follow: only registered ones are looked up.
    """
    name = sets[0].subject.dataset_name
    without = "The page shows no demonstrations: "
    if name == RE_ARC:
        return (), [f"{without}the examples were made by {RE_ARC}'s generators.", *_editions(sets, reading, answered)]
    if name not in (*DATASETS, *KAGGLE):
        noted = f"{without}{name!r:.80} is no dataset's name; --dataset names where they are."
        return (), [noted, *_editions(sets, reading, answered)]
    known = Reading(name, reading.data_dir)
    try:
        tasks = known.tasks
    except ArcAffinityError as error:
        return (), [f"{without}{error}; --dataset names where they are.", *_editions(sets, reading, answered)]
    tests = {place: pack(pair.input) for place, pair in questions_of(tasks).items()}
    pictured = ((place, output.pictures) for each in sets for place, output in each.outputs.items())
    others = {place[0] for place, seen in pictured if seen and tests.get(place) != seen.input}
    asked = {task_id for each in sets for task_id in each.tasks}
    words = f"The dataset that the records name has other tests now: {listing('tasks', sorted(others))}."
    notes = [words] if others else []
    return [task for task in tasks if task.id in asked - others], [*notes, *_editions(sets, known, answered)]
