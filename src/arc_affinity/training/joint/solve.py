"""From a set of tasks to records and a submission: adapt a base, answer under many views, rank, write."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from arc_affinity.data.checks import check_asked
from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.documents import read_json, read_object
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates.answering import questions_of
from arc_affinity.evaluation.candidates.collecting import Answers, Network
from arc_affinity.evaluation.candidates.merging import merge
from arc_affinity.evaluation.candidates.outcome import figures_of, records_of
from arc_affinity.evaluation.candidates.programs import Searched, search_tasks
from arc_affinity.evaluation.predicting.voting import Candidate, Choice
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Exposure, Origin, Place, Record, name_in_records, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.submission import make_submission, write_submission
from arc_affinity.files import write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.models.pair_transformer.storage import LoadedSolver, load_solver, save_solver
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.joint.adapting import adapting_job
from arc_affinity.training.joint.plan import LEAST_SHARE, make_plan
from arc_affinity.training.joint.processes import Processes, processes_for, train_jointly, worth_starting
from arc_affinity.training.joint.recipe import Budget
from arc_affinity.training.joint.settings import SEARCHED_STATES, SolveSettings, Where
from arc_affinity.training.joint.trainer import STATE, Progress
from arc_affinity.types import Pair, Task

RUN, MODEL, JOURNAL, PROGRAMS = "run.json", "model", "answers.jsonl", "programs.jsonl"
RECORDS, SUBMISSION, SUMMARY = "records.jsonl", "submission.json", "summary.json"

SEARCH_DIGEST = "none"
"""Stands for the digest of weights where there are none."""

NO_TRAINING = Progress(0, 0, 0.0, 0.0, 0, 0.0)
"""Of a network that had no time for a step; its loss is 0, not NaN, as JSON has no such number."""

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

    @property
    def caution(self) -> str:
        """What a score of this run does not tell, in a line; "" where there is nothing to say."""
        seen = self.summary["seen_by_base"]
        if not seen or self.summary["sources"] == "search":
            return ""
        return (
            f"the base was trained on {seen} of these tasks before, a bundled base on their tests too: the score is no "
            "measure of what it solves unseen"
        )


@dataclass(frozen=True)
class Said:
    """What came of the network: nothing where programs alone are asked.

    ``digest`` is of its weights, ``learned`` are the ids of the tasks that it was trained on, ``drafts`` what it wrote
    under each view, ``ranked`` its candidates, the best first; answering took so many ``seconds``.
    """

    digest: str = SEARCH_DIGEST
    learned: frozenset[str] = frozenset()
    progress: Progress = NO_TRAINING
    drafts: Mapping[Place, Sequence[Candidate]] = field(default_factory=dict)
    ranked: Mapping[Place, Sequence[Choice]] = field(default_factory=dict)
    seconds: float = 0.0


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
        ArcAffinityError: there are no tasks, one comes twice or lacks demonstrations or tests, the folder holds another
            run, something in it is damaged, or the disk is full.
    """
    tasks = check_asked(tasks)
    with working_in(where.folder):
        begun = time.monotonic()
        for what, named in (("dataset", dataset), ("base", base.name)):
            name_in_records(named, what)
        # The tasks as they are asked: without the outputs of their tests.
        asked = [replace(task, test=tuple(Pair(pair.input, None) for pair in task.test)) for task in tasks]
        header = _header(asked, base, settings, dataset)
        _check_folder(where.folder / RUN, header)
        processes = processes_for(where.device, settings.recipe.shards, where.workers)
        searched, said = Searched({}, 0.0), Said()
        if settings.sources != "network":
            searched = _search(asked, settings, where, processes.searching, report)
        if settings.sources != "search":
            said = _ask(asked, base, settings, where, processes, begun, searched.seconds, report)
        merged = {
            place: merge(said.ranked.get(place, ()), searched.programs.get(place, ()), learned=place[0] in said.learned)
            for place in ((task.id, index) for task in asked for index in range(len(task.test)))
        }
        # A search has no weights that could have been trained.
        exposure: Exposure | None = None if settings.sources == "search" else "transductive"
        origin = Origin(
            "search" if settings.sources == "search" else base.name,
            said.digest,
            dataset,
            Protocol.ARC_PRIZE,
            settings.seed,
            exposure=exposure,
            edition=edition or header["edition"],
        )
        records = records_of(tasks, merged, origin)
        write_records(where.folder / RECORDS, records)
        write_submission(where.folder / SUBMISSION, make_submission(records, tasks))
        summary = {
            **header,
            "edition": origin.edition,
            "exposure": exposure,
            "seen_by_base": _seen(base, tasks),
            "learned": len(said.learned),
            "steps": said.progress.steps,
            "passes": said.progress.passes,
            "search_seconds": round(searched.seconds, 1),
            "training_seconds": round(said.progress.seconds, 1),
            "answering_seconds": round(said.seconds, 1),
            **figures_of(tasks, records, said.drafts, merged),
        }
        write_text(where.folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
        (where.folder / STATE).unlink(missing_ok=True)
        return Solved(records, said.drafts, summary)


def _seen(base: LoadedSolver, tasks: Sequence[Task]) -> int:
    """How many of the ``tasks`` the base was trained on; in the ids of a bundled one the dataset stands first."""
    known = {each.rpartition("/")[2] for each in base.task_ids}
    return sum(task.id in known for task in tasks)


def _header(asked: Sequence[Task], base: LoadedSolver, settings: SolveSettings, dataset: str) -> dict[str, Any]:
    """What a run is of; another run in the same folder is refused by it."""
    return {
        "dataset": dataset,
        "tasks": len(asked),
        "edition": edition_of(asked),
        "base": base.name,
        "base_digest": base.digest,
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


def _ask(
    tasks: Sequence[Task],
    base: LoadedSolver,
    settings: SolveSettings,
    where: Where,
    processes: Processes,
    begun: float,
    searched: float,
    report: Report,
) -> Said:
    """Train the network and let it answer.

    The budget in time began at ``begun``, by ``time.monotonic``; that of earlier, interrupted runs counts as if it had
    been of this one: they ``searched`` for so many seconds.
    """
    begun = min(begun, time.monotonic() - searched)
    budget, left = settings.budget, None
    questions = questions_of(tasks, {task.id: number for number, task in enumerate(tasks)})
    plan = make_plan(base.model, tasks, questions, settings, where, processes, time.monotonic() - begun)
    learned = frozenset(plan.learned)
    if budget.seconds is not None:
        until = begun + budget.seconds - plan.answering
        budget = Budget(seconds=max(1e-3, until - time.monotonic()))
    network, progress = _train(tasks, learned, base, settings, budget, where, processes.training, report)
    answering = time.monotonic()
    begun = min(begun, answering - searched - progress.seconds)
    if settings.budget.seconds is not None:
        end = begun + settings.budget.seconds
        # However late it is: without some time there would be no answer at all.
        left = max(LEAST_SHARE * settings.budget.seconds, min(plan.answering, end - answering))
        if (where.folder / SUMMARY).exists():
            # The run is over: asking on would give other answers than those that it left.
            left = 0.0
    workers = processes.answering if left is None else worth_starting(processes.answering, left)
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
            left,
            lambda stage, share: report(stage, share, ""),
            learned,
            answering,
        )
        drafts = answers.drafts()
        ranked = answers.ranked(drafts)
        return Said(network.digest, learned, progress, drafts, ranked, answers.spent)


def _train(
    tasks: Sequence[Task],
    learned: frozenset[str],
    base: LoadedSolver,
    settings: SolveSettings,
    budget: Budget,
    where: Where,
    workers: int,
    report: Report,
) -> tuple[LoadedSolver, Progress]:
    """Train on the demonstrations for a ``budget``, or read what an earlier run has trained."""
    folder = where.folder / MODEL
    done = where.folder / "training.json"
    if done.exists():
        return load_solver(folder), read_json(done, Progress)
    if budget.seconds is not None:
        workers = worth_starting(workers, budget.seconds)
    job = adapting_job(base.model, tasks, budget, where.folder, settings.seed, settings.recipe, learned)
    last = NO_TRAINING

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress
        report("train", progress.spent, f"pass {progress.passes}, loss {progress.loss:.3f}")

    model = train_jointly(job, device=where.device, workers=workers, report=note)
    save_solver(model, tuple(task.id for task in tasks), folder)
    write_text(done, json.dumps(asdict(last)) + "\n")
    return load_solver(folder), last


def _search(tasks: Sequence[Task], settings: SolveSettings, where: Where, workers: int, report: Report) -> Searched:
    if settings.budget.seconds is not None:
        workers = worth_starting(min(workers, len(tasks)), settings.search_share * settings.budget.seconds)
    header = {"tasks": len(tasks), "states": SEARCHED_STATES}
    with (
        Journal(where.folder / PROGRAMS, header) as journal,
        choose_workers(where.executor, workers) as hands,
        hands.open() as executor,
    ):

        def said(share: float) -> None:
            report("search", share, "")

        # A cluster has workers of its own number.
        each, limit = settings.search_seconds(len(tasks), hands.at_a_time), settings.search_limit
        return search_tasks(tasks, each, SEARCHED_STATES, journal, executor, hands.at_a_time, said, limit)
