"""``arc-affinity predict``: a model and a dataset in, records out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from cyclopts.validators import Number

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_outputs
from arc_affinity.cli.output.terminal import Console, model_files, say_path
from arc_affinity.cli.predict.solver import write_answers
from arc_affinity.data.batching.demonstrations import ContextPolicy
from arc_affinity.data.datasets.choosing import choose_ids, choose_tasks
from arc_affinity.data.datasets.registry import files_of, load_tasks
from arc_affinity.data.store.examples import MANIFEST, ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting.predict import (
    Asking,
    Question,
    answers_to,
    check_answerable,
    digest,
    questions_of_store,
    questions_of_tasks,
)
from arc_affinity.evaluation.predicting.predict import predict as ask
from arc_affinity.evaluation.records.finished import Wanted, is_finished
from arc_affinity.evaluation.records.record import Origin
from arc_affinity.evaluation.records.writer import RecordWriter
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.adapters.files import ADAPTER_CONFIG, adapted_digest, digest_of_set, load_adapter
from arc_affinity.models.pair_transformer.storage import is_solver
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.models.storage.folders import CONFIG, LoadedModel, find_model, refuse_adapted, with_adapter

MOST_ATTEMPTS = 10
"""So many different answers there are to any question, even where the size is given and is one cell."""

WITHOUT = "(none)"
"""Stands for the adapter of a task that has none, among tasks that have."""


def predict(
    model: str,
    /,
    *,
    dataset: str,
    out: Path,
    tasks: tuple[str, ...] = (),
    protocol: str = Protocol.ARC_PRIZE.value,
    attempts: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MOST_ATTEMPTS))] = None,
    views: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    context: ContextPolicy = "drawn",
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    adapter: Path | None = None,
    overwrite: bool = False,
    threads: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    device: str | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
) -> None:
    """Predict the outputs of a dataset.

    Writes one record for each attempt at each test output. Stopped at any moment, the same command goes on after the
    last finished task. Finished records of the same answers are left as they are, those of others are not replaced.

    Args:
        model: A bundled model's name, a model folder, a checkpoint, or an adapter's folder, whose base is then taken;
            or the folder of a run of `solve`, for the tasks that it has learned.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or an example store (every
            example of which is predicted from other examples of its task).
        out: File of the records to write, JSON lines; gzip where it ends in .gz.
        tasks: Ids of tasks, or files of ids; all unless given.
        protocol: arc_prize (the model decides the size), sized (the true size is given) or teacher_forced (published:
            the true cells before each cell are shown).
        attempts: Different answers to each question: 2 unless given, and 1 by teacher_forced, which has no other.
        views: Views of each question that are answered and vote: turned, mirrored and recoloured, all grids alike, the
            first as it is. Each is shown a draw of demonstrations of its own.
        context: How an example store's demonstrations are chosen: drawn, or first (published: the first pairs of the
            task for every example, which give the answers of those pairs away; the records' dataset says so).
        seed: Of the draws and views.
        adapter: Folder of an adapter to lay over the model, or a folder of such folders or of whole models, one for
            each task and named after it (as `finetune` leaves them in OUT/tasks); tasks without one are predicted by
            the model itself.
        overwrite: Replace finished records of other answers, or begin anew.
        threads: Of the computation; as many as torch takes unless given.
        device: cpu or cuda; a GPU is used where there is one unless given.
        data_dir: Folder of datasets that do not come with the package.
    """
    check_outputs([out], [*files_of(dataset, data_dir), *model_files([model, adapter])])
    place = pick_device(device)
    if is_solver(model):
        if adapter is not None or context != "drawn":
            raise ArcAffinityError(f"{model} has learned its tasks: --adapter and --context are not for it")
        with computing_in(threads or 0):
            write_answers(
                model,
                choose_tasks(load_tasks(dataset, data_dir), tasks, data_dir),
                dataset,
                out,
                protocol=Protocol.named(protocol),
                attempts=attempts or 2,
                views=views,
                seed=seed,
                overwrite=overwrite,
                device=place,
            )
        return
    loaded = find_model(model)
    asking = asking_of(Protocol.named(protocol), attempts, views, seed)
    questions = load_questions(dataset, tasks, loaded.model.config.context_pairs, asking, data_dir, context)
    named = dataset if context == "drawn" else f"{dataset}?context={context}"
    check_answerable(questions, asking.protocol)
    loaded.model.to(place)
    try:
        with computing_in(threads or 0):
            if adapter is None:
                _write(loaded, named, questions, asking, out, overwrite)
            else:
                _write_adapted(loaded, adapter, named, questions, asking, out, overwrite)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command goes on") from error
    say_path(Console(), "", out)


def asking_of(protocol: Protocol, attempts: int | None, views: int, seed: int) -> Asking:
    """Return how a model is questioned.

    Raises:
        ArcAffinityError: teacher forcing, which gives one answer under one view, is to give more.
    """
    if protocol is not Protocol.TEACHER_FORCED:
        return Asking(protocol, attempts or 2, views, seed)
    for name, number in (("attempts", attempts or 1), ("views", views)):
        if number != 1:
            raise ArcAffinityError(f"--{name} {number}: {protocol} shows the model the answer, once")
    return Asking(protocol, 1, 1, seed)


def _write(
    loaded: LoadedModel, dataset: str, questions: list[Question], asking: Asking, out: Path, overwrite: bool
) -> None:
    """Answer the questions that ``out`` has no records of yet, with a bar over tasks."""
    origin = Origin(loaded.name, loaded.digest, dataset, asking.protocol, asking.seed, loaded.adapter)
    if is_finished(out, _wanted(origin, questions, asking), overwrite=overwrite):
        return
    settings = {**asdict(origin), **asdict(asking), "questions": digest(questions)}
    with RecordWriter(out, settings) as writer, _bar(questions, asking, writer.done_tasks) as bar:
        for task, records in ask(loaded.model, questions, origin, asking, writer.done_tasks, bar.advance):
            writer.write(task, records)


def _write_adapted(
    loaded: LoadedModel,
    adapter: Path,
    dataset: str,
    questions: list[Question],
    asking: Asking,
    out: Path,
    overwrite: bool,
) -> None:
    """Answer each task's questions with its specialist; all of them together are one solver, of one digest."""
    refuse_adapted(loaded)
    chosen = adapters_of(adapter, [question[0].task_id for question in questions])
    laid = {task: loaded.digest if folder is None else _digest(loaded, folder) for task, folder in chosen.items()}
    origin = Origin(loaded.name, digest_of_set(laid), dataset, asking.protocol, asking.seed, WITHOUT)
    if is_finished(out, _wanted(origin, questions, asking), overwrite=overwrite):
        return
    settings = {**asdict(origin), **asdict(asking), "questions": digest(questions), "adapters": laid}
    with RecordWriter(out, settings) as writer, _bar(questions, asking, writer.done_tasks) as bar:
        for task, folder in chosen.items():
            if task in writer.done_tasks:
                continue
            asked = [question for question in questions if question[0].task_id == task]
            model, named = loaded.model, origin
            if folder is not None:
                model, named = specialist(loaded, folder).model, replace(origin, adapter=folder.resolve().name)
            for _, records in ask(model, asked, named, asking, tell=bar.advance):
                writer.write(task, records)


def _wanted(origin: Origin, questions: list[Question], asking: Asking) -> Wanted:
    """The records that will come of the questions."""
    asked = {(first.task_id, first.index): first.query for first, *_ in questions}
    return Wanted(origin, asked, asking.attempts, asking.views)


def adapters_of(folder: Path, task_ids: Iterable[str]) -> dict[str, Path | None]:
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
        raise ArcAffinityError(f"{folder} holds no adapter, and none for a task asked for")
    return found


def specialist(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """Return the model with the adapter in ``folder``, or the whole model there, where ``loaded`` is.

    Raises:
        ArcAffinityError: it cannot be read, is of another base, or is shown other numbers of demonstrations.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        return with_adapter(copy_of(loaded), folder)
    whole = find_model(str(folder))
    mine, wanted = whole.model.config.context_pairs, loaded.model.config.context_pairs
    if mine != wanted:
        raise ArcAffinityError(f"{folder} looks at {mine} demonstrations, {loaded.name} at {wanted}")
    whole.model.to(loaded.model.device)
    return whole


def _digest(loaded: LoadedModel, folder: Path) -> str:
    """The digest of a specialist's weights."""
    if (folder / ADAPTER_CONFIG).is_file():
        return adapted_digest(loaded.digest, load_adapter(folder))
    return find_model(str(folder)).digest


def copy_of(loaded: LoadedModel) -> LoadedModel:
    """Return the same model, to be changed."""
    return replace(loaded, model=deepcopy(loaded.model))


def _bar(questions: list[Question], asking: Asking, done: Collection[str]) -> Bar:
    """A bar over the answers that are written, those of the tasks that are ``done`` among them."""
    finished = [question for question in questions if question[0].task_id in done]
    return Bar("Predicting", answers_to(questions, asking), "answers", done=answers_to(finished, asking))


def pick_device(name: str | None) -> torch.device:
    """Return the device called ``name``, a GPU or else the CPU where none is asked for.

    Raises:
        ArcAffinityError: there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ArcAffinityError(f"no device {name!r} here: {str(error).splitlines()[0]}") from error
    if place.type not in ("cpu", "cuda", "mps"):
        raise ArcAffinityError(f"device {name!r} cannot predict; take cpu or cuda")
    return place


def load_questions(
    dataset: str,
    wanted: tuple[str, ...],
    pairs: int,
    asking: Asking,
    data_dir: Path | None,
    policy: ContextPolicy = "drawn",
) -> list[Question]:
    """Return the questions of a dataset or an example store, of all tasks or those ``wanted``.

    Raises:
        ArcAffinityError: a task is not in the dataset, or it is no store and has no examples to leak.
    """
    path = Path(dataset)
    if (path / MANIFEST).is_file() or path.suffix == ".npz":
        questions = questions_of_store(ExampleStore.open(path), pairs, asking, policy)
    elif policy != "drawn":
        raise ArcAffinityError(f"--context {policy} is for example stores; a task's demonstrations are never its tests")
    else:
        questions = questions_of_tasks(load_tasks(dataset, data_dir), pairs, asking)
    chosen = set(choose_ids([question[0].task_id for question in questions], wanted, data_dir))
    return [question for question in questions if question[0].task_id in chosen]
