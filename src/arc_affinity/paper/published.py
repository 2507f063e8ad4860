"""The published data of arXiv 2512.07109, read from a folder and believed only after a check.

The folder may hold ``lora_302_tasks.csv`` (302 fine-tunes), ``vitarc_400.csv`` (400 specialists),
``split_308_92.json``, and any number of ``taxonomy_labels*.json`` and ``s3_subtypes*.json``, which are merged.
What is missing is None or empty, and the claims that need it say so.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from arc_affinity.diagnosis.gap import TaskAccuracy
from arc_affinity.documents import read_object
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES, SUBTYPES

T = TypeVar("T")

PUBLISHED = Path(__file__).parent / "labels"
"""The published labels, which come with the package; its tables do not."""

LORA, VITARC, SPLIT = "lora_302_tasks.csv", "vitarc_400.csv", "split_308_92.json"
LABELS, SUBTYPE_LABELS = "taxonomy_labels*.json", "s3_subtypes*.json"


@dataclass(frozen=True)
class FineTune:
    """One published fine-tune; accuracies 0-1, teacher forced, before (base) and after (final)."""

    task_id: str
    examples: int
    epochs: int
    seconds: float
    base_grids: float
    base_cells: float
    final_grids: float
    final_cells: float

    @property
    def base(self) -> TaskAccuracy:
        """Both accuracies before fine-tuning."""
        return TaskAccuracy(self.task_id, self.base_cells, self.base_grids)

    @property
    def final(self) -> TaskAccuracy:
        """Both accuracies after it."""
        return TaskAccuracy(self.task_id, self.final_cells, self.final_grids)


@dataclass(frozen=True)
class Specialist:
    """One task's solve rates, 0-1, of a plain ViT and of ViTARC; ``rate`` is the published third column.

    ``shifted`` marks a row whose third column is the difference of the first two, not a solve rate: such a row is
    written with three decimals where all others have two.
    """

    task_id: str
    plain: float
    vitarc_vt: float
    rate: float
    shifted: bool


@dataclass(frozen=True)
class Reference:
    """Everything that the folder holds; None or empty where the file is missing.

    Attributes:
        fine_tunes: by task id.
        specialists: by task id.
        labels: category code or ``ambiguous`` by task id, all files merged.
        subtypes: "S3-A" or "S3-B" by task id, all files merged.
        train: ids of the 308 tasks of pre-training.
        validation: ids of the 92 others.
    """

    fine_tunes: Mapping[str, FineTune] | None = None
    specialists: Mapping[str, Specialist] | None = None
    labels: Mapping[str, str] | None = None
    subtypes: Mapping[str, str] | None = None
    train: frozenset[str] = frozenset()
    validation: frozenset[str] = frozenset()


def read_reference(folder: Path, tasks: Collection[str]) -> Reference:
    """Read the published data in ``folder``.

    Args:
        folder: with some or all of the files.
        tasks: ids of the 400 re-arc tasks; a row or label of any other is refused.

    Raises:
        ArcAffinityError: the folder is missing or holds none of the files; a file is malformed or empty, has an
            unknown task or category, or names a task twice; or two files contradict each other.
    """
    if not folder.is_dir():
        raise ArcAffinityError(f"{folder}: no such folder of reference data")
    train, validation = _read_split(folder / SPLIT, tasks)
    found = Reference(
        fine_tunes=_read_table(folder / LORA, _fine_tune, tasks),
        specialists=_read_table(folder / VITARC, _specialist, tasks),
        labels=_read_labels(folder, LABELS, (*CODES, AMBIGUOUS), tasks),
        subtypes=_read_labels(folder, SUBTYPE_LABELS, SUBTYPES, tasks),
        train=train,
        validation=validation,
    )
    if found == Reference():
        names = ", ".join((LORA, VITARC, SPLIT, LABELS, SUBTYPE_LABELS))
        raise ArcAffinityError(f"{folder} holds no reference data (none of {names})")
    return found


def published_reference(folder: Path | None, tasks: Collection[str]) -> Reference:
    """Read the published labels that come with the package, and what ``folder`` holds, whose own labels go first.

    Args:
        folder: with some or all of the files; None for the labels alone.
        tasks: ids of the 400 re-arc tasks.

    Raises:
        ArcAffinityError: as `read_reference`.
    """
    bundled = read_reference(PUBLISHED, tasks)
    if folder is None:
        return bundled
    found = read_reference(folder, tasks)
    return replace(found, labels=found.labels or bundled.labels, subtypes=found.subtypes or bundled.subtypes)


class _Row:
    """One line of a table, its fields checked as they are asked for."""

    def __init__(self, fields: Mapping[str, str | None], where: str) -> None:
        self._fields = fields
        self.where = where

    def text(self, name: str) -> str:
        """Return a field as it is written.

        Raises:
            ArcAffinityError: the line is too short.
        """
        value = self._fields.get(name)
        if value is None:
            raise ArcAffinityError(f"{self.where}: no {name}; is the line cut short?")
        return value.strip()

    def number(self, name: str, largest: float = math.inf) -> float:
        """Return a field as a number.

        Raises:
            ArcAffinityError: it is none, or not within 0 to ``largest``.
        """
        written = self.text(name)
        try:
            value = float(written)
        except ValueError as error:
            raise ArcAffinityError(f"{self.where}: {name} must be a number, not {written!r:.40}") from error
        if not 0 <= value <= largest or not math.isfinite(value):
            limits = "0 or more" if largest == math.inf else f"0 to {largest:g}"
            raise ArcAffinityError(f"{self.where}: {name} must be {limits}, not {written}")
        return value


def _fine_tune(row: _Row) -> FineTune:
    return FineTune(
        task_id=row.text("task_id"),
        examples=int(row.number("num_examples")),
        epochs=int(row.number("epochs")),
        seconds=row.number("seconds"),
        base_grids=row.number("base_grid_pct", 100) / 100,
        base_cells=row.number("base_cell_pct", 100) / 100,
        final_grids=row.number("final_grid_pct", 100) / 100,
        final_cells=row.number("final_cell_pct", 100) / 100,
    )


def _specialist(row: _Row) -> Specialist:
    plain, vt = row.number("vit_vanilla", 1), row.number("vitarc_vt", 1)
    rate = row.number("vitarc_solve_rate", 1)
    columns = ("vit_vanilla", "vitarc_vt", "vitarc_solve_rate")
    finer = any(len(row.text(name).partition(".")[2]) > 2 for name in columns)
    # Half a unit of the last decimal.
    shifted = finer and abs(rate - (vt - plain)) < 0.0005
    return Specialist(row.text("task_id"), plain, vt, rate, shifted)


def _read_table(path: Path, parse: Callable[[_Row], T], tasks: Collection[str]) -> dict[str, T] | None:
    """A table by task id; None if there is no such file."""
    if not path.exists():
        return None
    rows: dict[str, T] = {}
    for row in _rows(path):
        task_id = row.text("task_id")
        _check_task(task_id, tasks, row.where)
        if task_id in rows:
            raise ArcAffinityError(f"{row.where}: task {task_id} comes twice")
        rows[task_id] = parse(row)
    if not rows:
        raise ArcAffinityError(f"{path}: the file is empty; no rows to read")
    return rows


def _rows(path: Path) -> Iterator[_Row]:
    """The lines of a csv file below its head."""
    reader = csv.DictReader(io.StringIO(_read(path)), restkey="", strict=True)
    try:
        for fields in reader:
            where = f"{path}:{reader.line_num}"
            if "" in fields:
                raise ArcAffinityError(f"{where}: more fields than the head of the file")
            yield _Row(fields, where)
    except csv.Error as error:
        raise ArcAffinityError(f"{path}:{reader.line_num}: not CSV ({error})") from error


def _read_labels(folder: Path, pattern: str, known: Collection[str], tasks: Collection[str]) -> dict[str, str] | None:
    """All files of the pattern merged; None if there is none."""
    merged: dict[str, str] = {}
    paths = sorted(folder.glob(pattern))
    for path in paths:
        for task_id, label in _read_object(path).items():
            _check_task(task_id, tasks, str(path))
            if not isinstance(label, str) or label not in known:
                raise ArcAffinityError(f"{path}: task {task_id}: {unknown('category', str(label), known)}")
            if merged.setdefault(task_id, label) != label:
                raise ArcAffinityError(f"{path}: task {task_id} is {label}, but {merged[task_id]} in another file")
    return merged if paths else None


def _read_split(path: Path, tasks: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Task ids of training and validation; empty if there is no such file."""
    if not path.exists():
        return frozenset(), frozenset()
    sides = _read_object(path)
    ids = []
    for side in ("train", "val"):
        listed = sides.get(side)
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise ArcAffinityError(f"{path}: {side} must be a list of task ids")
        for task_id in listed:
            _check_task(task_id, tasks, str(path))
        ids.append(frozenset(listed))
    if ids[0] & ids[1]:
        raise ArcAffinityError(f"{path}: task {min(ids[0] & ids[1])} is on both sides")
    return ids[0], ids[1]


def _read_object(path: Path) -> dict[str, object]:
    """A JSON object that says nothing twice and is not empty."""
    found = read_object(path)
    if not found:
        raise ArcAffinityError(f"{path}: must be a JSON object with entries")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ArcAffinityError(f"{path}: not text (UTF-8)") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error


def _check_task(task_id: str, tasks: Collection[str], where: str) -> None:
    if task_id not in tasks:
        raise ArcAffinityError(f"{where}: {unknown('task', task_id, tasks)}")
