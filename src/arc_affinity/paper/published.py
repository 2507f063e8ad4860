"""The published data of arXiv 2512.07109, read from a folder and believed only after a check.

The folder may hold ``lora_302_tasks.csv`` (302 fine-tunes), ``vitarc_400.csv`` (400 specialists),
``split_308_92.json``, and any number of ``taxonomy_labels*.json`` and ``s3_subtypes*.json``, which are merged.
What is missing is None or empty, and the claims that need it say so.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from arc_affinity.diagnosis.gap import TaskAccuracy
from arc_affinity.documents import fit, read_bytes, read_object, text_of
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.taxonomy.categories import AMBIGUOUS, SUBTYPES
from arc_affinity.taxonomy.validation import Answered, read_labels

T = TypeVar("T")

PUBLISHED = Path(__file__).parent / "labels"
"""The published labels of all 400 tasks and 108 subtypes, which come with the package; its tables do not."""

LORA, VITARC, SPLIT = "lora_302_tasks.csv", "vitarc_400.csv", "split_308_92.json"
LABELS, SUBTYPE_LABELS = "taxonomy_labels*.json", "s3_subtypes*.json"

PERCENTAGES = ("base_grid_pct", "base_cell_pct", "final_grid_pct", "final_cell_pct")
LORA_COLUMNS = {"num_examples": math.inf, "epochs": math.inf, "seconds": math.inf, **dict.fromkeys(PERCENTAGES, 100.0)}
VITARC_COLUMNS = dict.fromkeys(("vit_vanilla", "vitarc_vt", "vitarc_solve_rate"), 1.0)
"""The columns of the two tables with the largest value that each may hold; none is below 0."""


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

    All are by task id. ``labels`` are category codes or ``ambiguous``, ``subtypes`` "S3-A" or "S3-B", all files merged;
    ``train`` and ``validation`` are the 308 tasks of pre-training and the 92 others.
    """

    fine_tunes: Mapping[str, FineTune] | None = None
    specialists: Mapping[str, Specialist] | None = None
    labels: Mapping[str, str] | None = None
    subtypes: Mapping[str, str] | None = None
    train: frozenset[str] = frozenset()
    validation: frozenset[str] = frozenset()


def read_reference(folder: Path, tasks: Collection[str]) -> Reference:
    """Read the published data in ``folder``.

    ``tasks`` are the ids of the 400 re-arc tasks; a row or label of any other is refused.

    Raises:
        ArcAffinityError: the folder is missing or holds none of the files; a file is malformed or empty, has an
            unknown task or category, or names a task twice; or two files contradict each other.
    """
    if not folder.is_dir():
        raise ArcAffinityError(f"{folder}: no such folder of reference data")
    train, validation = _read_split(folder / SPLIT, tasks)
    found = Reference(
        fine_tunes=_by_task(folder / LORA, LORA_COLUMNS, tasks, _fine_tune),
        specialists=_by_task(folder / VITARC, VITARC_COLUMNS, tasks, _specialist),
        labels=_merged(folder, LABELS, tasks),
        subtypes=_merged(folder, SUBTYPE_LABELS, tasks),
        train=train,
        validation=validation,
    )
    if found == Reference():
        names = ", ".join((LORA, VITARC, SPLIT, LABELS, SUBTYPE_LABELS))
        raise ArcAffinityError(f"{folder} holds no reference data (none of {names})")
    return found


def published_reference(folder: Path | None, tasks: Collection[str]) -> Reference:
    """Read the published labels that come with the package, and what ``folder`` holds; its own labels go first, task by
    task.

    ``tasks`` are the ids of the 400 re-arc tasks; without a ``folder`` there are the labels alone.

    Raises:
        ArcAffinityError: as `read_reference`.
    """
    bundled = read_reference(PUBLISHED, tasks)
    if folder is None:
        return bundled
    found = read_reference(folder, tasks)
    labels, subtypes = (
        {**(known or {}), **(own or {})}
        for known, own in ((bundled.labels, found.labels), (bundled.subtypes, found.subtypes))
    )
    return replace(found, labels=labels, subtypes=subtypes)


def published_first(by_rules: Answered, tasks: Collection[str]) -> Answered:
    """Return the published category of each task; rule and reason stay, and where they speak for another it is said.

    Tasks that are published as ambiguous keep the rules' answer. ``tasks`` are the ids of the 400 re-arc tasks.
    """
    reference = published_reference(None, tasks)
    labels, subtypes = reference.labels or {}, reference.subtypes or {}
    answers = dict(by_rules.answers)
    for task_id, answer in by_rules.answers.items():
        label = labels.get(task_id, AMBIGUOUS)
        if label == AMBIGUOUS:
            continue
        other = "" if label == answer.category else f"the rules say {answer.category}: "
        answers[task_id] = replace(
            answer, category=label, subtype=subtypes.get(task_id), reason=f"{other}{answer.reason}", confidence=1.0
        )
    return Answered(answers, {task_id: {"by_rules": each.category} for task_id, each in by_rules.answers.items()})


def _fine_tune(task_id: str, row: Mapping[str, float]) -> FineTune:
    shares = (row[name] / 100 for name in PERCENTAGES)
    return FineTune(task_id, int(row["num_examples"]), int(row["epochs"]), row["seconds"], *shares)


def _specialist(task_id: str, row: Mapping[str, float]) -> Specialist:
    plain, vt, rate = (row[name] for name in VITARC_COLUMNS)
    finer = any(abs(100 * value - round(100 * value)) > 1e-9 for value in row.values())
    # Half a unit of the third decimal.
    return Specialist(task_id, plain, vt, rate, finer and abs(rate - (vt - plain)) < 0.0005)


def _by_task(
    path: Path, columns: Mapping[str, float], tasks: Collection[str], made: Callable[[str, Mapping[str, float]], T]
) -> dict[str, T] | None:
    """A table by task id, of each row what is ``made`` of its columns; None if there is no such file."""
    if not path.exists():
        return None
    rows: dict[str, T] = {}
    # What stands beyond the last column goes under the name "".
    reader = csv.DictReader(io.StringIO(text_of(read_bytes(path), str(path))), restkey="", strict=True)
    try:
        for fields in reader:
            where = f"{path}:{reader.line_num}"
            if "" in fields:
                raise ArcAffinityError(f"{where}: more fields than the head of the file")
            if missing := [name for name in ("task_id", *columns) if fields.get(name) is None]:
                raise ArcAffinityError(f"{where}: no {missing[0]}; is the line cut short?")
            task_id = fields["task_id"].strip()
            _check_task(task_id, tasks, where)
            if task_id in rows:
                raise ArcAffinityError(f"{where}: task {task_id} comes twice")
            numbers = {name: _number(fields[name], f"{where}: {name}", columns[name]) for name in columns}
            rows[task_id] = made(task_id, numbers)
    except csv.Error as error:
        raise ArcAffinityError(f"{path}:{reader.line_num}: not CSV ({error})") from error
    if not rows:
        raise ArcAffinityError(f"{path}: the file is empty; no rows to read")
    return rows


def _number(written: str, where: str, largest: float) -> float:
    try:
        value = float(written)
    except ValueError as error:
        raise ArcAffinityError(f"{where} must be a number, not {written!r:.40}") from error
    if not 0 <= value <= largest or not math.isfinite(value):
        limits = "0 or more" if largest == math.inf else f"0 to {largest:g}"
        raise ArcAffinityError(f"{where} must be {limits}, not {written.strip()}")
    return value


def _merged(folder: Path, pattern: str, tasks: Collection[str]) -> dict[str, str] | None:
    """The labels of all files of the pattern, subtypes in those of subtypes alone; None if there is no file."""
    merged: dict[str, str] = {}
    paths = sorted(folder.glob(pattern))
    for path in paths:
        for task_id, label in read_labels(path, tasks).items():
            if (label in SUBTYPES) != (pattern == SUBTYPE_LABELS):
                wanted = "subtype" if pattern == SUBTYPE_LABELS else "category"
                raise ArcAffinityError(f"{path}, task {task_id}: {label} is no {wanted}")
            if merged.setdefault(task_id, label) != label:
                raise ArcAffinityError(f"{path}: task {task_id} is {label}, but {merged[task_id]} in another file")
    return merged if paths else None


def _read_split(path: Path, tasks: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Task ids of training and validation; empty if there is no such file."""
    if not path.exists():
        return frozenset(), frozenset()
    sides = read_object(path)
    train, validation = (frozenset(fit(sides.get(side), list[str], f"{path}: {side}")) for side in ("train", "val"))
    for task_id in train | validation:
        _check_task(task_id, tasks, str(path))
    if both := train & validation:
        raise ArcAffinityError(f"{path}: task {min(both)} is on both sides")
    return train, validation


def _check_task(task_id: str, tasks: Collection[str], where: str) -> None:
    if task_id not in tasks:
        raise ArcAffinityError(f"{where}: {unknown('task', task_id, tasks)}")
