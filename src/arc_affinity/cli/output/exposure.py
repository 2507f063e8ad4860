"""A note on what a model was trained on, beside what it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.types import Task

if TYPE_CHECKING:
    from arc_affinity.models.storage.folders import LoadedModel


def tell_what_was_seen(
    loaded: LoadedModel, dataset: str, chosen: Sequence[str], source: ExampleStore | Sequence[Task]
) -> None:
    """Say on stderr how many of the ``chosen`` tasks are asked by examples that a model was trained on, if any are."""
    # Imported here because torch comes along.
    from arc_affinity.training.finetuning.seen import note_of_seen

    if note := note_of_seen(loaded, dataset, chosen, source):
        say_path(Console(stderr=True), "note: ", note)
