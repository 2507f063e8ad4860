"""Records: one self-describing row an attempt, from which scores and reports are rebuilt."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_type_hints

import numpy as np
from msgspec import Meta

from arc_affinity import documents
from arc_affinity.data.datasets.registry import parse_grid
from arc_affinity.documents import Count, Seconds, Seed, Share, read_lines
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.evaluation.scoring.metrics import Metrics, Protocol, measure
from arc_affinity.files import is_stream, replacing
from arc_affinity.types import Example, Grid

SCHEMA = 1
"""Version of the layout of a record; a reader refuses any other."""


LogLikelihood = Annotated[float, Meta(ge=-sys.float_info.max, le=1e-6)]
"""The logarithm of a probability is at most 0; rounding may leave a little more."""
Text = Annotated[
    str, Meta(min_length=1, max_length=4096, pattern=r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+\Z")
]
"""A name: no characters that steer a terminal, and none that XML forbids."""
Try = Annotated[int, Meta(ge=1, le=1000)]
"""The place of an attempt: whoever scores looks at all the places before it too."""

Id = Annotated[str, Meta(pattern=documents.WHOLE_ID)]


Exposure = Literal["transductive", "inductive"]
EXPOSURES: tuple[Exposure, ...] = get_args(Exposure)
Source = Literal["network", "search"]
Sources = Literal["network", "search", "both"]


@dataclass(frozen=True)
class Origin:
    """What all records of one evaluation share.

    ``model_digest`` identifies the weights that answered, adapters included (of a set of specialists, all of them);
    ``adapter`` names those laid over ``model``, and ``epoch`` says when in training they were taken. ``exposure`` says
    whether the weights were trained on the tasks' own demonstrations ("transductive") or never saw the tasks
    ("inductive"), ``edition`` is the dataset's content (`edition_of`).
    """

    model: Text
    model_digest: str
    dataset: Text
    protocol: Protocol
    seed: int
    adapter: Text | None = None
    epoch: int | None = None
    exposure: Exposure | None = None
    edition: str | None = None

    def __post_init__(self) -> None:
        # Before any work: a folder or a file may be called what no record may hold.
        documents.check_fields(self, "records: ")


def exposure_of(told: Collection[Exposure | None]) -> Exposure | None:
    """Return what records together say of what their weights were trained on: "transductive" where any does."""
    return next((each for each in EXPOSURES if each in told), None)


CONTEXT = "?context="
"""Stands in records between a dataset's name and how demonstrations were chosen from it, unless they were drawn."""


def dataset_and_context(named: str) -> tuple[str, str]:
    """Return a dataset's name, as records have it, without how demonstrations were chosen; and that ("" if drawn)."""
    dataset, _, context = named.partition(CONTEXT)
    return dataset, context


Place = tuple[str, int]
"""A test output: its task's id and its index there."""


# Comparing records would compare arrays cell by cell, so equality is identity; compare `key` or `to_json()`.
@dataclass(frozen=True, eq=False)
class Record:
    """One attempt at one test output.

    ``test_index`` is the output's place among its task's tests, or the example's in its store; ``attempt``
    counts from 1. ``target`` is None where withheld (and then so are the metrics), ``prediction`` where the
    model gave no grid; the metrics are those of :mod:`arc_affinity.evaluation.scoring.metrics`. ``log_likelihood`` is
    in nats, ``votes`` of ``views`` augmented views gave this grid, ``seconds`` is the time for the attempt. ``source``
    says what made the attempt and ``program`` how, in words, where it was a search. The last four fields may be missing
    in a file: records written before there were such hold None.
    """

    model: Text
    model_digest: Text
    dataset: Text
    task_id: Id
    test_index: Count
    attempt: Try
    protocol: Protocol
    input: Grid
    target: Grid | None
    prediction: Grid | None
    exact: bool | None
    cell_accuracy: Share | None
    size_match: bool | None
    copy_accuracy: Share | None
    change_accuracy: Share | None
    log_likelihood: LogLikelihood | None
    votes: Count | None
    views: Count | None
    seed: Seed
    seconds: Seconds | None
    adapter: Text | None
    epoch: Count | None
    exposure: Exposure | None = None
    edition: Text | None = None
    source: Source | None = None
    program: Text | None = None

    @property
    def key(self) -> RecordKey:
        """What no two records of a file may share."""
        return RecordKey(*(getattr(self, name) for name in RecordKey._fields))

    @property
    def metrics(self) -> Metrics:
        """The five metrics together."""
        return Metrics(self.exact, self.cell_accuracy, self.size_match, self.copy_accuracy, self.change_accuracy)

    def to_json(self) -> dict[str, object]:
        """Return the row as plain JSON values, the schema's version first."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
        return {"schema": SCHEMA, **plain}


class RecordKey(NamedTuple):
    """The identity of a record."""

    dataset: str
    task_id: str
    test_index: int
    attempt: int
    protocol: Protocol
    model: str
    model_digest: str
    adapter: str | None


FIELDS = {field.name: field for field in fields(Record)}
REQUIRED = tuple(name for name, field in FIELDS.items() if field.default is MISSING)
GRIDS = ("input", "target", "prediction")

_KINDS = get_type_hints(Record, include_extras=True) | {"protocol": Text}
_Row = make_dataclass(
    "_Row",
    [
        (name, _KINDS[name], *(() if field.default is MISSING else (field.default,)))
        for name, field in FIELDS.items()
        if name not in GRIDS
    ],
)
"""The fields of a record as JSON has them, but for its grids."""

_RECORDS = re.compile(rb'"(schema|settings)"\s*:')


def name_in_records(name: str, where: str) -> str:
    """Return ``name`` if a record may call a model or a dataset so.

    Raises:
        ArcAffinityError: it is empty, too long, or has characters that steer a terminal or that XML forbids.
    """
    found: str = documents.fit(name, Text, where)
    return found


def make_record(
    origin: Origin,
    example: Example,
    attempt: int,
    prediction: Grid | None,
    *,
    log_likelihood: float | None = None,
    votes: int | None = None,
    views: int | None = None,
    seconds: float | None = None,
    source: Source | None = None,
    program: str | None = None,
) -> Record:
    """Join an attempt (from 1) at ``example`` with its target and measure it.

    Raises:
        ArcAffinityError: a number is not finite, which JSON cannot hold, or ``attempt`` is below 1.
    """
    where = f"record of task {example.task_id} output {example.index} attempt {attempt}"
    query, target = example.query.input, example.query.output
    _check_votes(votes, views, where)
    for name in ("model", "model_digest", "dataset", "adapter"):
        documents.fit(getattr(origin, name), Text | None, f"{where}: {name}")
    return Record(
        task_id=example.task_id,
        test_index=example.index,
        attempt=documents.fit(attempt, Try, f"{where}: attempt"),
        input=query,
        target=target,
        prediction=prediction,
        log_likelihood=documents.fit(log_likelihood, LogLikelihood | None, f"{where}: log_likelihood"),
        votes=votes,
        views=views,
        seconds=documents.fit(seconds, Seconds | None, f"{where}: seconds"),
        source=source,
        program=program,
        **asdict(origin),
        **asdict(measure(prediction, query, target)),
    )


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write ``records`` as JSON lines in one step; gzip, with repeatable bytes, if the name ends in ``.gz``.

    Raises:
        ArcAffinityError: there is no record, two are the same attempt, or ``path`` cannot be written; a file
            already there is untouched.
    """
    seen: set[RecordKey] = set()
    with replacing(path) as aside, writing(aside, compress=path.suffix == ".gz") as file:
        for record in records:
            if record.key in seen:
                raise ArcAffinityError(f"cannot write {path}: {_duplicate(record)}")
            seen.add(record.key)
            file.write(encode_row(record.to_json()))
        if not seen:
            raise ArcAffinityError(f"cannot write {path}: there are no records")


def iter_records(path: Path) -> Iterator[Record]:
    """Yield what :func:`write_records` wrote, one at a time, so that a million rows need no million grids.

    Nothing is believed: metrics are checked against the grids.

    Raises:
        ArcAffinityError: naming the file and line that is not JSON, lacks a field, has an unknown one or a
            bad value, contradicts itself or repeats an attempt; or the file is empty, damaged or cut short.
    """
    first: dict[RecordKey, int] = {}
    for number, line in read_lines(path):
        where = f"{path}:{number}"
        record = parse_record(decode_row(line, where), where)
        if record.key in first:
            raise ArcAffinityError(f"{where}: {_duplicate(record)}, first on line {first[record.key]}")
        first[record.key] = number
        yield record
    if not first:
        raise ArcAffinityError(f"{path}: the file is empty; no records to read")


def read_records(path: Path) -> list[Record]:
    """Return all that :func:`iter_records` yields; it raises what that raises."""
    return list(iter_records(path))


def holds_records(path: Path) -> bool:
    """Whether the file looks like records, finished or not, rather than a submission.

    Raises:
        ArcAffinityError: it cannot be read.
    """
    # /dev/stdin of a file is a stream to writers, but can be read from its beginning again and again.
    if is_stream(path) and not path.is_file():
        raise ArcAffinityError(f"{path} is a pipe or a device, which can be read only once; save it as a file first")
    line = next((line for _, line in read_lines(path) if line.strip()), b"")
    return _RECORDS.search(documents.text_of(line, str(path)).encode()) is not None


def encode_row(row: Mapping[str, object]) -> bytes:
    """Return one compact JSON line."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_row(line: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object on ``line``.

    Raises:
        ArcAffinityError: it is none; the message begins with ``where``.
    """
    if not line.strip():
        raise ArcAffinityError(f"{where}: the line is empty, not JSON")
    return documents.object_of(documents.decode(line, where), where)


@contextlib.contextmanager
def writing(path: Path, *, compress: bool) -> Iterator[io.BufferedWriter | gzip.GzipFile]:
    """Open ``path`` for bytes; gzip without name or time, so that equal content gives equal bytes."""
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(path.open("wb"))
        if compress:
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)
            yield stack.enter_context(packed)
        else:
            yield raw


def parse_record(row: object, where: str) -> Record:
    """Return the record that a JSON value holds, its metrics checked against its grids.

    Raises:
        ArcAffinityError: it is none; the message begins with ``where``.
    """
    row = documents.object_of(row, where)
    if "settings" in row:
        raise ArcAffinityError(f"{where}: the prediction is unfinished; the same command resumes it")
    if row.get("schema") != SCHEMA:
        raise ArcAffinityError(f"{where}: schema must be {SCHEMA}, not {documents.shown(row.get('schema'))}")
    missing = [name for name in REQUIRED if name not in row]
    if missing:
        raise ArcAffinityError(f"{where}: no field {', '.join(missing)}")
    for name in row.keys() - FIELDS.keys() - {"schema"}:
        raise ArcAffinityError(f"{where}: {unknown('field', name, FIELDS)}")
    plain = documents.fit(row, _Row, where)
    grids = {
        name: row[name] if row[name] is None and name != "input" else parse_grid(row[name], f"{where}: {name}")
        for name in GRIDS
    }
    values = {name: getattr(plain, name) for name in FIELDS if name not in GRIDS}
    # One string for all rows that name the same model, dataset or task.
    shared = {name: sys.intern(value) for name, value in values.items() if type(value) is str}
    try:
        protocol = Protocol.named(plain.protocol)
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{where}: protocol: {error}") from error
    record = Record(**{**values, **shared, **grids, "protocol": protocol})
    _check_votes(record.votes, record.views, where)
    right = asdict(measure(record.prediction, record.input, record.target))
    for name, stored in asdict(record.metrics).items():
        known = stored is not None and right[name] is not None
        # Other tools may print fewer digits.
        same = math.isclose(stored, right[name], abs_tol=1e-6) if known else stored is right[name]
        if not same:
            raise ArcAffinityError(f"{where}: {name} is {stored}, but its grids give {right[name]}")
    return record


def _check_votes(votes: int | None, views: int | None, where: str) -> None:
    if votes is not None and (views is None or votes > views):
        raise ArcAffinityError(f"{where}: {votes} votes of {views} views")


def _duplicate(record: Record) -> str:
    return (
        f"duplicate record of task {record.task_id} output {record.test_index} attempt {record.attempt} "
        f"({record.protocol}, model {record.model})"
    )
