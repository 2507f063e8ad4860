"""Which tasks are meant: of a dataset by ids or files of ids, one rule for every command; one by its own file too."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from arc_affinity.data.datasets.registry import find_task, load_tasks, unknown_task
from arc_affinity.documents import decode, fit, name_of, read_bytes, text_of
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import is_input
from arc_affinity.types import Task


def choose_tasks(known: Sequence[Task], wanted: Sequence[str], data_dir: Path | None = None) -> tuple[Task, ...]:
    """Return the tasks that ``wanted`` names, as `choose_ids` does, in their own order, or all if none is named.

    Raises:
        ArcAffinityError: as `choose_ids`.
    """
    chosen = set(choose_ids([task.id for task in known], wanted, data_dir))
    return tuple(task for task in known if task.id in chosen)


def choose_ids(known: Iterable[str], wanted: Sequence[str], data_dir: Path | None = None) -> tuple[str, ...]:
    """Return the ids that ``wanted`` names, once each, in its order, or all of ``known`` if none is named.

    Args:
        known: ids of the tasks that there are.
        wanted: ids, or paths of files of ids (`read_ids`).
        data_dir: as in `load_tasks`; datasets there may have what is not known.

    Raises:
        ArcAffinityError: an id is not among ``known``; told are the dataset that has it, or else the nearest id. Or a
            file is none of ids (`read_ids`).
    """
    ids = dict.fromkeys(known)
    named = named_ids(wanted, ids)
    for task_id in named:
        if task_id not in ids:
            raise unknown_task(task_id, ids, data_dir)
    return named if wanted else tuple(ids)


def named_ids(wanted: Sequence[str], known: Container[str]) -> tuple[str, ...]:
    """Return the ids that ``wanted`` names or has in files, once each, whether they are ``known`` or not.

    Raises:
        ArcAffinityError: a file is not there, or is none of ids (`read_ids`).
    """
    named: dict[str, None] = {}
    for name in wanted:
        path = Path(name)
        # An id is an id, even where a file happens to be called so.
        if name not in known and is_input(path):
            named |= dict.fromkeys(read_ids(path))
        elif name not in known and (path.suffix or len(path.parts) > 1):
            raise ArcAffinityError(f"{name} is no id of a task, and there is no such file of ids")
        else:
            named[name] = None
    return tuple(named)


def read_ids(path: Path) -> tuple[str, ...]:
    """Return the task ids in a file: a JSON list of them, or words with blanks or line breaks between.

    Raises:
        ArcAffinityError: the file cannot be read, something in it is no id, or there is none.
    """
    data = read_bytes(path)
    text = text_of(data, str(path))
    # A mark of the byte order, which the text no longer has, may come before a list.
    ids = fit(decode(data, str(path)), list[str], str(path)) if text.lstrip().startswith("[") else text.split()
    if not ids:
        # As no tasks that are named stand for all of them.
        raise ArcAffinityError(f"{path} names no task")
    return tuple(name_of(each, "task id", str(path)) for each in ids)


def task_named(name: str, dataset: str | None = None, data_dir: Path | None = None) -> Task:
    """Return the task that an id or, where no dataset is named, the path of its file stands for.

    Raises:
        ArcAffinityError: there is none; the file holds several; or as in `find_task`.
    """
    if dataset is not None or not is_input(Path(name)):
        return find_task(name, dataset, data_dir)
    held = load_tasks(name)
    if len(held) != 1:
        raise ArcAffinityError(f"{name} holds {len(held)} tasks; name one of them, with --dataset {name}")
    return held[0]
