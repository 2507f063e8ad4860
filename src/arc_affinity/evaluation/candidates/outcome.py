"""What comes out of a run of `solve`: its candidates as records, and the figures that sum them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arc_affinity.evaluation.candidates.merging import Merged
from arc_affinity.evaluation.predicting.voting import Candidate
from arc_affinity.evaluation.records.record import Origin, Place, Record, make_record
from arc_affinity.types import Example, Pair, Task


def records_of(tasks: Sequence[Task], merged: Mapping[Place, Sequence[Merged]], origin: Origin) -> tuple[Record, ...]:
    """The candidates of every test output in order, of which two count; those after them show what ranking has lost.

    Where there is none, a record without a grid says so, of no votes and no source.
    """
    records = []
    for task in tasks:
        for index, pair in enumerate(task.test):
            example = Example(task.id, index, pair, task.train)
            best = merged[task.id, index]
            if not best:
                records.append(make_record(origin, example, 1, None, votes=0, views=0))
            for number, each in enumerate(best, 1):
                said = each.network
                records.append(
                    make_record(
                        origin,
                        example,
                        number,
                        each.grid,
                        log_likelihood=None if said is None else said.log_likelihood,
                        votes=None if said is None else said.votes,
                        views=None if said is None else said.views,
                        source=each.source,
                        program=None if each.program is None else each.program.text,
                    )
                )
    return tuple(records)


def figures_of(
    tasks: Sequence[Task],
    records: Sequence[Record],
    drafts: Mapping[Place, Sequence[Candidate]],
    merged: Mapping[Place, Sequence[Merged]],
) -> dict[str, Any]:
    """How many questions were answered and under how many views; where answers are known, how many were right, and how
    many had the right answer among their candidates."""
    counts = [len(drafts.get((task.id, index), ())) for task in tasks for index in range(len(task.test))]
    unanswered = sum(1 for record in records if record.votes == 0)
    figures: dict[str, Any] = {
        "outputs": len(counts),
        "outputs_unanswered": unanswered,
        "views_median": float(np.median(counts)),
    }
    if any(pair.output is None for task in tasks for pair in task.test):
        return figures
    solved = {(r.task_id, r.test_index, r.attempt) for r in records if r.exact}
    shares: dict[str, list[float]] = {"score": [], "first": [], "among_candidates": []}
    for task in tasks:
        places = range(len(task.test))
        among = [
            _holds(drafts.get((task.id, at), ()), task.test[at]) or _holds(merged[task.id, at], task.test[at])
            for at in places
        ]
        shares["score"].append(float(np.mean([any((task.id, at, k) in solved for k in (1, 2)) for at in places])))
        shares["first"].append(float(np.mean([(task.id, at, 1) in solved for at in places])))
        shares["among_candidates"].append(float(np.mean(among)))
    return figures | {name: float(np.mean(values)) for name, values in shares.items()}


def _holds(answers: Sequence[Candidate] | Sequence[Merged], pair: Pair) -> bool:
    target = pair.output
    return target is not None and any(np.array_equal(each.grid, target) for each in answers)
