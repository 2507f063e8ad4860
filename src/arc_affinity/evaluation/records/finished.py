"""Whether finished records stand where new ones are to go: the same are left as they are, others are not lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Origin, Place, Record, read_records
from arc_affinity.files import is_stream
from arc_affinity.types import Pair


def is_finished(
    path: Path, origin: Origin, questions: Mapping[Place, Pair], *, attempts: range, views: int, overwrite: bool
) -> bool:
    """Return whether ``path`` holds the records of these questions, so that there is nothing to do.

    Args:
        path: of the records.
        origin: what the records share; an edition counts where both name one.
        questions: what is asked.
        attempts: how many attempts the question with the most may have.
        views: under which each question is asked.
        overwrite: whatever is there is to be replaced.

    Raises:
        ArcAffinityError: it holds something else, and ``overwrite`` does not say to replace it.
    """
    if overwrite or is_stream(path) or not path.is_file() or not path.stat().st_size:
        return False
    try:
        held = read_records(path)
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{path} is there and is not replaced without --overwrite; it holds {error}") from error
    shared = (origin.model, origin.model_digest, origin.dataset, origin.protocol, origin.seed, origin.epoch)
    if (
        {(r.model, r.model_digest, r.dataset, r.protocol, r.seed, r.epoch) for r in held} == {shared}
        and (origin.edition is None or {r.edition for r in held} <= {None, origin.edition})
        and {(r.task_id, r.test_index) for r in held} == questions.keys()
        and max(record.attempt for record in held) in attempts
        # A task may have fewer views than are asked for, and an answer that no view voted for has none.
        and max((record.views for record in held if record.views), default=views if held[0].views == 0 else 1) == views
        and all(_answers(record, questions[record.task_id, record.test_index]) for record in held)
    ):
        return True
    first = held[0]
    raise ArcAffinityError(
        f"{path} holds {len(held)} finished records of other answers ({first.model} {first.model_digest}, "
        f"{len({each.task_id for each in held})} tasks of {first.dataset}, {first.protocol}); --overwrite replaces them"
    )


def _answers(record: Record, pair: Pair) -> bool:
    if record.target is None or pair.output is None:
        return record.target is pair.output and np.array_equal(record.input, pair.input)
    return np.array_equal(record.input, pair.input) and np.array_equal(record.target, pair.output)
