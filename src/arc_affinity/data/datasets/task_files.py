"""ARC's JSON files: task files, folders of them, and competition bundles, read but not yet checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.documents import read_json, shown
from arc_affinity.errors import ArcAffinityError

ENDINGS = (".json", ".json.gz")
"""Endings of task files, in small letters or in capitals."""

PARTS = ("training", "evaluation", "test")
"""Parts of ARC Prize's data on Kaggle, a bundle each."""


@dataclass(frozen=True)
class Entry:
    """A task's JSON before it is checked, and the file it came from."""

    document: object
    where: str


def path_entries(path: Path) -> dict[str, Entry]:
    """Return the tasks of a folder, a task file or a competition's bundle, by id.

    Raises:
        ArcAffinityError: it cannot be read or has another shape; solutions beside a bundle do not fit it.
    """
    if path.is_dir():
        return folder_entries(path)
    document = _read(path)
    if _is_task(document):
        return {id_of(path): Entry(document, str(path))}
    if not _is_bundle(document):
        raise ArcAffinityError(f"{path} is neither a task with 'train' and 'test' nor a bundle of tasks")
    return _bundle_entries(path, document)


def folder_entries(folder: Path) -> dict[str, Entry]:
    """Return the tasks of all the JSON files below a folder by id, which is the file's name.

    Raises:
        ArcAffinityError: there is none, an id comes twice, or a file cannot be read or is no task.
    """
    entries: dict[str, Entry] = {}
    for path in sorted(task_files(folder)):
        document = _read(path)
        if not _is_task(document):
            parts = [f"{folder / part}" for part in PARTS if bundle_in(folder, part)]
            hint = "; name the file itself to load it as a bundle" if _is_bundle(document) else ""
            hint = f"; name one of the bundles there: {', '.join(parts)}" if parts else hint
            raise ArcAffinityError(f"{path} is not a task with 'train' and 'test'{hint}")
        task_id = id_of(path)
        if task_id in entries:
            raise ArcAffinityError(f"task {task_id} comes twice: {entries[task_id].where} and {path}")
        entries[task_id] = Entry(document, str(path))
    if not entries:
        raise ArcAffinityError(f"{folder} holds no task file (*.json, *.json.gz)")
    return entries


def bundle_in(folder: Path, part: str) -> Path | None:
    """Return the challenges of one of `PARTS` in a folder of Kaggle's files, by their usual name; None if not there."""
    named = (folder / f"arc-agi_{part}_challenges{ending}" for ending in ENDINGS if part in PARTS)
    return next((path for path in named if path.is_file()), None)


def id_of(path: Path) -> str:
    """Return the id of the task in a file: its name without the ending, that of a packed one too."""
    ending = next((each for each in ENDINGS if path.name.lower().endswith(each)), path.suffix)
    return path.name[: len(path.name) - len(ending)]


def is_task_file(name: str) -> bool:
    """Whether a file of this name in a folder is one of a task, and not hidden."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def task_files(folder: Path) -> Iterator[Path]:
    """Yield the JSON files below a folder, links followed, but for what is hidden.

    Raises:
        ArcAffinityError: a folder cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    for at, folders, names in os.walk(folder, onerror=_tell, followlinks=True):
        # A link may lead back up, or to a folder that is here under its own name.
        found = Path(at).stat()
        if (found.st_dev, found.st_ino) in seen:
            folders.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(at) / name for name in names if is_task_file(name))


def input_files(path: Path) -> list[Path]:
    """Return the files that `path_entries` would read."""
    return list(task_files(path)) if path.is_dir() else [path, *_solutions(path)]


def _tell(error: OSError) -> None:
    raise ArcAffinityError(f"cannot read {error.filename}: {error.strerror or error}") from error


def _read(path: Path) -> Any:
    """The content of a JSON file; of a list of pairs, as re-arc writes them, the last one becomes the test."""
    document = read_json(path)
    if isinstance(document, list) and document and all(isinstance(pair, dict) and "input" in pair for pair in document):
        return {"train": document[:-1], "test": document[-1:]}
    return document


def _solutions(path: Path) -> list[Path]:
    """The files beside a bundle that may hold the outputs of its tests, of which either may be packed."""
    name = path.name.replace("challenges", "solutions")
    if name == path.name:
        return []
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    return [path.with_name(each) for each in (name, other)]


def _bundle_entries(path: Path, bundle: Mapping[str, Any]) -> dict[str, Entry]:
    """Tasks of a bundle, with their test outputs if the solutions lie beside it."""
    beside = next((each for each in _solutions(path) if each.exists()), None)
    if beside is None:
        return {task_id: Entry(document, str(path)) for task_id, document in bundle.items()}
    solutions = read_json(beside)
    if not isinstance(solutions, dict) or solutions.keys() != bundle.keys():
        raise ArcAffinityError(f"{beside} does not hold the same tasks as {path.name}")
    where = f"{path} with {beside.name}"
    return {
        task_id: Entry(_solved(document, solutions[task_id], f"{beside}, task {task_id}"), where)
        for task_id, document in bundle.items()
    }


def _solved(document: Any, outputs: object, where: str) -> object:
    """A task with its test outputs filled in; what is wrong with the task itself is found later."""
    tests = document.get("test")
    if not isinstance(tests, list) or not all(isinstance(pair, dict) for pair in tests):
        return document
    if not isinstance(outputs, list) or len(outputs) != len(tests):
        raise ArcAffinityError(f"{where}: {shown(outputs)} is not a list of {len(tests)} test outputs")
    filled = [{**pair, "output": output} for pair, output in zip(tests, outputs, strict=True)]
    return {**document, "test": filled}


def _is_task(document: object) -> bool:
    return isinstance(document, dict) and ("train" in document or "test" in document)


def _is_bundle(document: object) -> bool:
    return isinstance(document, dict) and bool(document) and all(map(_is_task, document.values()))
