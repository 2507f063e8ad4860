"""Predicting by a network that has learned its tasks: one that `solve` left, asked for those tasks again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from arc_affinity.errors import ArcAffinityError, listing
from arc_affinity.evaluation.candidates.answering import Asked, in_batches, questions_of, under, views_of
from arc_affinity.evaluation.candidates.merging import merge
from arc_affinity.evaluation.candidates.outcome import records_of
from arc_affinity.evaluation.candidates.ranking import rank
from arc_affinity.evaluation.predicting.voting import Candidate, vote
from arc_affinity.evaluation.records.record import Origin, Place, Record
from arc_affinity.models.pair_transformer.decoding import write
from arc_affinity.models.pair_transformer.storage import LoadedSolver
from arc_affinity.types import Task

CHUNK = 32
"""Tasks that are answered together; their records become known at once."""


def predict_by_solver(
    loaded: LoadedSolver,
    tasks: Sequence[Task],
    origin: Origin,
    *,
    attempts: int = 2,
    views: int = 1,
    done: Collection[str] = (),
) -> Iterator[tuple[str, list[Record]]]:
    """Yield each task's id and records, the attempts chosen by votes of ``views`` views.

    Args:
        loaded: the network, which has a vector for each of ``tasks``.
        tasks: whose test inputs are asked; test outputs are for measuring alone.
        origin: what the records share.
        attempts: different answers to each question, at most.
        views: views under which each question is answered.
        done: ids of tasks to leave out.

    Raises:
        ArcAffinityError: the network has no vector for a task.
    """
    vectors = {task_id: number for number, task_id in enumerate(loaded.task_ids)}
    unknown = [task.id for task in tasks if task.id not in vectors]
    if unknown:
        raise ArcAffinityError(
            f"{loaded.name} has not learned these: {listing('tasks', unknown)}; `solve` adapts it to the tasks asked"
        )
    left = [task for task in tasks if task.id not in done]
    for chunk in (left[start : start + CHUNK] for start in range(0, len(left), CHUNK)):
        drafts = _drafts(loaded, chunk, vectors, views, origin.seed)
        for task in chunk:
            best = {}
            for index, pair in enumerate(task.test):
                choices = vote(drafts[task.id, index], limit=attempts, exclude=pair.input)
                best[task.id, index] = merge(rank(choices, None), ())
            yield task.id, list(records_of([task], best, origin))


def _drafts(
    loaded: LoadedSolver, tasks: Sequence[Task], vectors: dict[str, int], count: int, seed: int
) -> dict[Place, list[Candidate]]:
    views = {task.id: views_of(task, count, seed) for task in tasks}
    asked = [
        Asked(question.task_id, question.index, number, 0, under(question, view))
        for question in questions_of(tasks, vectors)
        for number, view in enumerate(views[question.task_id])
    ]
    drafts: dict[Place, list[Candidate]] = {}
    for batch in in_batches(asked):
        answers = write(loaded.model, [each.written for each in batch])
        for each, answer in zip(batch, answers, strict=True):
            grid = views[each.task_id][each.view].inverse.apply(answer.grid)
            draft = Candidate(grid, answer.log_likelihood, each.view)
            drafts.setdefault((each.task_id, each.index), []).append(draft)
    return drafts
