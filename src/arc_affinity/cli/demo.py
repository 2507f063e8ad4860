"""``arc-affinity demo``: the whole main job once, small, on bundled weights."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType

import torch
from rich.table import Table

from arc_affinity.cli.diagnose import write_report
from arc_affinity.cli.output.progress import ExampleRate, quiet_lightning
from arc_affinity.cli.output.terminal import Console
from arc_affinity.cli.score import task_table
from arc_affinity.cli.solve import BASE, SolveBar
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.diagnosis.page.tasks import Shown
from arc_affinity.diagnosis.report.numbers import build_report
from arc_affinity.diagnosis.report.outputs import Collector, Place
from arc_affinity.diagnosis.report.words import headline
from arc_affinity.drawing.terminal import grid_text
from arc_affinity.evaluation.predicting.predict import Asking, Question, predict, questions_of_store, questions_of_tasks
from arc_affinity.evaluation.records.record import Origin, Record, write_records
from arc_affinity.evaluation.scoring.scores import Score, score
from arc_affinity.evaluation.submission import make_submission, write_submission
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.models.storage.folders import LoadedModel, find_model
from arc_affinity.taxonomy.labels import find_categories
from arc_affinity.training.hardware import find_machine
from arc_affinity.training.joint.recipe import Budget
from arc_affinity.training.joint.settings import SolveSettings, Where
from arc_affinity.training.joint.solve import RECORDS, solve
from arc_affinity.training.pretraining.pretrain import train
from arc_affinity.training.recipes.files import is_run
from arc_affinity.training.recipes.recipe import RECIPES
from arc_affinity.types import Pair, Task

MODEL = "rotary-foundational"
HELD_OUT = "foundational-held-out.npz"
HELD_OUT_SHOWN = 5
"""Held-out examples of each foundational task that the demo predicts."""

REAL_TASKS = ("137eaa0f", "88a62173", "a65b410d", "9172f3a0", "c1d99e64")
"""Foundational tasks as humans drew them; only generated examples of their rules were trained on."""

SOLVED = 6
"""Real tasks that the demo solves: the smallest of those that the base of `solve` never saw."""

SOLVING = Budget(seconds=60)

HELD_OUT_RECORDS, REAL_RECORDS = "held-out.jsonl", "arc-agi-1.jsonl"
HELD_OUT_PAGE, REAL_PAGE, SOLVED_PAGE = "index.html", "arc-agi-1.html", "solve.html"
"""Reports on the held-out examples, on the real tasks, and on those solved; no number mixes them."""

PICTURES = 3
"""Predictions shown in the terminal."""


def demo(*, out: Path = Path("out/demo")) -> None:
    """Show the main job once, small.

    Solves a few real tasks that its base never saw. Predicts held-out examples and real ARC-AGI-1 tasks with a bundled
    model, scores them, trains the recipe "smoke" for a few seconds, and diagnoses what the bundled model cannot do.
    Leaves records, submissions, a trained model and reports with pictures.

    Args:
        out: Folder for the results; what an earlier demo left there is replaced.
    """
    begin = time.monotonic()
    console = Console()
    solved_tasks, solved = _solve(console, out / "solve")
    loaded = find_model(MODEL)
    console.print(f"Model: {loaded.name}, {loaded.model.parameter_count():,} parameters", highlight=False)
    asked = _held_out_questions(loaded)
    held_out = _answer(loaded, asked, "re-arc, held out", out / HELD_OUT_RECORDS)
    console.print(task_table(held_out[1]))
    _show(console, held_out[0])
    real_tasks = [task for task in load_tasks("arc-agi-1/training") if task.id in REAL_TASKS]
    real = _predict_real(loaded, real_tasks, out)
    console.print(task_table(real[1]))
    _train_smoke(out / "smoke")
    with as_file(files("arc_affinity.data") / HELD_OUT) as path:
        examples = load_tasks(str(path))
    _diagnose(console, out / HELD_OUT_PAGE, out / HELD_OUT_RECORDS, held_out[0], examples, given_with(asked))
    _diagnose(console, out / REAL_PAGE, out / REAL_RECORDS, real[0], real_tasks)
    _diagnose(console, out / SOLVED_PAGE, out / "solve" / RECORDS, solved, solved_tasks)
    _say_where(console, out, time.monotonic() - begin)


def _solve(console: Console, folder: Path) -> tuple[list[Task], list[Record]]:
    """Adapt the bundled base to a few tasks and answer them, for a minute."""
    training = load_tasks("arc-agi-1/training")
    kept = set(kept_out_tasks(training))
    tasks = sorted((task for task in training if task.id in kept), key=_cells)[:SOLVED]
    base = find_solver(BASE)
    seconds = SOLVING.seconds or 0
    console.print(f"Solve: {SOLVED} tasks that {base.name} never saw, {seconds:.0f} s", highlight=False)
    shutil.rmtree(folder, ignore_errors=True)
    where = Where(folder, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    with SolveBar(Console(stderr=True)) as bar:
        done = solve(tasks, base, SolveSettings(SOLVING), where, dataset="arc-agi-1/training", report=bar.report)
    _show(console, done.records)
    return tasks, list(done.records)


def _cells(task: Task) -> tuple[int, str]:
    """Cells of a task's demonstrations and questions."""
    shown = [grid for pair in task.train for grid in (pair.input, pair.output)]
    return sum(grid.size for grid in (*shown, *(p.input for p in task.test)) if grid is not None), task.id


Answers = tuple[list[Record], Score]

GivenPairs = Mapping[Place, Sequence[Pair]]
"""What a model was shown with each question."""


def _held_out_questions(loaded: LoadedModel) -> list[Question]:
    """Some held-out examples of each foundational task, each with demonstrations drawn from the others."""
    with as_file(files("arc_affinity.data") / HELD_OUT) as path:
        store = ExampleStore.open(path)
    questions = questions_of_store(store, loaded.model.config.context_pairs, Asking())
    return [q for task in store.tasks for q in _of_task(questions, task)[:HELD_OUT_SHOWN]]


def _predict_real(loaded: LoadedModel, tasks: Sequence[Task], out: Path) -> Answers:
    questions = questions_of_tasks(tasks, loaded.model.config.context_pairs, Asking())
    records, scored = _answer(loaded, questions, "arc-agi-1/training", out / REAL_RECORDS)
    write_submission(out / "submission.json", make_submission(records, tasks))
    return records, scored


def _answer(loaded: LoadedModel, questions: Sequence[Question], dataset: str, path: Path) -> Answers:
    asking = Asking()
    origin = Origin(loaded.name, loaded.digest, dataset, asking.protocol, asking.seed)
    groups = predict(loaded.model, questions, origin, asking)
    records = [record for _, group in groups for record in group]
    write_records(path, records)
    return records, score(records)


def given_with(questions: Sequence[Question]) -> GivenPairs:
    """Return the demonstrations that stand beside each query."""
    return {Place(first.task_id, first.index): first.demonstrations for first, *_ in questions}


def _of_task(questions: Sequence[Question], task: str) -> list[Question]:
    return [question for question in questions if question[0].task_id == task]


def _show(console: Console, records: Sequence[Record]) -> None:
    """Show the first answers to questions small enough to stand side by side, of different tasks."""
    seen: dict[str, Record] = {}
    for record in records:
        wide = max(side for grid in (record.input, record.target) if grid is not None for side in grid.shape)
        if record.attempt == 1 and record.prediction is not None and wide <= 10:
            seen.setdefault(record.task_id, record)
    for record in list(seen.values())[:PICTURES]:
        table = Table("input", "prediction", "target", title=f"{record.task_id}: {_verdict(record)}")
        grids = (record.input, record.prediction, record.target)
        table.add_row(*(grid_text(grid) for grid in grids if grid is not None))
        console.print(table)


def _verdict(record: Record) -> str:
    cells = "" if record.cell_accuracy is None else f", {record.cell_accuracy:.0%} of cells"
    return f"{'exact' if record.exact else 'not exact'}{cells} (protocol {record.protocol})"


def _train_smoke(folder: Path) -> None:
    """Train a fresh model for a few seconds."""
    console = Console()
    console.print("Training: recipe smoke, a fresh champion for a few seconds", highlight=False)
    quiet_lightning()
    # An earlier demo's; anything else is refused below and stays.
    if is_run(folder):
        shutil.rmtree(folder, ignore_errors=True)
    recipe = RECIPES["smoke"]
    machine = find_machine(recipe.batch_cells)
    train(recipe, folder, callbacks=[ExampleRate(console, recipe)], progress=False, machine=machine)


def _diagnose(
    console: Console,
    page: Path,
    source: Path,
    records: Sequence[Record],
    tasks: Sequence[Task],
    given: GivenPairs = MappingProxyType({}),
) -> None:
    """Write a report on records, with the demonstrations of the tasks or those ``given``, and say its headline."""
    collector = Collector()
    collector.add(records, source.name)
    sets = collector.sets()
    labels = find_categories({task_id for each in sets for task_id in each.tasks}, tasks)
    report = build_report(sets, labels.by_task, labels.source, labels.notes)
    write_report(page, report, Shown({task.id: task.train for task in tasks}, given))
    console.print(f"Diagnosis, {report.dataset}: {headline(report)}", highlight=False, markup=False)


def _say_where(console: Console, out: Path, seconds: float) -> None:
    lines = (
        f"Done in {seconds:.0f} s. Look at {out / SOLVED_PAGE}, {out / HELD_OUT_PAGE} and {out / REAL_PAGE}",
        f"Records:    {out / 'held-out.jsonl'}, {out / 'arc-agi-1.jsonl'}",
        f"Submission: {out / 'submission.json'}",
        f"Trained:    {out / 'smoke' / 'model'}",
        "Next:",
        "  arc-affinity solve --dataset arc-agi-1/evaluation --budget 2h --out out/solve",
        f"  arc-affinity predict {MODEL} --dataset arc-agi-1/evaluation --out records.jsonl",
        "  arc-affinity score records.jsonl --dataset arc-agi-1/evaluation",
        "  arc-affinity diagnose records.jsonl --dataset arc-agi-1/evaluation --out report.html",
        "  arc-affinity train smoke --out out/mine",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
