"""The whole of `solve` on tiny tasks: what it leaves, that it never looks at answers, that it goes on."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates import collecting as candidates
from arc_affinity.evaluation.candidates.answering import questions_of
from arc_affinity.evaluation.candidates.programs import Searched
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.layout import FRAME
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver, load_solver, save_solver
from arc_affinity.training import executors
from arc_affinity.training.executors import SerialExecutor, Workers
from arc_affinity.training.joint import plan, processes
from arc_affinity.training.joint import solve as solving
from arc_affinity.training.joint.adapting import ADAPTING, adapting_corpus
from arc_affinity.training.joint.plan import LEAST_PASSES, LEAST_SHARE, worth_learning
from arc_affinity.training.joint.processes import Processes, threads_of
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.settings import SEARCH_SHARE, SolveSettings, Where
from arc_affinity.training.joint.solve import Solved, solve
from arc_affinity.training.joint.trainer import Job
from arc_affinity.types import Pair, Task

pytestmark = pytest.mark.many_steps

RECIPE = JointRecipe(batch_tokens=400, learning_rate=6e-3, warm_up=10, average=0.9)
SETTINGS = SolveSettings(Budget(steps=6), seed=3, views=5, shared=4, recipe=RECIPE, sources="network")


def tasks(count: int = 2) -> tuple[Task, ...]:
    """Turn every cell into 3; mirror."""
    rng = np.random.default_rng(7)
    made = []
    for number, rule in enumerate((lambda g: np.full_like(g, 3), lambda g: g[:, ::-1].copy())[:count]):
        grids = [rng.integers(1, 4, (2, 3)).astype(np.uint8) for _ in range(5)]
        pairs = tuple(Pair(grid, rule(grid)) for grid in grids)
        made.append(Task(f"task{number}", pairs[:4], pairs[4:], "tiny"))
    return tuple(made)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> LoadedSolver:
    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("base")
    save_solver(PairTransformer(PairConfig(width=32, heads=2, layers=2, hidden=32, tasks=3)), ("a", "b", "c"), folder)
    return load_solver(folder)


def run(folder: Path, base: LoadedSolver, settings: SolveSettings = SETTINGS, given: tuple[Task, ...] = ()) -> Solved:
    where = Where(folder, torch.device("cpu"), workers=1)
    return solve(given or tasks(), base, settings, where, dataset="tiny")


def left(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("submission.json", "records.jsonl")}


@pytest.fixture(scope="module")
def finished(base: LoadedSolver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    run(folder, base)
    return folder


def test_it_learns_a_rule_and_solves_by_it(base: LoadedSolver, tmp_path: Path) -> None:
    solved = run(tmp_path / "out", base, replace(SETTINGS, budget=Budget(steps=120)), tasks(1))
    assert solved.summary["score"] == 1
    assert any(record.exact and record.votes and record.attempt <= 2 for record in solved.records)


def test_grids_of_other_whole_numbers_make_the_same_run(base: LoadedSolver, tmp_path: Path, by_hand: Callable) -> None:
    settings, made = replace(SETTINGS, sources="search"), tasks(1)
    other = tuple(
        replace(
            task,
            train=tuple(by_hand(pair.input.astype(int), pair.output.astype(int)) for pair in task.train),
            test=tuple(by_hand(pair.input.astype(int), pair.output) for pair in task.test),
        )
        for task in made
    )
    solved = run(tmp_path / "bytes", base, settings, made), run(tmp_path / "others", base, settings, other)
    assert solved[0].summary["edition"] == solved[1].summary["edition"]
    assert left(tmp_path / "bytes") == left(tmp_path / "others")


def test_it_leaves_records_a_submission_and_a_summary(finished: Path) -> None:
    records = read_records(finished / "records.jsonl")
    assert {record.task_id for record in records} == {"task0", "task1"}
    for task_id in ("task0", "task1"):
        numbers = [record.attempt for record in records if record.task_id == task_id]
        assert numbers == list(range(1, len(numbers) + 1))
    keys = [(r.task_id, r.test_index, r.prediction.tobytes(), r.prediction.shape) for r in records]
    assert len(keys) == len(set(keys))
    assert set(json.loads((finished / "submission.json").read_text())) == {"task0", "task1"}
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["exposure"] == "transductive"
    assert summary["steps"] == 6
    assert {record.model_digest for record in records} == {load_solver(finished / "model").digest}


def test_answers_are_never_read(finished: Path, base: LoadedSolver, tmp_path: Path) -> None:
    withheld = tuple(replace(t, test=tuple(Pair(p.input, None) for p in t.test)) for t in tasks())
    wrong = tuple(replace(t, test=tuple(Pair(p.input, np.full((7, 7), 9, np.uint8)) for p in t.test)) for t in tasks())
    for name, given in (("withheld", withheld), ("wrong", wrong)):
        solved = run(tmp_path / name, base, given=given)
        assert left(tmp_path / name)["submission.json"] == left(finished)["submission.json"]
        assert ("score" in solved.summary) == (name == "wrong")


def test_the_same_steps_give_the_same_bytes_and_a_finished_run_is_not_repeated(
    finished: Path, base: LoadedSolver, tmp_path: Path
) -> None:
    run(tmp_path / "again", base)
    assert left(tmp_path / "again") == left(finished)
    stamps = {path: path.stat().st_mtime_ns for path in (finished / "model").iterdir()}
    run(finished, base)
    assert {path: path.stat().st_mtime_ns for path in (finished / "model").iterdir()} == stamps
    assert left(tmp_path / "again") == left(finished)


@pytest.mark.slow
def test_a_dask_cluster_answers_as_this_process_does(finished: Path, base: LoadedSolver, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    where = Where(tmp_path / "out", torch.device("cpu"), workers=2, executor="dask:local")
    solve(tasks(), base, SETTINGS, where, dataset="tiny")
    assert left(tmp_path / "out") == left(finished)


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "told"), [("worker", "has no workers any more"), ("scheduler", "is gone")])
def test_a_cluster_that_is_killed_amid_answers_ends_it_and_it_goes_on_to_the_same_bytes(
    finished: Path, base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster, killed: str, told: str
) -> None:
    append = candidates.Journal.append

    def killing(self: candidates.Journal, line: dict[str, object]) -> None:
        append(self, line)
        if "batch" in line:
            cluster.running[killed].kill()

    monkeypatch.setattr(executors, "RETURN", 2.0)
    monkeypatch.setattr(candidates.Journal, "append", killing)
    where = Where(tmp_path / "out", torch.device("cpu"), workers=1, executor=f"dask:{cluster.address}")
    with pytest.raises(ArcAffinityError, match=f"{told}; once it .* the same command goes on"):
        solve(tasks(), base, SETTINGS, where, dataset="tiny")
    monkeypatch.undo()
    assert not (tmp_path / "out" / "records.jsonl").exists()
    run(tmp_path / "out", base)
    assert left(tmp_path / "out") == left(finished)


@pytest.mark.parametrize("stage", ["write 1", "judge 0"])
def test_interrupted_amid_answers_it_goes_on_to_the_same_bytes(
    finished: Path, base: LoadedSolver, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = candidates.Journal.append

    def interrupted(self: candidates.Journal, line: dict[str, object]) -> None:
        append(self, line)
        if str(line.get("batch", "")).startswith(stage):
            raise KeyboardInterrupt

    monkeypatch.setattr(candidates.Journal, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", base)
    monkeypatch.undo()
    assert not (tmp_path / "out" / "records.jsonl").exists()
    run(tmp_path / "out", base)
    assert left(tmp_path / "out") == left(finished)


def test_in_no_time_everything_is_answered_badly(base: LoadedSolver, tmp_path: Path) -> None:
    solved = run(tmp_path / "out", base, replace(SETTINGS, budget=Budget(seconds=0.01)))
    assert {record.task_id for record in solved.records} == {"task0", "task1"}


def test_a_run_without_time_for_a_step_can_be_read_again(base: LoadedSolver, tmp_path: Path) -> None:
    hasty = replace(SETTINGS, budget=Budget(seconds=1e-9))
    first = run(tmp_path / "out", base, hasty)
    assert first.summary["steps"] == 0
    again = run(tmp_path / "out", base, hasty)
    told = [
        [r.prediction if r.prediction is None else r.prediction.tolist() for r in s.records] for s in (again, first)
    ]
    assert told[0] == told[1]


def test_a_finished_run_in_time_asks_nothing_more(base: LoadedSolver, tmp_path: Path) -> None:
    settings = replace(SETTINGS, budget=Budget(seconds=3))
    run(tmp_path / "out", base, settings)
    journal = tmp_path / "out" / "answers.jsonl"
    # As if there had been no time for the last ones.
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    kept = journal.read_bytes()
    run(tmp_path / "out", base, settings)
    assert journal.read_bytes() == kept


def test_programs_and_network_give_an_attempt_each(base: LoadedSolver, tmp_path: Path) -> None:
    solved = run(tmp_path / "both", base, replace(SETTINGS, budget=Budget(steps=60), sources="both"))
    assert solved.summary["score"] == 1
    for task_id in ("task0", "task1"):
        first = next(record for record in solved.records if record.task_id == task_id and record.attempt == 1)
        assert (first.source, first.exact) == ("search", True)
        assert first.program
        assert {r.source for r in solved.records if r.task_id == task_id and r.attempt <= 2} == {"search", "network"}


def test_the_search_alone_trains_nothing_and_looks_at_no_answer(base: LoadedSolver, tmp_path: Path) -> None:
    settings = replace(SETTINGS, sources="search")
    solved = run(tmp_path / "search", base, settings)
    assert solved.summary["steps"] == 0
    assert {record.exposure for record in solved.records} == {None}, "no weights were trained"
    assert not (tmp_path / "search" / "model").exists()
    wrong = tuple(replace(t, test=tuple(Pair(p.input, np.full((7, 7), 9, np.uint8)) for p in t.test)) for t in tasks())
    run(tmp_path / "wrong", base, settings, wrong)
    assert left(tmp_path / "wrong")["submission.json"] == left(tmp_path / "search")["submission.json"]
    # Answers in the journal are not searched for again; what a run was called before does not keep it from going on.
    begun = tmp_path / "search" / "run.json"
    begun.write_text(json.dumps({**json.loads(begun.read_text()), "exposure": "transductive"}))
    before = (tmp_path / "search" / "programs.jsonl").read_bytes()
    run(tmp_path / "search", base, settings)
    assert (tmp_path / "search" / "programs.jsonl").read_bytes() == before


def test_as_many_tasks_are_learned_as_there_is_time_for() -> None:
    """By hand: the tasks have 4 demonstrations of 2x3 to 2x3 cells each: 12 cells and what frames them."""
    small = tasks()
    large = replace(small[0], id="large", train=tuple(Pair(p.input.repeat(3, 0), p.output) for p in small[0].train))
    one, both = (LEAST_PASSES * 4 * number * (12 + 2 * FRAME - 1) for number in (1, 2))
    given = [large, *small]
    assert worth_learning(given, 1) == worth_learning(given, both - 1) == {"task0"}
    assert worth_learning(given, one) == {"task0"}
    assert worth_learning(given, both) == {"task0", "task1"}
    assert worth_learning(given, 1e9) == {"task0", "task1", "large"}
    corpus = adapting_corpus(given, ADAPTING, 0, frozenset({"task1"}))
    assert {item.lesson for batch in corpus.batches(0, 4096) for item in batch} == {2}


def test_what_is_not_learned_is_asked_once(base: LoadedSolver, tmp_path: Path) -> None:
    solved = run(tmp_path / "out", base)
    assert solved.summary["learned"] == 1
    assert {place: len(drafts) for place, drafts in solved.drafts.items()} == {("task0", 0): 5, ("task1", 0): 1}
    # A trial decides what is learned where the budget is a time, so the first decision stands.
    kept = tmp_path / "out" / "plan.json"
    assert json.loads(kept.read_text()) == {"learned": ["task0"], "answering": 0.0}


def test_time_becomes_a_plan(base: LoadedSolver, tmp_path: Path) -> None:
    solved = run(tmp_path / "out", base, replace(SETTINGS, budget=Budget(seconds=4)))
    made = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert made["learned"] and 0.4 <= made["answering"] <= 1.6
    assert solved.summary["learned"] == len(made["learned"])


def test_the_search_of_an_interrupted_run_counts(
    base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    real = solving.make_plan
    monkeypatch.setattr(solving, "_search", lambda *_: Searched({}, 50.0))
    monkeypatch.setattr(solving, "make_plan", lambda *given: told.append(given[-1]) or real(*given))
    solved = run(tmp_path / "out", base, replace(SETTINGS, budget=Budget(seconds=52), sources="both"))
    assert 50 <= told[0] < 52 and solved.summary["training_seconds"] < 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda first, _: (), "no tasks"),
        (lambda first, other: (first, other, first), "two tasks are called task0"),
        (lambda first, other: (other, replace(first, train=())), "task task0: no train pairs"),
        (
            lambda first, _: (replace(first, train=(Pair(first.train[0].input, None),)),),
            "task0, train pair 0: no output",
        ),
        (
            lambda first, _: (replace(first, test=(Pair(np.zeros((31, 1), np.uint8), None),)),),
            "task0, test pair 0, input: 31 rows",
        ),
        (lambda first, _: (replace(first, test=()),), "task task0 has no test"),
    ],
)
def test_what_cannot_be_solved_is_refused_before_any_work(
    base: LoadedSolver, tmp_path: Path, change: Callable[..., tuple[Task, ...]], words: str
) -> None:
    where = Where(tmp_path / "out", torch.device("cpu"), workers=1)
    with pytest.raises(ArcAffinityError, match=words):
        solve(change(*tasks()), base, replace(SETTINGS, budget=Budget(seconds=4)), where, dataset="tiny")
    assert not (tmp_path / "out").exists()


def test_it_is_told_how_many_tasks_the_base_was_trained_on(finished: Path, base: LoadedSolver, tmp_path: Path) -> None:
    assert json.loads((finished / "summary.json").read_text())["seen_by_base"] == 0
    knowing = replace(base, task_ids=("a", "arc/training/task1", "arc/training/task2"))
    solved = run(tmp_path / "out", knowing)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["seen_by_base"] == 1
    assert "trained on 1 of these tasks" in solved.caution
    # Programs know nothing of the base.
    assert not run(tmp_path / "search", knowing, replace(SETTINGS, sources="search")).caution


def test_the_callers_torch_stays_as_it_was(base: LoadedSolver, tmp_path: Path) -> None:
    before, seed = torch.get_num_threads(), torch.initial_seed()
    torch.set_num_threads(3)
    try:
        run(tmp_path / "out", base)
        assert (torch.get_num_threads(), torch.initial_seed()) == (3, seed)
    finally:
        torch.set_num_threads(before)


@dataclass
class Machine:
    """Stands for a machine of seven cores, or a cluster of so many workers, whose network answers at once.

    ``asked`` are the processes that were asked for; starting those that search or answer takes ``starting``
    seconds, and ``late`` are those that have passed so.
    """

    monkeypatch: pytest.MonkeyPatch
    cluster: int | None = None
    starting: float = 0.0
    late: float = 0.0
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        real = solving.time.monotonic
        self.monkeypatch.setattr(solving.time, "monotonic", lambda: real() + self.late)
        self.monkeypatch.setattr(processes, "cores", lambda: 7)
        self.monkeypatch.setattr(candidates, "write_batch", lambda *given: [(each.input, -1.0) for each in given[-1]])
        for module in (solving, plan):
            self.monkeypatch.setattr(module, "choose_workers", self.choose_workers)

    @contextlib.contextmanager
    def choose_workers(self, executor: str, number: int) -> Iterator[Workers]:
        self.asked.append(number)
        yield Workers(self.open, self.cluster or number, number)

    @contextlib.contextmanager
    def open(self) -> Iterator[SerialExecutor]:
        self.late += self.starting
        yield SerialExecutor()

    def given(self, module: object, name: str, instead: Callable[..., Any] | None = None) -> list[dict[str, Any]]:
        """Note what a function is called with; what is called may be another."""
        function, calls = getattr(module, name), []

        def noted(*args: Any, **named: Any) -> Any:
            calls.append(inspect.signature(function).bind(*args, **named).arguments)
            return (instead or function)(*args, **named)

        self.monkeypatch.setattr(module, name, noted)
        return calls


@pytest.mark.parametrize(("cluster", "answering"), [(None, 7), (5, 5)])
def test_time_is_reckoned_with_the_processes_that_there_are(
    base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: int | None, answering: int
) -> None:
    machine = Machine(monkeypatch, cluster)
    searched = machine.given(solving, "search_tasks", lambda *_: Searched({}, 0.0))
    trained = machine.given(solving, "train_jointly", lambda job, **_: job.model.eval())
    reckoned, speed = machine.given(plan, "seconds_to_answer"), machine.given(plan, "tokens_a_second")
    monkeypatch.setattr(plan, "worth_starting", lambda workers, _: workers)
    monkeypatch.setattr(solving, "worth_starting", lambda workers, _: workers)
    settings = replace(SETTINGS, budget=Budget(seconds=6), sources="both")
    eight = tuple(replace(task, id=f"{task.id}-{number}") for number in range(4) for task in tasks())
    solve(eight, base, settings, Where(tmp_path / "out", torch.device("cpu")), dataset="tiny")
    # A search, the plan's look at who will answer, and answers: one a core; training: one a shard.
    assert machine.asked == [7, 7, 7]
    assert [call["at_a_time"] for call in searched] == [cluster or 7]
    # Eight tasks come to some of the workers as two, one after the other.
    assert searched[0]["each"] == pytest.approx(SEARCH_SHARE * 6 / 2)
    assert {call["workers"] for call in reckoned} == {answering}
    assert [call["workers"] for call in (*speed, *trained)] == [2, 2]


@pytest.mark.parametrize(("training", "left"), [(10.0, 12.0), (22.0, 30 - 22.0), (40.0, LEAST_SHARE * 30)])
def test_answers_have_what_is_left_of_the_budget_whatever_starting_takes(
    base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: float, left: float
) -> None:
    machine = Machine(monkeypatch, starting=2.0)

    def late(job: Job, **_: object) -> PairTransformer:
        machine.late += training
        return job.model.eval()

    monkeypatch.setattr(solving, "make_plan", lambda *_: plan.Plan(["task0"], 12.0))
    monkeypatch.setattr(solving, "train_jointly", late)
    answers = machine.given(solving, "Answers")
    settings = replace(SETTINGS, budget=Budget(seconds=30), views=1)
    solved = solve(tasks(), base, settings, Where(tmp_path / "out", torch.device("cpu")), dataset="tiny")
    assert left - 2.5 < answers[0]["seconds"] <= left
    assert 2 <= solved.summary["answering_seconds"] < 6


def test_where_time_is_short_no_process_is_started_for_it(
    base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    trained = machine.given(solving, "train_jointly")
    searched = machine.given(solving, "search_tasks", lambda *_: Searched({}, 0.0))
    settings = replace(SETTINGS, budget=Budget(seconds=3), sources="both")
    solve(tasks(), base, settings, Where(tmp_path / "out", torch.device("cpu")), dataset="tiny")
    assert [machine.asked[0], machine.asked[-1]] == [1, 1] and [call["workers"] for call in trained] == [1]
    # A task is searched by one.
    search = replace(settings, budget=Budget(seconds=600), sources="search")
    for given in (tasks(1), tasks()):
        where = Where(tmp_path / str(len(given)), torch.device("cpu"))
        solve(given, base, search, where, dataset="tiny")
    assert machine.asked[-2:] == [1, 2] and len(searched) == 3


def test_a_run_with_a_budget_in_time_goes_on_amid_answers_with_the_time_that_is_left(
    base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder = replace(SETTINGS, budget=Budget(seconds=8)), tmp_path / "out"
    append = candidates.Journal.append

    def interrupted(self: candidates.Journal, line: dict[str, object]) -> None:
        append(self, line)
        if str(line.get("batch", "")).startswith("write 1"):
            raise KeyboardInterrupt

    monkeypatch.setattr(candidates.Journal, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(folder, base, settings)
    monkeypatch.undo()
    before = (folder / "answers.jsonl").read_text().splitlines()
    trained, model = (folder / "training.json").read_text(), (folder / "model" / "model.safetensors").read_bytes()
    # As if the answers so far had taken all the time that there is, and more.
    last = json.loads(before[-1]) | {"seconds": 70.0}
    (folder / "answers.jsonl").write_text("\n".join([*before[:-1], json.dumps(last)]) + "\n")
    solved = run(folder, base, settings)
    assert (folder / "training.json").read_text() == trained
    assert (folder / "model" / "model.safetensors").read_bytes() == model
    # Nothing is asked any more, what was answered counts, and so does its time.
    assert len((folder / "answers.jsonl").read_text().splitlines()) == len(before)
    assert max(map(len, solved.drafts.values())) == 2 and min(map(len, solved.drafts.values())) >= 1
    assert 70 <= solved.summary["answering_seconds"] < 78


def test_answering_is_tried_where_it_will_be_done(base: LoadedSolver, monkeypatch: pytest.MonkeyPatch) -> None:
    devices: list[str] = []
    monkeypatch.setattr(plan, "write", lambda model, *_, **__: devices.append(model.device.type))
    asked = questions_of(tasks(), {"task0": 0, "task1": 1})
    plan.seconds_a_cell(base.model, tasks(), asked, SETTINGS, torch.device("meta"))
    assert set(devices) == {"meta"} and base.model.device.type == "cpu"


def test_a_plan_is_tried_in_the_threads_of_the_work(
    base: LoadedSolver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial in all threads would be taken for the speed of each process."""
    used = {}
    monkeypatch.setattr(plan, "seconds_a_cell", lambda *_: used.setdefault("answering", torch.get_num_threads()) * 1e-6)
    monkeypatch.setattr(plan, "tokens_a_second", lambda *_: used.setdefault("training", torch.get_num_threads()) * 1e3)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        where = Where(tmp_path, torch.device("cpu"), 2)
        settings = replace(SETTINGS, budget=Budget(seconds=4))
        asked = questions_of(tasks(), {"task0": 0, "task1": 1})
        made = plan.make_plan(base.model, tasks(), asked, settings, where, Processes(2, 2, 2), 0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert made.learned and used == {"answering": 1, "training": threads_of(SETTINGS.recipe)}


@pytest.mark.parametrize("change", ["seed", "tasks", "views"])
def test_another_run_in_the_folder_is_refused(finished: Path, base: LoadedSolver, change: str) -> None:
    before = left(finished)
    settings = {"seed": replace(SETTINGS, seed=4), "views": replace(SETTINGS, views=6)}.get(change, SETTINGS)
    given = tasks()[:1] if change == "tasks" else ()
    with pytest.raises(ArcAffinityError, match="holds a run with"):
        run(finished, base, settings, given)
    assert left(finished) == before


def test_a_folder_of_something_else_is_refused(base: LoadedSolver, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ArcAffinityError, match="not empty"):
        run(tmp_path, base)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_run_that_was_killed_as_it_began_begins_again(base: LoadedSolver, finished: Path, tmp_path: Path) -> None:
    (tmp_path / ".run.json.abcd1234.tmp").write_text("half")
    (tmp_path / ".lock").touch()
    run(tmp_path, base)
    assert left(tmp_path) == left(finished) and not list(tmp_path.glob(".*"))
