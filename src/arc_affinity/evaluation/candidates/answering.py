"""Asking a pair transformer for test outputs under many views, the views of many tasks in one batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from arc_affinity.data.symmetry.augment import (
    DIHEDRALS,
    Compose,
    Dihedral,
    fixed_colours,
    most_views,
    views,
)
from arc_affinity.models.pair_transformer.decoding import likelihoods, write
from arc_affinity.models.pair_transformer.layout import FRAME, Written
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import load_solver
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.types import CANVAS, Grid, Task

BATCH_TOKENS = 24_000
"""Tokens of the inputs (or pairs) that are computed together; more gain nothing on a CPU and cost memory."""

WHOLE_TOKENS = 420_000
"""Tokens of a batch if all its outputs fill the canvas, at most: 2.6 GB of keys and values of the bundled base. Only
inputs of less than 5x5 cells come in smaller batches for it."""

THREADS = 1
"""Threads of a process that answers on a CPU: each has a core of its own."""


@dataclass(frozen=True)
class Question:
    """A test input of a task, and the number of the task's vector."""

    task_id: str
    index: int
    input: Grid
    vector: int


@dataclass(frozen=True)
class Asked:
    """A sequence to write or judge: whose it is, under which view, and for which candidate."""

    task_id: str
    index: int
    view: int
    candidate: int
    written: Written


def questions_of(tasks: Sequence[Task], vectors: dict[str, int]) -> list[Question]:
    """Return every test input of ``tasks``; test outputs are left behind."""
    return [
        Question(task.id, index, pair.input, vectors[task.id]) for task in tasks for index, pair in enumerate(task.test)
    ]


def views_of(task: Task, count: int, seed: int) -> tuple[Compose, ...]:
    """Return the first ``count`` views of a task (fewer if there are not so many), the identity first.

    All eight dihedral views come equally often; colours that the rule names keep their place (`fixed_colours`). A
    longer list begins with a shorter one.
    """
    fixed = fixed_colours(task)
    return tuple(views(min(count, most_views(fixed)), seed, fixed=fixed))


def under(question: Question, view: Compose, output: Grid | None = None) -> Written:
    """Return the question (with a candidate's ``output``, if any) as it looks under ``view``."""
    shape = view.parts[0]
    assert isinstance(shape, Dihedral)
    seen = None if output is None else view.apply(output)
    return Written(view.apply(question.input), seen, question.vector, DIHEDRALS.index(shape))


def in_batches(asked: Iterable[Asked], tokens: int = BATCH_TOKENS) -> list[list[Asked]]:
    """Return sequences in batches of like length, of at most ``tokens`` with padding, the shortest first.

    A sequence that is to be written is counted at twice its input: its output takes room too. As that may go on to the
    whole canvas, a batch has no more of them than `WHOLE_TOKENS` has room for.
    """
    made: list[list[Asked]] = []
    for each in sorted(asked, key=lambda each: _room(each.written)):
        count = len(made[-1]) + 1 if made else 1
        if not made or _room(each.written) * count > tokens or _most_room(each.written) * count > WHOLE_TOKENS:
            made.append([])
        made[-1].append(each)
    return made


def _room(written: Written) -> int:
    return written.length if written.output is not None else 2 * (written.input.size + FRAME)


def _most_room(written: Written) -> int:
    """Tokens of a sequence whose output fills the canvas, where it is not known yet."""
    return written.length if written.output is not None else written.input.size + CANVAS + 2 * FRAME


def write_batch(folder: str, digest: str, device: str, batch: Sequence[Written]) -> list[tuple[Grid, float]]:
    """Write a batch by the model in ``folder``; what a worker process is called with."""
    with computing_in(_threads(device)):
        return [(each.grid, each.log_likelihood) for each in write(_model(folder, digest, device), batch)]


def judge_batch(folder: str, digest: str, device: str, batch: Sequence[Written]) -> list[float]:
    """Return the log-likelihoods of a batch by the model in ``folder``; what a worker process is called with."""
    with computing_in(_threads(device)):
        return likelihoods(_model(folder, digest, device), batch).tolist()


def _threads(device: str) -> int:
    """`THREADS` on a CPU; 0, which leaves their number alone, on others."""
    return THREADS if device == "cpu" else 0


@lru_cache(maxsize=1)
def _model(folder: str, digest: str, device: str) -> PairTransformer:
    """The model of a process: read once. ``digest`` makes another model in the same folder another one."""
    loaded = load_solver(Path(folder))
    if loaded.digest != digest:
        raise RuntimeError(f"{folder} holds another model than when answering began")
    return loaded.model.to(device)
