"""From tasks to answers: by a model as it stands, or by all that `solve` does."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path

from arc_affinity.data.checks import check_asked
from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting.asking import Asking, check_answerable, questions_of_tasks
from arc_affinity.evaluation.predicting.predict import predict as predict_by
from arc_affinity.evaluation.predicting.solver import predict_by_solver
from arc_affinity.evaluation.predicting.writing import by_exposure
from arc_affinity.evaluation.records.record import Origin, Record, Sources
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.files import as_name
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver, find_either, find_solver
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.models.storage.folders import LoadedModel
from arc_affinity.notebook.answers import Answers
from arc_affinity.training.finetuning.seen import note_of_seen
from arc_affinity.training.hardware import pick_device
from arc_affinity.training.joint.recipe import Budget
from arc_affinity.training.joint.settings import SolveSettings, Where
from arc_affinity.training.joint.solve import solve as solve_in
from arc_affinity.types import Task

logger = logging.getLogger(__name__)

THREADS = 1
"""Of predicting and fine-tuning, as of the commands: more of them wait for each other wherever something else runs."""

UNNAMED = "notebook"
"""The dataset's name in records of tasks that name none."""


def find_model(name: str | Path) -> LoadedModel | LoadedSolver:
    """Return the model that ``name`` means: a bundled one, a model folder, a checkpoint, or a run of `solve`.

    Text that may be either is a bundled one's name; ``./NAME`` and a `Path` are paths.

    Raises:
        ArcAffinityError: there is none (the nearest name is suggested), or it is damaged.

    Example:
        >>> import arc_affinity as aa
        >>> aa.find_model("rotary").model.parameter_count()
        1644975
    """
    return find_either(as_name(name))


def predict(
    model: LoadedModel | LoadedSolver | str | Path,
    tasks: Sequence[Task],
    *,
    protocol: str = Protocol.ARC_PRIZE.value,
    attempts: int = 2,
    views: int = 1,
    seed: int = 0,
    device: str | None = None,
) -> Answers:
    """Return the attempts of ``model`` at the tests of ``tasks``.

    A network of `solve` answers tasks that it has learned; the others look at the demonstrations. Where they are known
    to have been trained on what is asked, that is logged.

    Args:
        model: as `find_model` returns it, or what that takes.
        tasks: whose tests are asked.
        protocol: arc_prize (the model finds the size), sized (it is given) or teacher_forced (the true cells before
            each cell are shown: one attempt, one view). Networks of `solve` know the first alone.
        attempts: different answers to each question, at most.
        views: views under which each question is answered, and which vote.
        seed: of the views and of the draws of demonstrations.
        device: cpu or cuda; a GPU where there is one unless given. A model that is given goes there and comes back.

    Raises:
        ArcAffinityError: a network of `solve` has not learned a task, the protocol is unknown, is not for the model or
            for several views, or it needs outputs that are withheld; a value is out of range, there is no such device,
            or there are no tasks, one comes twice, lacks demonstrations or tests, or has something that is no grid.

    Example:
        >>> import arc_affinity as aa
        >>> task = aa.load_tasks("arc-agi-1/training")[0]
        >>> [record.attempt for record in aa.predict(aa.find_model("rotary"), [task]).records]
        [1, 2]
    """
    model = find_model(model) if isinstance(model, str | Path) else model
    asked, name = check_asked(tasks), dataset_of(tasks)
    by = Protocol.named(protocol)
    asking = Asking(by, attempts, views, seed)
    if isinstance(model, LoadedSolver) and by is not Protocol.ARC_PRIZE:
        raise ArcAffinityError(f"{model.name} finds the size itself: only protocol {Protocol.ARC_PRIZE} is for it")
    if by is Protocol.TEACHER_FORCED and views != 1:
        raise ArcAffinityError(f"{views} views: {by} shows the model the answer, once")
    if isinstance(model, LoadedSolver):
        origin = Origin(
            model.name, model.digest, name, Protocol.ARC_PRIZE, seed, exposure="transductive", edition=edition_of(asked)
        )
        with computing_on(model.model, device):
            groups = predict_by_solver(model, asked, origin, attempts=attempts, views=views)
            return Answers(_joined(groups), asked, attempts)
    questions = questions_of_tasks(asked, model.model.config.context_pairs, asking)
    check_answerable(questions, by)
    _warn_of_seen(model, asked)
    origin = Origin(model.name, model.digest, name, by, seed, model.adapter, edition=edition_of(asked))
    parts = (predict_by(model.model, part, named, asking) for named, part in by_exposure(origin, questions))
    with computing_on(model.model, device):
        return Answers(_joined(chain.from_iterable(parts)), asked, attempts)


@contextmanager
def computing_on(model: EncoderDecoder | PairTransformer, device: str | None) -> Iterator[None]:
    """Compute with ``model`` on the device called so, in `THREADS` threads; in the end it is back where it was.

    Where no device is named it stays on the GPU that it is on, or goes to the one that there is.

    Raises:
        ArcAffinityError: there is no such device.
    """
    before = model.device
    model.to(before if device is None and before.type == "cuda" else pick_device(device))
    try:
        with computing_in(THREADS):
            yield
    finally:
        model.to(before)


def solve(
    tasks: Sequence[Task],
    *,
    seconds: float | None = None,
    steps: int | None = None,
    base: str | Path = "solver-small",
    sources: Sources = "both",
    views: int = 64,
    seed: int = 0,
    workers: int | None = None,
    out: Path | str | None = None,
    device: str | None = None,
    report: Callable[[str, float, str], None] = lambda *_: None,
) -> Answers:
    """Return answers to ``tasks`` by searching for programs and by adapting a base to their demonstrations.

    Several processes import the script that calls this anew, so a script calls it below ``if __name__ == "__main__":``;
    a notebook, or one worker, needs no such care. ``summary["seen_by_base"]`` of the answers says how many of the tasks
    the base was trained on before; that a score of such tells nothing of unseen ones is logged.

    Args:
        tasks: whose tests are asked; their outputs, where known, are only measured by.
        seconds: time for all of it, or
        steps: of training, which give the same answers every time.
        base: the network to begin from.
        sources: network, search, or both.
        views: views under which every question is answered, at most.
        seed: of the training's draws and of the views.
        workers: processes; as many as there are cores unless given.
        out: a folder for the run, by which it is resumed; none is left unless given.
        device: cpu or cuda; a GPU where there is one unless given.
        report: called with the stage, the share of it that is done, and words about it.

    Raises:
        ArcAffinityError: not exactly one of ``seconds`` and ``steps`` is given, a value is out of range, a task comes
            twice or lacks demonstrations or tests, there is no such device, or the folder holds another run.

    Example:
        >>> import arc_affinity as aa
        >>> tasks = [task for task in aa.load_tasks("arc-agi-1/evaluation") if task.id == "00576224"]
        >>> aa.score(aa.solve(tasks, steps=1, views=1, workers=1)).solved.over_tasks
        1.0
    """
    asked, network = check_asked(tasks), find_solver(as_name(base))
    settings = SolveSettings(Budget(steps, seconds), seed=seed, views=views, sources=sources)
    place = pick_device(device)
    with tempfile.TemporaryDirectory() if out is None else nullcontext(str(out)) as folder:
        done = solve_in(
            asked, network, settings, Where(Path(folder), place, workers), dataset=dataset_of(tasks), report=report
        )
    if done.caution:
        logger.warning(done.caution)
    return Answers(done.records, asked, 2, done.summary)


def _warn_of_seen(model: LoadedModel, tasks: Sequence[Task]) -> None:
    """Log what is known of a model's having been trained on the tests of ``tasks``, dataset by dataset."""
    for name in dict.fromkeys(task.dataset for task in tasks if task.dataset):
        asked = [task for task in tasks if task.dataset == name]
        if note := note_of_seen(model, name, [task.id for task in asked], asked):
            logger.warning(note)


def dataset_of(tasks: Sequence[Task]) -> str:
    """Return the dataset that all of ``tasks`` are of, or a name that says that there is no such."""
    names = {task.dataset for task in tasks}
    return names.pop() or UNNAMED if len(names) == 1 else UNNAMED


def _joined(groups: Iterable[tuple[str, Sequence[Record]]]) -> tuple[Record, ...]:
    return tuple(record for _, records in groups for record in records)
