"""``arc-affinity predict``: a model and a dataset in, records out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.exposure import tell_what_was_seen
from arc_affinity.cli.output.files import check_outputs
from arc_affinity.cli.output.terminal import Console, model_files, say_path
from arc_affinity.data.batching.demonstrations import AskedContext
from arc_affinity.data.datasets.choosing import choose_ids
from arc_affinity.data.datasets.editions import edition_here
from arc_affinity.data.datasets.registry import files_of, load_tasks, store_at
from arc_affinity.errors import UsageError
from arc_affinity.evaluation.records.record import CONTEXT
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.storage.names import check_name, is_solver

MOST_ATTEMPTS = 10
"""So many different answers there are to any question, even where the size is given and is one cell."""


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
    context: AskedContext = "drawn",
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    adapter: Path | None = None,
    overwrite: bool = False,
    threads: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    device: str | None = None,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
) -> None:
    """Predict the outputs of a dataset.

    Writes one record for each attempt at each test output. An interrupted run resumes with the same command
    after the last finished task. A finished file of the same answers is left as it is, and one of other answers is not
    replaced.

    Args:
        model: A bundled model's name, a model folder, a checkpoint, or an adapter's folder, whose base is then taken;
            or the folder of a run of `solve`, for the tasks of that run.
        dataset: A dataset's name, a task file, a folder of them, a competition bundle, or an example store (every
            example of which is predicted from other examples of its task).
        out: File of the records to write, JSON lines; gzip where it ends in .gz.
        tasks: Ids of tasks, or files of ids; all unless given.
        protocol: arc_prize (the model decides the size), sized (the true size is given) or teacher_forced (published:
            the true cells before each cell are shown).
        attempts: Different answers to each question: 2 unless given, and 1 by teacher_forced, which has no other.
        views: Views of each question that are answered and vote: turned, mirrored and recoloured, all grids alike, the
            first as it is. Each is shown a draw of demonstrations of its own.
        context: Which demonstrations are shown: drawn; others (of another task: what the model does without knowing
            its own); or, of a store, first (published: its first pairs, whose own answers they give away).
        seed: Seed of the draws of demonstrations and of the views.
        adapter: Folder of an adapter to lay over the model, or a folder of such folders or of whole models, one for
            each task and named after it (as `finetune` leaves them in OUT/tasks); tasks without one are predicted by
            the model itself.
        overwrite: Replace what is there: finished records, and what an interrupted run of other questions left.
        threads: Threads of the computation. More of them wait for each other wherever something else runs.
        device: cpu or cuda; a GPU is used where there is one unless given.
        data_dir: Folder of datasets that do not come with the package.
    """
    asked = _asked(protocol, attempts or 1, views)
    read = [*files_of(dataset, data_dir), *model_files([model, adapter]), *map(Path, tasks)]
    check_outputs([out], read, replaced=[out] if overwrite else [])
    check_name(model)
    if is_solver(model):
        _check_learned(model, asked, plain=adapter is None and context == "drawn")
    # An encoder-decoder answers every example of a store, a network of `solve` the last one of each task.
    store = None if is_solver(model) else store_at(dataset)
    if store is None and context == "first":
        raise UsageError(f"--context {context} is for example stores; a task's demonstrations are never its tests")
    known = load_tasks(dataset, data_dir) if store is None else ()
    chosen = choose_ids([task.id for task in known] if store is None else store.tasks, tasks, data_dir)
    edition, source = edition_here(dataset, known), known if store is None else store
    # Imported once what is asked for makes sense: torch takes seconds, which help and typos need not wait for.
    from arc_affinity.evaluation.predicting.asking import Asking, check_answerable
    from arc_affinity.evaluation.predicting.writing import ask, write_by_solver, write_predictions
    from arc_affinity.models.pair_transformer.storage import find_solver
    from arc_affinity.models.parts.threads import computing_in
    from arc_affinity.models.storage.folders import find_model
    from arc_affinity.training.hardware import pick_device

    place, bar = pick_device(device), Bar("Predicting", unit="answers")
    try:
        if is_solver(model):
            solver = find_solver(model)
            solver.model.to(place)
            with computing_in(threads), bar:
                write_by_solver(
                    *(out, solver, [task for task in known if task.id in chosen], dataset, bar.at),
                    edition=edition,
                    attempts=attempts or 2,
                    views=views,
                    seed=seed,
                    overwrite=overwrite,
                )
        else:
            loaded = find_model(model)
            asking = Asking(asked, attempts or (1 if asked is Protocol.TEACHER_FORCED else 2), views, seed)
            questions = ask(source, chosen, loaded.model.config.context_pairs, asking, context)
            check_answerable(questions, asked)
            tell_what_was_seen(loaded, dataset, chosen, source)
            loaded.model.to(place)
            named = dataset if context == "drawn" else f"{dataset}{CONTEXT}{context}"
            with computing_in(threads), bar:
                write_predictions(
                    *(out, loaded, questions, asking, named, bar.at),
                    edition=edition,
                    adapter=adapter,
                    overwrite=overwrite,
                )
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command resumes") from error
    say_path(Console(), "", out)


def _check_learned(model: str, asked: Protocol, *, plain: bool) -> None:
    """Refuse what a network that has learned its tasks cannot be asked."""
    if not plain:
        raise UsageError(f"{model} has learned its tasks: --adapter and --context are not for it")
    if asked is not Protocol.ARC_PRIZE:
        raise UsageError(f"{model} finds the size itself: only --protocol {Protocol.ARC_PRIZE} is for it")


def _asked(protocol: str, attempts: int, views: int) -> Protocol:
    """The protocol of this name; several answers are refused where the model is shown the right one."""
    with wrong_usage():
        asked = Protocol.named(protocol)
    for name, number in (("attempts", attempts), ("views", views)):
        if asked is Protocol.TEACHER_FORCED and number != 1:
            raise UsageError(f"--{name} {number}: {asked} shows the model the answer, once")
    return asked
