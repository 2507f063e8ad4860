"""Records: one self-describing row an attempt, from which scores and reports are rebuilt (decision 14)."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import math
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from arc_affinity.data.arc import parse_grid
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.evaluation.metrics import Metrics, Protocol, measure
from arc_affinity.files import replacing
from arc_affinity.types import Example, Grid

T = TypeVar("T")

SCHEMA = 1
"""Version of the layout of a record; a reader refuses any other."""


@dataclass(frozen=True)
class Origin:
    """What all records of one evaluation share.

    ``model_digest`` identifies the weights that answered, adapters included (of a set of specialists, all of them);
    ``adapter`` names those laid over ``model``, and ``epoch`` says when in training they were taken.
    """

    model: str
    model_digest: str
    dataset: str
    protocol: Protocol
    seed: int
    adapter: str | None = None
    epoch: int | None = None


# Comparing records would compare arrays cell by cell, so equality is identity; compare `key` or `to_json()`.
@dataclass(frozen=True, eq=False)
class Record:
    """One attempt at one test output.

    ``test_index`` is the output's place among its task's tests, or the example's in its store; ``attempt``
    counts from 1. ``target`` is None where withheld (and then so are the metrics), ``prediction`` where the
    model gave no grid; the metrics are those of :mod:`arc_affinity.evaluation.metrics`. ``log_likelihood`` is
    in nats, ``votes`` of ``views`` augmented views gave this grid, ``seconds`` is the time for the attempt.
    """

    model: str
    model_digest: str
    dataset: str
    task_id: str
    test_index: int
    attempt: int
    protocol: Protocol
    input: Grid
    target: Grid | None
    prediction: Grid | None
    exact: bool | None
    cell_accuracy: float | None
    size_match: bool | None
    copy_accuracy: float | None
    change_accuracy: float | None
    log_likelihood: float | None
    votes: int | None
    views: int | None
    seed: int
    seconds: float | None
    adapter: str | None
    epoch: int | None

    @property
    def key(self) -> RecordKey:
        """What no two records of a file may share."""
        return RecordKey(
            self.dataset,
            self.task_id,
            self.test_index,
            self.attempt,
            self.protocol,
            self.model,
            self.model_digest,
            self.adapter,
        )

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
) -> Record:
    """Join an attempt (from 1) at ``example`` with its target and measure it.

    Raises:
        ArcAffinityError: a number is not finite, which JSON cannot hold, or ``attempt`` is below 1.
    """
    where = f"record of task {example.task_id} output {example.index} attempt {attempt}"
    query, target = example.query.input, example.query.output
    return Record(
        task_id=example.task_id,
        test_index=example.index,
        attempt=_natural(attempt, f"{where}: attempt"),
        input=query,
        target=target,
        prediction=prediction,
        log_likelihood=_optional(_number)(log_likelihood, f"{where}: log_likelihood"),
        votes=votes,
        views=views,
        seconds=_optional(_number)(seconds, f"{where}: seconds"),
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
        record = _parse_record(decode_row(line, where), where)
        if record.key in first:
            raise ArcAffinityError(f"{where}: {_duplicate(record)}, first on line {first[record.key]}")
        first[record.key] = number
        yield record
    if not first:
        raise ArcAffinityError(f"{path}: the file is empty; no records to read")


def read_records(path: Path) -> list[Record]:
    """Read all that :func:`iter_records` yields.

    Raises:
        ArcAffinityError: as there.
    """
    return list(iter_records(path))


def holds_records(path: Path) -> bool:
    """Whether the file looks like records, finished or not, rather than a submission.

    Raises:
        ArcAffinityError: it cannot be read.
    """
    _, line = next(read_lines(path), (0, b""))
    return re.search(rb'"(schema|settings)"\s*:', line) is not None


def encode_row(row: Mapping[str, object]) -> bytes:
    """Return one compact JSON line."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_row(line: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object on ``line``.

    Raises:
        ArcAffinityError: it is none; the message begins with ``where``.
    """
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ArcAffinityError(f"{where}: not JSON ({error}); is the file cut short?") from error
    if not isinstance(row, dict):
        raise ArcAffinityError(f"{where}: must be a JSON object, not {type(row).__name__}")
    return row


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) of a plain or gzip file, whatever it is called.

    Raises:
        ArcAffinityError: the file cannot be read, or its compression is damaged or cut short.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(raw, "rb") if packed else raw as file:
                yield from enumerate(file, 1)
    except EOFError as error:
        raise ArcAffinityError(f"{path}: the gzip file is cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ArcAffinityError(f"{path}: the gzip file is damaged ({error})") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error


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


def _parse_record(row: Mapping[str, object], where: str) -> Record:
    """Check every field of ``row``, and its metrics against its grids."""
    if "settings" in row:
        raise ArcAffinityError(f"{where}: the prediction is unfinished; start it again and it goes on")
    if row.get("schema") != SCHEMA:
        raise ArcAffinityError(f"{where}: schema must be {SCHEMA}, not {row.get('schema')!r}")
    missing = [name for name in _CHECKS if name not in row]
    if missing:
        raise ArcAffinityError(f"{where}: no field {', '.join(missing)}")
    for name in row.keys() - _CHECKS.keys() - {"schema"}:
        raise ArcAffinityError(f"{where}: {unknown('field', name, _CHECKS)}")
    values: dict[str, Any] = {name: check(row[name], f"{where}: {name}") for name, check in _CHECKS.items()}
    record = Record(**values)
    _check_metrics(record, where)
    return record


def _check_metrics(record: Record, where: str) -> None:
    """Refuse a record whose metrics are not those of its own grids."""
    right = asdict(measure(record.prediction, record.input, record.target))
    for name, stored in asdict(record.metrics).items():
        known = stored is not None and right[name] is not None
        # Other tools may print fewer digits.
        same = math.isclose(stored, right[name], abs_tol=1e-6) if known else stored is right[name]
        if not same:
            raise ArcAffinityError(f"{where}: {name} is {stored}, but its grids give {right[name]}")


def _duplicate(record: Record) -> str:
    return (
        f"duplicate record of task {record.task_id} output {record.test_index} attempt {record.attempt} "
        f"({record.protocol}, model {record.model})"
    )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _bad(where: str, wanted: str, value: object) -> ArcAffinityError:
    return ArcAffinityError(f"{where} must be {wanted}, not {value!r:.60}")


def _text(value: object, where: str) -> str:
    if isinstance(value, str) and value:
        # One string for all rows that name the same model, dataset or task.
        return sys.intern(value)
    raise _bad(where, "text", value)


def _whole(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _bad(where, "a whole number of 0 or more", value)


def _natural(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise _bad(where, "a whole number of 1 or more", value)


def _number(value: object, where: str) -> float:
    largest = sys.float_info.max
    if isinstance(value, int | float) and not isinstance(value, bool) and -largest <= value <= largest:
        return float(value)
    raise _bad(where, "a finite number", value)


def _flag(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _bad(where, "true or false", value)


def _protocol(value: object, where: str) -> Protocol:
    try:
        return Protocol.named(_text(value, where))
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{where}: {error}") from error


def _optional(check: Callable[[object, str], T]) -> Callable[[object, str], T | None]:
    return lambda value, where: None if value is None else check(value, where)


_CHECKS: Mapping[str, Callable[[object, str], object]] = {
    "model": _text,
    "model_digest": _text,
    "dataset": _text,
    "task_id": _text,
    "test_index": _whole,
    "attempt": _natural,
    "protocol": _protocol,
    "input": parse_grid,
    "target": _optional(parse_grid),
    "prediction": _optional(parse_grid),
    "exact": _optional(_flag),
    "cell_accuracy": _optional(_number),
    "size_match": _optional(_flag),
    "copy_accuracy": _optional(_number),
    "change_accuracy": _optional(_number),
    "log_likelihood": _optional(_number),
    "votes": _optional(_whole),
    "views": _optional(_whole),
    "seed": _whole,
    "seconds": _optional(_number),
    "adapter": _optional(_text),
    "epoch": _optional(_whole),
}
