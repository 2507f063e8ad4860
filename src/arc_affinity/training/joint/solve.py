"""From a set of tasks to records and a submission: adapt a base, answer under many views, rank, write."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arc_affinity.data.canonical import edition_of
from arc_affinity.documents import read_json, read_object
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.answering import Draft, Question, questions_of, under, views_of
from arc_affinity.evaluation.candidates import Answers, Network, Place
from arc_affinity.evaluation.journal import Journal
from arc_affinity.evaluation.metrics import Protocol
from arc_affinity.evaluation.ranking import Ranked
from arc_affinity.evaluation.records import Origin, Record, make_record, write_records
from arc_affinity.evaluation.submission import make_submission, write_submission
from arc_affinity.files import write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.models.pair_transformer.decoding import write
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver, load_solver, save_solver
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.joint.adapting import ADAPTING, adapting_job
from arc_affinity.training.joint.processes import default_workers, train_jointly
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import STATE, Progress
from arc_affinity.types import Example, Pair, Task

RUN, MODEL, JOURNAL = "run.json", "model", "answers.jsonl"
RECORDS, SUBMISSION, SUMMARY = "records.jsonl", "submission.json", "summary.json"

LEAST_SHARE, MOST_SHARE = 0.1, 0.4
"""Shares of a budget in time that are kept back for answers, at least and at most."""

MARGIN = 1.4
"""How much longer answering may take than the trial says."""

TRIAL = 24
"""Questions of the trial that tells how fast this machine answers."""

Report = Callable[[str, float, str], None]
"""Called with a stage ("train", "write", "judge"), the share of it that is done, and words about it."""


@dataclass(frozen=True)
class SolveSettings:
    """What decides the answers, besides the base and the tasks.

    Attributes:
        budget: for all of it, answers included, where it is in seconds; training steps where it is in steps.
        seed: of the training's draws and of the views.
        views: views under which every question is answered, at most.
        shared: views under which candidates are judged, at most.
        recipe: of the training.
    """

    budget: Budget
    seed: int = 0
    views: int = 64
    shared: int = 16
    recipe: JointRecipe = ADAPTING


@dataclass(frozen=True)
class Where:
    """Where a run is done: its folder, device, processes and executor; no part of what comes out."""

    folder: Path
    device: torch.device
    workers: int | None = None
    executor: str = "processes"


@dataclass(frozen=True)
class Solved:
    """What a run left.

    Attributes:
        records: two attempts a test output at most, the better first.
        drafts: what was written under each view, by question.
        ranked: the candidates of every question in order.
        summary: figures of the run, as in ``summary.json``.
    """

    records: tuple[Record, ...]
    drafts: Mapping[Place, Sequence[Draft]]
    ranked: Mapping[Place, Sequence[Ranked]]
    summary: Mapping[str, Any] = field(default_factory=dict)


def solve(
    tasks: Sequence[Task],
    base: LoadedSolver,
    settings: SolveSettings,
    where: Where,
    *,
    dataset: str,
    report: Report = lambda *_: None,
) -> Solved:
    """Solve ``tasks`` and leave records, a submission and a summary in ``where.folder``.

    Outputs of test pairs are taken away at the door and come back when attempts are measured. Interrupted at any
    moment, the same call goes on; with a budget in steps it leaves the same bytes as if it had not been.

    Args:
        tasks: the tasks; their demonstrations are trained on (the answers are transductive).
        base: the network to begin from.
        settings: budget, seed, views.
        where: folder, device and processes.
        dataset: name of the tasks' dataset, for the records.
        report: called as work goes on.

    Raises:
        ArcAffinityError: the folder holds another run, something in it is damaged, or the disk is full.
    """
    with working_in(where.folder):
        return _solve(tasks, base, settings, where, dataset, report)


def _solve(
    tasks: Sequence[Task], base: LoadedSolver, settings: SolveSettings, where: Where, dataset: str, report: Report
) -> Solved:
    """The work itself, in a folder that is ours."""
    begun = time.monotonic()
    asked = [_withheld(task) for task in tasks]
    header = _header(asked, base, settings, dataset)
    _check_folder(where.folder / RUN, header)
    questions = questions_of(asked, {task.id: number for number, task in enumerate(asked)})
    workers = default_workers(where.device, settings.recipe.shards) if where.workers is None else where.workers
    kept_back = _time_for_answers(base.model, asked, questions, settings, workers)
    spent = time.monotonic() - begun
    trained, progress = _train(asked, base, settings, where, workers, kept_back + spent, report)
    answering = time.monotonic()
    drafts, ranked = _answer(trained, asked, questions, settings, where, workers, kept_back, report)
    origin = Origin(
        base.name,
        trained.digest,
        dataset,
        Protocol.ARC_PRIZE,
        settings.seed,
        exposure=header["exposure"],
        edition=header["edition"],
    )
    records = _records(tasks, ranked, origin)
    write_records(where.folder / RECORDS, records)
    write_submission(where.folder / SUBMISSION, make_submission(records, tasks))
    summary = {
        **header,
        "steps": progress.steps,
        "passes": progress.passes,
        "training_seconds": round(progress.seconds, 1),
        "answering_seconds": round(time.monotonic() - answering, 1),
        **_figures(tasks, records, drafts),
    }
    write_text(where.folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
    (where.folder / STATE).unlink(missing_ok=True)
    return Solved(records, drafts, ranked, summary)


def _withheld(task: Task) -> Task:
    """The task without the outputs of its tests."""
    return replace(task, test=tuple(Pair(pair.input, None) for pair in task.test))


def _header(tasks: Sequence[Task], base: LoadedSolver, settings: SolveSettings, dataset: str) -> dict[str, Any]:
    """What a run is of; another run in the same folder is refused by it."""
    return {
        "dataset": dataset,
        "tasks": len(tasks),
        "edition": edition_of(tasks),
        "base": base.name,
        "base_digest": base.digest,
        "exposure": "transductive",
        "budget": asdict(settings.budget),
        "seed": settings.seed,
        "views": settings.views,
        "shared_views": settings.shared,
        "recipe": asdict(settings.recipe),
    }


def _check_folder(path: Path, header: Mapping[str, Any]) -> None:
    """Begin a run in the folder of ``path``, or go on with the same one."""
    if not path.exists():
        if path.parent.is_dir() and any(each.name != LOCK for each in path.parent.iterdir()):
            raise ArcAffinityError(f"{path.parent} is not empty and holds no run of `solve`; give an empty folder")
        write_text(path, json.dumps(header, indent=1) + "\n")
        return
    begun = read_object(path)
    now = json.loads(json.dumps(header))
    for name in now:
        if begun.get(name) != now[name]:
            raise ArcAffinityError(
                f"{path.parent} holds a run with {name} {begun.get(name)!r:.60}, not {now[name]!r:.60}; "
                "give another folder"
            )


def _time_for_answers(
    model: PairTransformer, tasks: Sequence[Task], questions: Sequence[Question], settings: SolveSettings, workers: int
) -> float:
    """Seconds to keep back for answers, by a trial on some questions; 0 where the budget is no time."""
    if settings.budget.seconds is None:
        return 0.0
    rng = np.random.default_rng(settings.seed)
    by_id = {task.id: task for task in tasks}
    chosen = [questions[at] for at in rng.permutation(len(questions))[:TRIAL]]
    written = [under(q, views_of(by_id[q.task_id], 1, 0)[0]) for q in chosen]
    begun = time.monotonic()
    # Any task vector will do: only the time counts.
    write(model.eval(), [replace(each, task=0) for each in written])
    each_view = (time.monotonic() - begun) * len(questions) / len(chosen) / workers
    # Judging costs about as much as writing under 64 views: docs/log.md.
    wanted = MARGIN * each_view * (settings.views + 4 * settings.shared)
    total = settings.budget.seconds
    return min(MOST_SHARE * total, max(LEAST_SHARE * total, wanted))


def _train(
    tasks: Sequence[Task],
    base: LoadedSolver,
    settings: SolveSettings,
    where: Where,
    workers: int,
    kept_back: float,
    report: Report,
) -> tuple[LoadedSolver, Progress]:
    """Train on the demonstrations, or read what an earlier run has trained."""
    folder = where.folder / MODEL
    done = where.folder / "training.json"
    if done.exists():
        return load_solver(folder), read_json(done, Progress)
    budget = settings.budget
    if budget.seconds is not None:
        budget = Budget(seconds=max(1e-3, budget.seconds - kept_back))
    job = adapting_job(base.model, tasks, budget, where.folder, settings.seed, settings.recipe)
    last = Progress(0, 0, 0.0, float("nan"), 0, 0.0)

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress
        report("train", progress.spent, f"pass {progress.passes}, loss {progress.loss:.3f}")

    model = train_jointly(job, device=where.device, workers=workers, report=note)
    save_solver(model, tuple(task.id for task in tasks), folder)
    write_text(done, json.dumps(asdict(last)) + "\n")
    return load_solver(folder), last


def _answer(
    network: LoadedSolver,
    tasks: Sequence[Task],
    questions: Sequence[Question],
    settings: SolveSettings,
    where: Where,
    workers: int,
    seconds: float,
    report: Report,
) -> tuple[Mapping[Place, Sequence[Draft]], Mapping[Place, tuple[Ranked, ...]]]:
    """Answer and rank."""
    header = {"model": network.digest, "views": settings.views, "shared": settings.shared, "seed": settings.seed}
    with contextlib.ExitStack() as stack:
        hands = stack.enter_context(choose_workers(where.executor, workers))
        answers = Answers(
            Network(str(network.source.resolve()), network.digest, str(where.device)),
            tasks,
            questions,
            settings.views,
            settings.shared,
            settings.seed,
            Journal(where.folder / JOURNAL, header),
            stack.enter_context(hands.open()),
            hands.at_a_time,
            None if settings.budget.seconds is None else seconds,
            lambda stage, share: report(stage, share, ""),
        )
        drafts = answers.drafts()
        return drafts, answers.ranked(drafts)


def _records(tasks: Sequence[Task], ranked: Mapping[Place, Sequence[Ranked]], origin: Origin) -> tuple[Record, ...]:
    """Two attempts at every test output; where the network gave none, the input stands for an answer, without votes."""
    records = []
    for task in tasks:
        for index, pair in enumerate(task.test):
            example = Example(task.id, index, pair, task.train)
            best = list(ranked.get((task.id, index), ()))[:2]
            if not best:
                records.append(make_record(origin, example, 1, pair.input, votes=0, views=0, source="network"))
            for number, each in enumerate(best, 1):
                records.append(
                    make_record(
                        origin,
                        example,
                        number,
                        each.grid,
                        log_likelihood=each.log_likelihood,
                        votes=each.votes,
                        views=each.views,
                        source="network",
                    )
                )
    return tuple(records)


def _figures(
    tasks: Sequence[Task],
    records: Sequence[Record],
    drafts: Mapping[Place, Sequence[Draft]],
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
        among = [_holds(drafts.get((task.id, at), ()), task.test[at]) for at in places]
        shares["score"].append(float(np.mean([any((task.id, at, k) in solved for k in (1, 2)) for at in places])))
        shares["first"].append(float(np.mean([(task.id, at, 1) in solved for at in places])))
        shares["among_candidates"].append(float(np.mean(among)))
    return figures | {name: float(np.mean(values)) for name, values in shares.items()}


def _holds(drafts: Sequence[Draft], pair: Pair) -> bool:
    target = pair.output
    return target is not None and any(np.array_equal(draft.grid, target) for draft in drafts)
