"""``arc-affinity predict``: a model and a dataset in, records out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arc_affinity.cli.terminal import Console, model_files, say_path
from arc_affinity.data.arc import files_of, load_tasks
from arc_affinity.data.context import ContextPolicy
from arc_affinity.data.store import MANIFEST, ExampleStore
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.evaluation.metrics import Protocol
from arc_affinity.evaluation.predict import (
    Asking,
    Question,
    check_answerable,
    digest,
    questions_of_store,
    questions_of_tasks,
)
from arc_affinity.evaluation.predict import predict as ask
from arc_affinity.evaluation.record_writer import RecordWriter
from arc_affinity.evaluation.records import Origin
from arc_affinity.files import keep_inputs
from arc_affinity.models.adapters import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from arc_affinity.models.storage import LoadedModel, find_model, with_adapter


def predict(
    model: str,
    /,
    *,
    dataset: str,
    out: Path,
    tasks: tuple[str, ...] = (),
    protocol: str = Protocol.ARC_PRIZE.value,
    attempts: Annotated[int, Parameter(validator=Number(gte=1))] = 2,
    views: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    context: ContextPolicy = "drawn",
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    adapter: Path | None = None,
    device: str | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
) -> None:
    """Predict the outputs of a dataset.

    Writes one record for each attempt at each test output. Stopped at any moment, the same command goes on after the
    last finished task.

    Args:
        model: A bundled model's name, a model folder, a checkpoint, or an adapter's folder, whose base is then taken.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or an example store (every
            example of which is predicted from other examples of its task).
        out: File of the records to write, JSON lines; gzip where it ends in .gz.
        tasks: Ids of tasks; all unless given.
        protocol: arc_prize (the model decides the size), sized (the true size is given) or teacher_forced (published:
            the true cells before each cell are shown).
        attempts: Different answers to each question.
        views: Draws of demonstrations that are decoded and vote.
        context: How an example store's demonstrations are chosen: drawn, or first (published: the first pairs of the
            task for every example, which give the answers of those pairs away; the records' dataset says so).
        seed: Of the draws.
        adapter: Folder of an adapter to lay over the model, or a folder of such folders, one for each task and named
            after it (as `finetune` leaves them in OUT/tasks); tasks without one are predicted by the model itself.
        device: cpu or cuda; a GPU is used where there is one unless given.
        data_dir: Folder of datasets that do not come with the package.
    """
    keep_inputs([out], [*files_of(dataset, data_dir), *model_files([model, adapter])])
    place = _device(device)
    loaded = find_model(model)
    asking = Asking(Protocol.named(protocol), attempts, views, seed)
    questions = load_questions(dataset, tasks, loaded.model.config.context_pairs, asking, data_dir, context)
    named = dataset if context == "drawn" else f"{dataset}?context={context}"
    check_answerable(questions, asking.protocol)
    loaded.model.to(place)
    try:
        if adapter is None:
            _write(loaded, named, questions, asking, out)
        else:
            _write_adapted(loaded, adapter, named, questions, asking, out)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command goes on") from error
    say_path(Console(), "", out)


def _write(loaded: LoadedModel, dataset: str, questions: list[Question], asking: Asking, out: Path) -> None:
    """Answer the questions that ``out`` has no records of yet, with a bar over tasks."""
    origin = Origin(loaded.name, loaded.digest, dataset, asking.protocol, asking.seed, loaded.adapter)
    settings = {**asdict(origin), **asdict(asking), "questions": digest(questions)}
    with RecordWriter(out, settings) as writer, _progress() as progress:
        done = writer.done_tasks
        total = {question[0].task_id for question in questions}
        bar = progress.add_task("", total=len(total), completed=len(done))
        for task, records in ask(loaded.model, questions, origin, asking, done):
            writer.write(task, records)
            progress.advance(bar)


def _write_adapted(
    loaded: LoadedModel, adapter: Path, dataset: str, questions: list[Question], asking: Asking, out: Path
) -> None:
    """Answer each task's questions with its adapter."""
    chosen = adapters_of(adapter, [question[0].task_id for question in questions])
    origin = Origin(loaded.name, loaded.digest, dataset, asking.protocol, asking.seed)
    laid = {task: each and adapter_digest(each) for task, each in chosen.items()}
    settings = {**asdict(origin), **asdict(asking), "questions": digest(questions), "adapters": laid}
    with RecordWriter(out, settings) as writer, _progress() as progress:
        bar = progress.add_task("", total=len(chosen), completed=len(writer.done_tasks))
        for task, folder in chosen.items():
            if task in writer.done_tasks:
                continue
            asked = [question for question in questions if question[0].task_id == task]
            with_own = loaded if folder is None else with_adapter(copy_of(loaded), folder)
            for _, records in ask(with_own.model, asked, replace(origin, adapter=with_own.adapter), asking):
                writer.write(task, records)
            progress.advance(bar)


def adapters_of(folder: Path, task_ids: Iterable[str]) -> dict[str, Path | None]:
    """Return the adapter's folder of each task: ``folder`` itself, or the one within it that is named after the task.

    Raises:
        ArcAffinityError: ``folder`` holds neither.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        return dict.fromkeys(task_ids, folder)
    found: dict[str, Path | None] = {
        task: folder / task if (folder / task / ADAPTER_CONFIG).is_file() else None for task in task_ids
    }
    if not any(found.values()):
        raise ArcAffinityError(f"{folder} holds no adapter, and none for a task asked for")
    return found


def adapter_digest(folder: Path) -> str:
    """Return the first 12 hex digits of the SHA-256 of an adapter's weights.

    Raises:
        ArcAffinityError: they cannot be read.
    """
    path = folder / ADAPTER_WEIGHTS
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error


def copy_of(loaded: LoadedModel) -> LoadedModel:
    """Return the same model, to be changed."""
    return replace(loaded, model=deepcopy(loaded.model))


def _progress() -> Progress:
    """A bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("Predicting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _device(name: str | None) -> torch.device:
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
    known = {question[0].task_id for question in questions}
    for task in wanted:
        if task not in known:
            raise unknown("task", task, known)
    return [question for question in questions if not wanted or question[0].task_id in wanted]
