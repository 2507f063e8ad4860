"""Examples to train on from a store, a dataset or task files, in place of generated ones."""

from __future__ import annotations

from pathlib import Path

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.store.files import is_store
from arc_affinity.data.symmetry.canonical import digest_of_pairs
from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.text import counted
from arc_affinity.types import Pair

LEAST = 2
"""Examples of a task on either side: each is shown beside another one as its demonstration."""


def split_examples(
    name: str, held_out: int, folder: Path, data_dir: Path | None = None
) -> tuple[ExampleStore, ExampleStore]:
    """Copy the examples of ``name`` to stores in ``folder``, train and validation, or open those that are there.

    The examples of a task are its demonstrations and those of its tests whose outputs are known. The last ``held_out``
    are for validation. One whose input came before in its task is left out, and so is one to train on that is validated
    by under another id.

    Args:
        name: path of a store; or a dataset or path as in `load_tasks`.
        held_out: examples of each task for validation, at least `LEAST`.
        folder: of the two stores; each appears whole or not at all.
        data_dir: folder with the datasets that are not installed.

    Raises:
        ArcAffinityError: there is no such dataset, a task has too few examples, or a store cannot be written or read.
    """
    places = folder / "train", folder / "validation"
    if not all(map(is_store, places)):
        examples = _read(name, held_out, data_dir)
        validated = {task: pairs[-held_out:] for task, pairs in examples.items()}
        trained = _unlike({task: pairs[:-held_out] for task, pairs in examples.items()}, validated, name)
        parts = trained, validated
        for place, part in zip(places, parts, strict=True):
            if not is_store(place):
                write_store(place, part, {"source": name})
    return ExampleStore.open(places[0]), ExampleStore.open(places[1])


def copy_examples(name: str, place: Path, data_dir: Path | None = None) -> ExampleStore:
    """Copy all examples of ``name`` to a store at ``place``, or open the one there; errors as in `split_examples`."""
    if not is_store(place):
        write_store(place, _read(name, 0, data_dir), {"source": name})
    return ExampleStore.open(place)


def copy_apart(name: str, other: str, folder: Path, data_dir: Path | None = None) -> tuple[ExampleStore, ExampleStore]:
    """Copy all examples of ``name`` to train on and of ``other`` to validate by, or open those that are there.

    Raises:
        ArcAffinityError: as in `split_examples`, or an example is on both sides, under whichever id.
    """
    places = folder / "train", folder / "validation"
    if not all(map(is_store, places)):
        parts = [_read(each, 0, data_dir) for each in (name, other)]
        trained, validated = (
            {digest_of_pairs([pair]): task for task, pairs in part.items() for pair in pairs} for part in parts
        )
        if shared := sorted({validated[key] for key in trained.keys() & validated.keys()}):
            raise ArcAffinityError(f"{other}: examples of these tasks are trained on too: {listing('tasks', shared)}")
        for each, place, part in zip((name, other), places, parts, strict=True):
            if not is_store(place):
                write_store(place, part, {"source": each})
    return ExampleStore.open(places[0]), ExampleStore.open(places[1])


def _unlike(trained: dict[str, list[Pair]], validated: dict[str, list[Pair]], name: str) -> dict[str, list[Pair]]:
    """What is trained on, without what is validated by in any task."""
    held_out = {digest_of_pairs([pair]) for pairs in validated.values() for pair in pairs}
    kept = {task: [p for p in pairs if digest_of_pairs([p]) not in held_out] for task, pairs in trained.items()}
    for task, pairs in kept.items():
        if len(pairs) < LEAST:
            raise ArcAffinityError(
                f"{name}: task {task} has {counted(len(pairs), 'example')} to train on that other tasks are not "
                f"validated by; it takes {LEAST}"
            )
    return kept


def _read(name: str, held_out: int, data_dir: Path | None) -> dict[str, list[Pair]]:
    """The examples of each task."""
    examples = {}
    for task in load_tasks(name, data_dir):
        # A store's tasks are its examples too, the last of them as a test.
        known = [pair for pair in (*task.train, *task.test) if pair.output is not None]
        examples[task.id] = _enough(task.id, known, held_out, name)
    return examples


def _enough(task: str, pairs: list[Pair], held_out: int, name: str) -> list[Pair]:
    """The pairs of different inputs, of which there must be enough."""
    by_input: dict[tuple[tuple[int, ...], bytes], Pair] = {}
    for pair in pairs:
        by_input.setdefault((pair.input.shape, pair.input.tobytes()), pair)
    distinct = list(by_input.values())
    if len(distinct) < LEAST + held_out:
        validated = f" to train on and {held_out} to validate on (validation_per_task), unless validate_on names others"
        more = validated if held_out else ""
        raise ArcAffinityError(f"{name}: task {task} has {len(distinct)} examples; it takes {LEAST}{more}")
    return distinct
