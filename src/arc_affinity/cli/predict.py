"""``arc-affinity predict``: a model and a dataset in, records out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arc_affinity.data.arc import load_tasks
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
from arc_affinity.models.storage import LoadedModel, find_model


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
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    device: str | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
) -> None:
    """Predict the outputs of a dataset.

    Writes one record for each attempt at each test output. Stopped at any moment, the same command goes on after the
    last finished task.

    Args:
        model: A bundled model's name, a model folder, or a checkpoint.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or an example store (every
            example of which is predicted from other examples of its task).
        out: File of the records to write, JSON lines; gzip where it ends in .gz.
        tasks: Ids of tasks; all unless given.
        protocol: arc_prize (the model decides the size), sized (the true size is given) or teacher_forced (published:
            the true cells before each cell are shown).
        attempts: Different answers to each question.
        views: Draws of demonstrations that are decoded and vote.
        seed: Of the draws.
        device: cpu or cuda; a GPU is used where there is one unless given.
        data_dir: Folder of datasets that do not come with the package.
    """
    place = _device(device)
    loaded = find_model(model)
    asking = Asking(Protocol.named(protocol), attempts, views, seed)
    questions = load_questions(dataset, tasks, loaded.model.config.context_pairs, asking, data_dir)
    check_answerable(questions, asking.protocol)
    loaded.model.to(place)
    try:
        _write(loaded, dataset, questions, asking, out)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command goes on") from error
    Console().print(f"{out}", soft_wrap=True, highlight=False)


def _write(loaded: LoadedModel, dataset: str, questions: list[Question], asking: Asking, out: Path) -> None:
    """Answer the questions that ``out`` has no records of yet, with a bar over tasks."""
    origin = Origin(loaded.name, loaded.digest, dataset, asking.protocol, asking.seed)
    settings = {**asdict(origin), **asdict(asking), "questions": digest(questions)}
    with RecordWriter(out, settings) as writer, _progress() as progress:
        done = writer.done_tasks
        total = {question[0].task_id for question in questions}
        bar = progress.add_task("", total=len(total), completed=len(done))
        for task, records in ask(loaded.model, questions, origin, asking, done):
            writer.write(task, records)
            progress.advance(bar)


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
    dataset: str, wanted: tuple[str, ...], pairs: int, asking: Asking, data_dir: Path | None
) -> list[Question]:
    """Return the questions of a dataset or an example store, of all tasks or those ``wanted``.

    Raises:
        ArcAffinityError: a task is not in the dataset.
    """
    path = Path(dataset)
    if (path / MANIFEST).is_file() or path.suffix == ".npz":
        questions = questions_of_store(ExampleStore.open(path), pairs, asking)
    else:
        questions = questions_of_tasks(load_tasks(dataset, data_dir), pairs, asking)
    known = {question[0].task_id for question in questions}
    for task in wanted:
        if task not in known:
            raise unknown("task", task, known)
    return [question for question in questions if not wanted or question[0].task_id in wanted]
