"""ARC's JSON files: task files, folders of them, and competition bundles, read but not yet checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.errors import ArcAffinityError


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
    document = read_json(path)
    if _is_task(document):
        return {path.stem: Entry(document, str(path))}
    if not _is_bundle(document):
        raise ArcAffinityError(f"{path} is neither a task with 'train' and 'test' nor a bundle of tasks")
    return _bundle_entries(path, document)


def folder_entries(folder: Path) -> dict[str, Entry]:
    """Return the tasks of all the JSON files below a folder by id, which is the file's name.

    Raises:
        ArcAffinityError: there is none, an id comes twice, or a file cannot be read or is no task.
    """
    entries: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        document = read_json(path)
        if not _is_task(document):
            hint = "; name the file itself to load it as a bundle" if _is_bundle(document) else ""
            raise ArcAffinityError(f"{path} is not a task with 'train' and 'test'{hint}")
        if path.stem in entries:
            raise ArcAffinityError(f"task {path.stem} comes twice: {entries[path.stem].where} and {path}")
        entries[path.stem] = Entry(document, str(path))
    if not entries:
        raise ArcAffinityError(f"{folder} holds no task file (*.json)")
    return entries


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ArcAffinityError: it cannot be read, is not JSON, or an object in it has a key twice.
    """
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_once_each)
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ArcAffinityError(f"{path} is not JSON: {error}") from error


def shown(value: object) -> str:
    """Return a value as JSON writes it, cut if long."""
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _bundle_entries(path: Path, bundle: Mapping[str, Any]) -> dict[str, Entry]:
    """Tasks of a bundle, with their test outputs if the solutions lie beside it."""
    beside = path.with_name(path.name.replace("challenges", "solutions"))
    if beside == path or not beside.exists():
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


def _once_each(items: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object as a dict; a key that comes twice would lose a task unseen."""
    content = dict(items)
    if len(content) < len(items):
        keys = [key for key, _ in items]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} comes twice")
    return content


def _is_task(document: object) -> bool:
    return isinstance(document, dict) and ("train" in document or "test" in document)


def _is_bundle(document: object) -> bool:
    return isinstance(document, dict) and bool(document) and all(map(_is_task, document.values()))
