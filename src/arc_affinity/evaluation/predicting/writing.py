"""Answers to a dataset as a file of records, task by task: by a model, by specialists, by a network of `solve`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

from arc_affinity.data.batching.demonstrations import AskedContext
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.canonical import digest_of_pairs
from arc_affinity.documents import read_object
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting.asking import (
    Asking,
    Question,
    answers_to,
    digest,
    questions_of_store,
    questions_of_tasks,
)
from arc_affinity.evaluation.predicting.predict import predict
from arc_affinity.evaluation.predicting.solver import predict_by_solver
from arc_affinity.evaluation.questions import questions_of
from arc_affinity.evaluation.records.finished import is_finished
from arc_affinity.evaluation.records.record import Origin, Record, iter_records
from arc_affinity.evaluation.records.writer import RecordWriter, remove_part
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.adapters.files import adapted_digest, digest_of_set, load_adapter
from arc_affinity.models.pair_transformer.storage import LoadedSolver
from arc_affinity.models.storage.folders import LoadedModel, find_model, refuse_adapted, with_adapter
from arc_affinity.models.storage.names import ADAPTER_CONFIG, CONFIG, RESULT, TASKS
from arc_affinity.types import Task

logger = logging.getLogger(__name__)

WITHOUT = "(none)"
"""Stands for the adapter of a task that has none, among tasks that have."""

Tell = Callable[[int, int], None]
"""Told how many answers are written, and of how many."""

Groups = Iterator[tuple[str, list[Record]]]
"""Records by task."""


def ask(
    source: ExampleStore | Sequence[Task],
    chosen: Collection[str],
    pairs: int,
    asking: Asking,
    policy: AskedContext = "drawn",
) -> list[Question]:
    """Return the questions of the ``chosen`` tasks of an example store or a dataset; which are chosen changes none.

    Raises:
        ArcAffinityError: it is no store and has no examples to leak.
    """
    if isinstance(source, ExampleStore):
        return questions_of_store(source, pairs, asking, policy, chosen)
    if policy == "first":
        raise ArcAffinityError(f"--context {policy} is for example stores; a task's demonstrations are never its tests")
    return questions_of_tasks(source, pairs, asking, policy, chosen)


def write_predictions(
    out: Path,
    loaded: LoadedModel,
    questions: Sequence[Question],
    asking: Asking,
    dataset: str,
    tell: Tell,
    *,
    edition: str | None = None,
    adapter: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Write the records of ``questions`` to ``out``, which an interrupted call resumes.

    Args:
        out: as in `RecordWriter.opened`; records of the same answers that are there are left as they are.
        loaded: the model, on the device to compute on.
        questions: by task.
        asking: how they are asked.
        dataset: its name in the records.
        tell: told of progress.
        edition: of the dataset, for the records.
        adapter: folder of an adapter to lay over the model, or a folder of such folders or of whole models, one for
            each task and named after it; all of them together are one solver, of one digest.
        overwrite: replace records that are there, and what an interrupted call of other questions left.

    Raises:
        ArcAffinityError: other records are there, the specialists do not fit the model, or the file cannot be written.
    """
    total, written = answers_to(questions, asking), 0
    origin = Origin(loaded.name, loaded.digest, dataset, asking.protocol, asking.seed, loaded.adapter, edition=edition)
    more: dict[str, object] = {}
    chosen: Mapping[str, Path | None] = {}
    if adapter is not None:
        refuse_adapted(loaded)
        chosen = specialists_in(adapter, [question[0].task_id for question in questions])
        laid = {task: loaded.digest if at is None else _digest(loaded, at) for task, at in chosen.items()}
        origin, more = replace(origin, model_digest=digest_of_set(laid), adapter=WITHOUT), {"adapters": laid}

    def advance(answers: int) -> None:
        nonlocal written
        written += answers
        tell(written, total)

    def answer(done: Collection[str]) -> Groups:
        advance(answers_to([question for question in questions if question[0].task_id in done], asking))
        if not chosen:
            for named, asked in by_exposure(origin, questions):
                yield from predict(loaded.model, asked, named, asking, done, advance)
        for task, folder in chosen.items():
            if task in done:
                continue
            asked = [question for question in questions if question[0].task_id == task]
            model, named = loaded.model, origin
            if folder is not None:
                model, named = specialist(loaded, folder).model, replace(origin, adapter=folder.resolve().name)
            ((named, asked),) = by_exposure(named, asked)
            yield from predict(model, asked, named, asking, tell=advance)

    pairs = {(first.task_id, first.index): first.query for first, *_ in questions}
    settings = {**asdict(origin), **asdict(asking), "questions": digest(questions), **more}
    held = range(asking.attempts, asking.attempts + 1)
    finished = is_finished(out, origin, pairs, attempts=held, views=asking.views, overwrite=overwrite)
    _write(out, settings, answer, finished=finished, overwrite=overwrite)


def by_exposure(origin: Origin, questions: Sequence[Question]) -> Iterator[tuple[Origin, Sequence[Question]]]:
    """Yield the questions of the task that an adapter's folder is named after, as fine-tuning names it; then others."""
    own = [question for question in questions if question[0].task_id == origin.adapter]
    others = [question for question in questions if question[0].task_id != origin.adapter]
    if own:
        yield replace(origin, exposure="transductive"), own
    if others:
        yield origin, others


def write_by_solver(
    out: Path,
    loaded: LoadedSolver,
    tasks: Sequence[Task],
    dataset: str,
    tell: Tell,
    *,
    edition: str | None = None,
    attempts: int = 2,
    views: int = 1,
    seed: int = 0,
    overwrite: bool = False,
) -> None:
    """Write the records of ``tasks``, answered by a network that has learned them; otherwise as `write_predictions`.

    Raises:
        ArcAffinityError: the network has not learned a task; or as `write_predictions`.
    """
    origin = Origin(
        loaded.name, loaded.digest, dataset, Protocol.ARC_PRIZE, seed, exposure="transductive", edition=edition
    )

    def answer(done: Collection[str]) -> Groups:
        groups = predict_by_solver(loaded, tasks, origin, attempts=attempts, views=views, done=done)
        for number, group in enumerate(groups, len(done) + 1):
            yield group
            tell(number, len(tasks))

    # The edition leaves the tests' outputs out, which the records say the answers are right by.
    content = digest_of_pairs(pair for task in tasks for pair in (*task.train, *task.test))
    settings = {**asdict(origin), "attempts": attempts, "views": views, "questions": content}
    # A view gives one answer, so there are no more attempts than views; there are fewer where views agree, or copy the
    # input and lose their votes. So records of fewer attempts asked for cannot be told from these.
    most = min(attempts, views)
    held = range(1, most + 1)
    finished = is_finished(out, origin, questions_of(tasks), attempts=held, views=views, overwrite=overwrite)
    if finished and max(record.attempt for record in iter_records(out)) < most:
        logger.warning(
            "%s has no output with %d attempts, if that many were asked for; --overwrite asks again", out, most
        )
    _write(out, settings, answer, finished=finished, overwrite=overwrite)


def _write(
    out: Path,
    settings: Mapping[str, object],
    answer: Callable[[Collection[str]], Groups],
    *,
    finished: bool,
    overwrite: bool,
) -> None:
    """Write what is not there in full yet; beside what is, nothing is left of an interrupted call."""
    if finished:
        remove_part(out, settings)
        return
    with RecordWriter.opened(out, settings, overwrite=overwrite) as writer:
        for task, records in answer(writer.done_tasks):
            writer.write(task, records)


def specialists_in(folder: Path, task_ids: Iterable[str]) -> dict[str, Path | None]:
    """Return the specialist's folder of each task: ``folder`` itself, or the one within it named after the task.

    Raises:
        ArcAffinityError: ``folder`` holds neither.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        return dict.fromkeys(task_ids, folder)
    found: dict[str, Path | None] = {
        task: folder / task if any((folder / task / name).is_file() for name in (ADAPTER_CONFIG, CONFIG)) else None
        for task in task_ids
    }
    if not any(found.values()):
        below = f"; {folder / TASKS} may" if (folder / TASKS).is_dir() else ""
        raise ArcAffinityError(f"{folder} holds no adapter, and none for a task asked for{below}")
    return found


def specialist(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """Return the model with the adapter in ``folder``, or the whole model there, where ``loaded`` is.

    Raises:
        ArcAffinityError: it cannot be read, is of another base, or is shown other numbers of demonstrations.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        return with_adapter(replace(loaded, model=deepcopy(loaded.model)), folder)
    whole = find_model(str(folder))
    mine, wanted = whole.model.config.context_pairs, loaded.model.config.context_pairs
    if mine != wanted:
        raise ArcAffinityError(f"{folder} looks at {mine} demonstrations, {loaded.name} at {wanted}")
    whole.model.to(loaded.model.device)
    return whole


def _digest(loaded: LoadedModel, folder: Path) -> str:
    if (folder / ADAPTER_CONFIG).is_file():
        return adapted_digest(loaded.digest, load_adapter(folder))
    # A whole model may be of any origin; what fine-tuning says of its own is held to.
    told = read_object(folder / RESULT) if (folder / RESULT).is_file() else {}
    if told.get("model_digest", loaded.digest) != loaded.digest:
        raise ArcAffinityError(f"{folder} was fine-tuned from {told.get('model')}, which {loaded.name} is not")
    return find_model(str(folder)).digest
