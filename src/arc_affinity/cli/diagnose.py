"""``arc-affinity diagnose``: records or submissions in, a report out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_folder, check_outputs
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.cli.reading import Reading
from arc_affinity.data.datasets.registry import DATASETS, files_of, load_tasks
from arc_affinity.data.store.examples import MANIFEST
from arc_affinity.diagnosis.page.document import write_figures, write_page
from arc_affinity.diagnosis.page.tasks import Shown
from arc_affinity.diagnosis.report.document import report_json
from arc_affinity.diagnosis.report.numbers import Report, build_report
from arc_affinity.diagnosis.report.outputs import Collector, Place, RecordSet, pack
from arc_affinity.diagnosis.report.words import findings, headline
from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.evaluation.questions import check_belongs, questions_of
from arc_affinity.evaluation.records.record import Origin, Record, holds_records, iter_records, make_record, solver_name
from arc_affinity.evaluation.scoring.metrics import Metrics, Protocol, measure
from arc_affinity.evaluation.submission import read_given, read_submission, result_files
from arc_affinity.files import is_stream, write_text
from arc_affinity.taxonomy.labels import find_categories
from arc_affinity.text import printable
from arc_affinity.types import Example, Pair, Task

EXAMPLES = 4
"""Pairs of a task in an example store that a page shows."""

OF_A_STORE = "Examples of this task; each is asked with others of them beside it, drawn anew, which records do not tell"
"""What the page says of them."""

COUNTED = 1000
"""Records between two words of progress."""


@dataclass(frozen=True)
class Given:
    """The dataset that the records are of: its tasks, or why there are none.

    ``named`` says that the user named it, so that all of its outputs count, or those of the tasks in ``only`` where
    there are any; ``store`` that its examples are not tests of tasks.
    """

    tasks: Sequence[Task]
    named: bool
    store: bool = False
    missing: str = ""
    only: frozenset[str] = frozenset()

    @property
    def counting(self) -> Sequence[Task]:
        """The tasks whose outputs count."""
        return [task for task in self.tasks if not self.only or task.id in self.only]


@dataclass(frozen=True)
class Source:
    """A file of records or a submission: what its solver is called, if the user says so, and by its file if not."""

    path: Path
    name: str | None
    file_name: str


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
        categories: JSON file of the tasks' categories by id, as classify writes it. Without it they come from the
            code of the tasks' generators, and from their demonstrations where there is no code.
        figures: Folder for every figure as an SVG file of its own.
        allow_missing: Let a submission lack tasks, which count 0.
        strict: Refuse a submission with attempts that are no grid; otherwise they count as wrong.
        json: Print the numbers and nothing else.
    """
    if not records:
        raise ArcAffinityError("name at least one file of records or a submission")
    if out.suffix == ".json":
        raise ArcAffinityError(f"--out names the page, and the numbers go beside it: {out} would be both")
    read = [*records, categories, *([] if dataset is None else files_of(dataset, data_dir))]
    # Beside a device or a pipe is no place of the user's.
    beside = None if is_stream(out) else out.with_suffix(".json")
    check_outputs([out, beside], read)
    check_folder(figures)
    reading = Reading(dataset, data_dir, tasks, attempts, allow_missing, strict)
    with Bar("Diagnosing") as bar:

        def tell(words: str) -> None:
            bar.at(0, words=f"Diagnosing: {words}")

        report, given = _diagnose(_called(records, name), reading, categories, tell)
        tell(f"writing {out}")
        numbers = write_report(out, report, _shown(given))
        drawn = () if figures is None else write_figures(figures, report)
    if json:
        print(numbers, end="")
        return
    console = Console(highlight=False)
    for line in (headline(report), *findings(report), *report.notes):
        console.print(line, soft_wrap=True, markup=False)
    say_path(console, "page: ", out, "" if beside is None else f"; numbers: {beside}")
    if drawn:
        say_path(console, f"figures: {len(drawn)} in ", figures or "")


Tell = Callable[[str], None]
"""Told of what is being done."""


def _counted(records: Iterable[Record], path: Path, tell: Tell) -> Iterator[Record]:
    """The same records, told how many there were."""
    for number, record in enumerate(records):
        if number % COUNTED == 0:
            tell(f"{number:,} records of {path}")
        yield record


def write_report(out: Path, report: Report, shown: Shown) -> str:
    """Write the page with the pairs that are ``shown``, and the numbers beside it, which are returned."""
    numbers = report_json(report)
    write_page(out, report, shown)
    if not is_stream(out):
        write_text(out.with_suffix(".json"), numbers)
    return numbers


def _diagnose(sources: Sequence[Source], reading: Reading, categories: Path | None, tell: Tell) -> tuple[Report, Given]:
    """Read everything and work the numbers out."""
    given = _given(reading)
    collector = Collector(reading.attempts)
    for each in sources:
        collector.add(_counted(_records(each, given, reading), each.path, tell), str(each.path))
    sets = collector.sets(_expected(given))
    if given is None:
        given = _matching(_named_by(sets[0], reading.data_dir), sets)
    ids = {task_id for each in sets for task_id in each.tasks}
    tell(f"categories of {len(ids):,} tasks")
    labels = find_categories(ids, given.tasks, categories, tell)
    notes = [note for note in (given.missing, *labels.notes) if note]
    tell(f"intervals and tests over {len(ids):,} tasks")
    return build_report(sets, labels.by_task, labels.source, notes), given


def _given(reading: Reading) -> Given | None:
    """The dataset that the user named, if one."""
    if reading.dataset is None:
        return None
    whole = load_tasks(reading.dataset, reading.data_dir)
    return Given(whole, True, _is_store(reading.dataset), only=reading.only(task.id for task in whole))


def _records(source: Source, given: Given | None, reading: Reading) -> Iterable[Record]:
    """The records in a file, held against the dataset where the user named one; a submission's as records."""
    path = source.path
    if not path.is_dir() and holds_records(path):
        rows = _renamed(iter_records(path), source.name)
        if given is None:
            return _only(rows, reading)
        rows = rows if not given.only else (row for row in rows if row.task_id in given.only)
        return rows if given.store else _checked(rows, questions_of(given.counting), reading.dataset or "")
    if path.is_dir():
        result_files(path)
    elif not path.read_bytes().strip():
        raise ArcAffinityError(f"{path}: the file is empty; no records to read")
    if given is None:
        raise ArcAffinityError(f"{path} holds no records; a submission names no dataset, so give --dataset")
    return _of_submission(source, given, reading)


def _called(paths: Sequence[Path], names: Sequence[str]) -> list[Source]:
    """The files with what their solvers are called.

    Files of one name, as every solver's submission.json, are told apart by as many folders before it as it takes.
    """
    if names and len(names) != len(paths):
        raise ArcAffinityError(f"--name has {len(names)} names for {len(paths)} files; give one for each, in order")
    names = [solver_name(each, "--name") for each in names]
    parts = [(path.parent / path.stem).parts for path in paths]
    depths = range(1, max(map(len, parts)) + 1)
    by_file = [["/".join(each[-depth:]) for each in parts] for depth in depths]
    apart = next((each for each in by_file if len(set(each)) == len(each)), by_file[-1])
    return [Source(path, names[place] if names else None, printable(apart[place])) for place, path in enumerate(paths)]


def _renamed(records: Iterable[Record], name: str | None) -> Iterator[Record]:
    """The records, as of a model with this name where there is one."""
    for record in records:
        yield record if name is None else replace(record, model=name)


def _only(records: Iterable[Record], reading: Reading) -> Iterable[Record]:
    """The records of the tasks that the user named, or all; without a dataset there are the records' tasks alone."""
    if not reading.tasks:
        return records
    rows = list(records)
    only = reading.only(row.task_id for row in rows)
    return [row for row in rows if row.task_id in only]


def _checked(records: Iterable[Record], questions: Mapping[tuple[str, int], Pair], dataset: str) -> Iterator[Record]:
    """Yield records that belong to the dataset, under its name, measured by its target where theirs is withheld."""
    for record in records:
        check_belongs(record, questions)
        target = questions[record.task_id, record.test_index].output
        if record.target is None and target is not None:
            metrics = asdict(measure(record.prediction, record.input, target))
            yield replace(record, dataset=dataset, target=target, **metrics)
        else:
            yield record if record.dataset == dataset else replace(record, dataset=dataset)


def _of_submission(source: Source, given: Given, reading: Reading) -> Iterator[Record]:
    """Yield the attempts of a submission as records of a model with the source's name."""
    files = result_files(source.path) if source.path.is_dir() else [source.path]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    origin = Origin(source.name or source.file_name, digest, reading.dataset or "", Protocol.ARC_PRIZE, seed=0)
    by_id = {task.id: task for task in given.tasks}
    read = read_submission if reading.strict else read_given
    for task_id, answers in read(source.path, reading.asked(given.tasks, given.only)).items():
        for index, (pair, answer) in enumerate(zip(by_id[task_id].test, answers, strict=True)):
            example = Example(task_id, index, pair, ())
            for number, grid in enumerate(answer, 1):
                yield make_record(origin, example, number, grid)


def _expected(given: Given | None) -> dict[Place, Metrics]:
    """The outputs of a dataset that the user named, with the metrics of no grid."""
    if given is None or given.store:
        return {}
    places = questions_of(given.counting).items()
    return {Place(*place): measure(None, pair.input, pair.output) for place, pair in places}


def _named_by(records: RecordSet, data_dir: Path | None) -> Given:
    """The dataset that records name, if it is here."""
    name = records.subject.dataset
    if name not in DATASETS:
        # A name that came with the records is no path to follow.
        told = f"The page shows no demonstrations: {name!r:.80} is no dataset's name; --dataset names where they are."
        return Given((), False, False, told)
    try:
        return Given(load_tasks(name, data_dir), False, _is_store(name))
    except ArcAffinityError as error:
        return Given((), False, False, f"The page shows no demonstrations: {error}; --dataset names where they are.")


def _matching(given: Given, sets: Sequence[RecordSet]) -> Given:
    """Leave out tasks that are not asked, and those whose tests are others than the records'."""
    if given.store or not given.tasks:
        return given
    tests = {Place(task.id, i): pack(pair.input) for task in given.tasks for i, pair in enumerate(task.test)}
    pictured = ((place, output.pictures) for each in sets for place, output in each.outputs.items())
    others = {place.task_id for place, known in pictured if known and tests.get(place) != known.input}
    asked = {task_id for each in sets for task_id in each.tasks}
    tasks = tuple(task for task in given.tasks if task.id in asked - others)
    words = f"The dataset that the records name has other tests now: {listing('tasks', sorted(others))}."
    return replace(given, tasks=tasks, missing=words if others else "")


def _shown(given: Given) -> Shown:
    """The pairs that the page shows: a task's demonstrations, or some examples of a store and what they are."""
    if given.store:
        return Shown({task.id: task.train[:EXAMPLES] for task in given.tasks}, title=OF_A_STORE)
    return Shown({task.id: task.train for task in given.tasks})


def _is_store(name: str) -> bool:
    """Whether this is a store of examples, which have no tests."""
    return name.endswith(".npz") or (Path(name) / MANIFEST).is_file()
