"""From a set of tasks to records and a submission: adapt a base, answer under many views, rank, write."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.documents import read_json, read_object
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates.answering import Question, questions_of
from arc_affinity.evaluation.candidates.collecting import Answers, Network
from arc_affinity.evaluation.candidates.merging import merge
from arc_affinity.evaluation.candidates.outcome import figures_of, records_of
from arc_affinity.evaluation.candidates.programs import Searched, search_tasks
from arc_affinity.evaluation.predicting.voting import Candidate, Choice
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Origin, Place, Record, name_in_records, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.submission import make_submission, write_submission
from arc_affinity.files import write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.models.pair_transformer.storage import LoadedSolver, load_solver, save_solver
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.joint.adapting import adapting_job
from arc_affinity.training.joint.plan import Plan, make_plan
from arc_affinity.training.joint.processes import default_workers, train_jointly
from arc_affinity.training.joint.recipe import Budget
from arc_affinity.training.joint.settings import SEARCHED_STATES, SolveSettings, Where
from arc_affinity.training.joint.trainer import STATE, Progress
from arc_affinity.types import Pair, Task

RUN, MODEL, JOURNAL, PROGRAMS = "run.json", "model", "answers.jsonl", "programs.jsonl"
RECORDS, SUBMISSION, SUMMARY = "records.jsonl", "submission.json", "summary.json"

SEARCH_DIGEST = "none"
"""Stands for the digest of weights where there are none."""

Report = Callable[[str, float, str], None]
"""Called with a stage ("search", "train", "write", "judge"), the share of it that is done, and words about it."""


@dataclass(frozen=True)
class Solved:
    """What a run left.

    ``records`` are the candidates of each test output as its attempts, the best first; ``drafts`` what was written
    under each view; ``summary`` is that of ``summary.json``.
    """

    records: tuple[Record, ...]
    drafts: Mapping[Place, Sequence[Candidate]]
    summary: Mapping[str, Any]


def solve(
    tasks: Sequence[Task],
    base: LoadedSolver,
    settings: SolveSettings,
    where: Where,
    *,
    dataset: str,
    edition: str = "",
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
        edition: of the whole dataset, for the records, where ``tasks`` are a part of it; of ``tasks`` unless given.
        report: called as work goes on.

    Raises:
        ArcAffinityError: there are no tasks, the folder holds another run, something in it is damaged, or the disk is
            full.
    """
    if not tasks:
        raise ArcAffinityError("there are no tasks to solve")
    with working_in(where.folder):
        begun = time.monotonic()
        for what, named in (("dataset", dataset), ("base", base.name)):
            name_in_records(named, what)
        # The tasks as they are asked: without the outputs of their tests.
        asked = [replace(task, test=tuple(Pair(pair.input, None) for pair in task.test)) for task in tasks]
        header = _header(asked, base, settings, dataset)
        _check_folder(where.folder / RUN, header)
        questions = questions_of(asked, {task.id: number for number, task in enumerate(asked)})
        workers = default_workers(where.device, settings.recipe.shards) if where.workers is None else where.workers
        searched = Searched({}, 0.0)
        if settings.sources != "network":
            searched = _search(asked, settings, where, workers, report)
        # As if the search of earlier, interrupted runs had been of this one.
        begun = min(begun, time.monotonic() - searched.seconds)
        name, digest, progress = "search", SEARCH_DIGEST, Progress(0, 0, 0.0, 0.0, 0, 0.0)
        drafts: Mapping[Place, Sequence[Candidate]] = {}
        ranked: Mapping[Place, Sequence[Choice]] = {}
        learned: frozenset[str] = frozenset()
        answering = time.monotonic()
        if settings.sources != "search":
            plan = make_plan(base.model, asked, questions, settings, where, workers, time.monotonic() - begun)
            learned = frozenset(plan.learned)
            spent = time.monotonic() - begun
            trained, progress = _train(asked, learned, base, settings, where, workers, plan.answering + spent, report)
            answering = time.monotonic()
            drafts, ranked = _answer(trained, asked, questions, plan, settings, where, workers, report)
            name, digest = base.name, trained.digest
        merged = {
            place: merge(ranked.get(place, ()), searched.programs.get(place, ()), learned=place[0] in learned)
            for place in ((q.task_id, q.index) for q in questions)
        }
        origin = Origin(
            name,
            digest,
            dataset,
            Protocol.ARC_PRIZE,
            settings.seed,
            exposure=header["exposure"],
            edition=edition or header["edition"],
        )
        records = records_of(tasks, merged, origin)
        write_records(where.folder / RECORDS, records)
        write_submission(where.folder / SUBMISSION, make_submission(records, tasks))
        summary = {
            **header,
            "edition": origin.edition,
            "learned": len(learned),
            "steps": progress.steps,
            "passes": progress.passes,
            "search_seconds": round(searched.seconds, 1),
            "training_seconds": round(progress.seconds, 1),
            "answering_seconds": round(time.monotonic() - answering, 1),
            **figures_of(tasks, records, drafts, merged),
        }
        write_text(where.folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
        (where.folder / STATE).unlink(missing_ok=True)
        return Solved(records, drafts, summary)


def _header(asked: Sequence[Task], base: LoadedSolver, settings: SolveSettings, dataset: str) -> dict[str, Any]:
    """What a run is of; another run in the same folder is refused by it."""
    return {
        "dataset": dataset,
        "tasks": len(asked),
        "edition": edition_of(asked),
        "base": base.name,
        "base_digest": base.digest,
        "exposure": "transductive",
        "budget": asdict(settings.budget),
        "seed": settings.seed,
        "views": settings.views,
        "shared_views": settings.shared,
        "recipe": asdict(settings.recipe),
        "sources": settings.sources,
    }


def _check_folder(path: Path, header: Mapping[str, Any]) -> None:
    """Begin a run in the folder of ``path``, or go on with the same one."""
    if not path.exists():
        # A killed process may have left the beginning of this file.
        own = (LOCK, f".{RUN}.")
        if path.parent.is_dir() and not all(each.name.startswith(own) for each in path.parent.iterdir()):
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


def _train(
    tasks: Sequence[Task],
    learned: frozenset[str],
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
    job = adapting_job(base.model, tasks, budget, where.folder, settings.seed, settings.recipe, learned)
    # The loss is 0, not NaN, where there was no time for a step: JSON has no such number.
    last = Progress(0, 0, 0.0, 0.0, 0, 0.0)

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress
        report("train", progress.spent, f"pass {progress.passes}, loss {progress.loss:.3f}")

    model = train_jointly(job, device=where.device, workers=workers, report=note)
    save_solver(model, tuple(task.id for task in tasks), folder)
    write_text(done, json.dumps(asdict(last)) + "\n")
    return load_solver(folder), last


def _search(tasks: Sequence[Task], settings: SolveSettings, where: Where, workers: int, report: Report) -> Searched:
    each = settings.search_seconds(len(tasks), workers)
    header = {"tasks": len(tasks), "states": SEARCHED_STATES}
    with (
        Journal(where.folder / PROGRAMS, header) as journal,
        choose_workers(where.executor, workers) as hands,
        hands.open() as executor,
    ):

        def said(share: float) -> None:
            report("search", share, "")

        limit = settings.search_limit
        return search_tasks(tasks, each, SEARCHED_STATES, journal, executor, hands.at_a_time, said, limit)


def _answer(
    network: LoadedSolver,
    tasks: Sequence[Task],
    questions: Sequence[Question],
    plan: Plan,
    settings: SolveSettings,
    where: Where,
    workers: int,
    report: Report,
) -> tuple[Mapping[Place, Sequence[Candidate]], Mapping[Place, tuple[Choice, ...]]]:
    header = {"model": network.digest, "views": settings.views, "shared": settings.shared, "seed": settings.seed}
    with (
        Journal(where.folder / JOURNAL, header) as journal,
        choose_workers(where.executor, workers) as hands,
        hands.open() as executor,
    ):
        answers = Answers(
            Network(str(network.source.resolve()), network.digest, str(where.device)),
            tasks,
            questions,
            settings.views,
            settings.shared,
            settings.seed,
            journal,
            executor,
            hands.at_a_time,
            None if settings.budget.seconds is None else plan.answering,
            lambda stage, share: report(stage, share, ""),
            frozenset(plan.learned),
        )
        drafts = answers.drafts()
        return drafts, answers.ranked(drafts)
