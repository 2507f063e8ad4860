"""Notes on what a model was trained on, beside what it is asked: answers to that say nothing of anything new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Grid, Task

if TYPE_CHECKING:
    from arc_affinity.models.storage.folders import LoadedModel


def tell_what_was_seen(
    loaded: LoadedModel, dataset: str, chosen: Sequence[str], source: ExampleStore | Sequence[Task]
) -> None:
    """Say on stderr how many of the ``chosen`` tasks are asked by examples that a model was trained on, if any are.

    Asked are all examples of a store, and the tests of a dataset's tasks.
    """
    # Imported here because torch comes along.
    from arc_affinity.training.finetuning.seen import tasks_seen

    try:
        seen = tasks_seen(loaded, dataset, chosen, _asked(source))
    except ArcAffinityError as error:
        say_path(Console(stderr=True), "note: ", f"{error}, so that it may have seen what is asked here")
        return
    if seen:
        told = f"{loaded.name} was trained on examples that are asked here, of {len(seen):,} of {len(chosen):,} tasks"
        say_path(Console(stderr=True), f"note: {told}", "; how it answers them says nothing of others")


def _asked(source: ExampleStore | Sequence[Task]) -> Callable[[str], Iterable[Grid]]:
    """What gives the inputs that are asked of a task."""
    if isinstance(source, ExampleStore):
        return lambda task_id: (source.pair(i).input for i in source.indices(task_id))
    tests = {task.id: task.test for task in source}
    return lambda task_id: (pair.input for pair in tests[task_id])
