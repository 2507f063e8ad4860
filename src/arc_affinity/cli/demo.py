"""``arc-affinity demo``: the whole main job once, small, on bundled weights."""

from __future__ import annotations

import shutil
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

import arc_affinity as aa
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import say_replaced
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.cli.score import task_table
from arc_affinity.cli.solve import reporting
from arc_affinity.drawing.terminal import grid_text
from arc_affinity.files import write_text
from arc_affinity.types import Task

if TYPE_CHECKING:
    from arc_affinity.evaluation.records.record import Record
    from arc_affinity.notebook.answers import Answers
    from arc_affinity.notebook.specialists import Specialist

MODEL = "rotary-foundational"

HELD_OUT_SHOWN = 5
"""Held-out examples of each foundational task that the demo predicts."""

REAL_TASKS = ("137eaa0f", "88a62173", "a65b410d", "9172f3a0", "c1d99e64")
"""Foundational tasks as humans drew them; only generated examples of their rules were trained on."""

SOLVED, SECONDS = 6, 60.0
"""Real tasks that the demo solves, the smallest of those that the base of `solve` never saw, and the time for them."""

ADAPTED_MODEL, ADAPTED, ADAPTED_STEPS, ADAPTED_RATE = "rotary", "d511f180", 60, 2e-3
"""A model that solves hardly an example of a task, the task, and AdamW's steps on it and learning rate."""

GENERATED, TAUGHT, OTHERS, ASKED, LARGEST = 800, 100, 150, 10, 64
"""Examples generated to train on, how many of them are; those generated to ask, and how many are; their most cells."""

PICTURES = 3
"""Predictions shown in the terminal."""


def demo(*, out: Path = Path("out/demo")) -> None:
    """Show the main job once, small.

    Solves a few real tasks that its base never saw. Predicts held-out examples and real ARC-AGI-1 tasks with a bundled
    model and scores them. Adapts a model to one task, before and after. Trains the recipe "smoke" for a few seconds,
    and diagnoses what the models cannot do. Leaves records, submissions, a trained model and reports with pictures.

    Args:
        out: Folder for the results. What an earlier demo left there is replaced, but for what it solved, which stays.
    """
    # Imported here because torch takes seconds, and help needs none of it.
    from arc_affinity.models.parts.threads import computing_in
    from arc_affinity.models.storage.folders import find_model

    say_replaced(sorted(path for ending in ("html", "json", "jsonl") for path in out.glob(f"*.{ending}")))
    begun, console = time.monotonic(), Console()
    small = unseen_tasks()
    console.print(f"Solve: {SOLVED} tasks that the base never saw, {SECONDS:.0f} s", highlight=False)
    with Bar("Searching", 1.0) as bar:
        solved = aa.solve(small, seconds=SECONDS, out=out / "solve", report=reporting(bar))
    _show(console, solved)
    model = find_model(MODEL)
    console.print(f"Predict: {HELD_OUT_SHOWN} held-out examples of each of 18 tasks, by {MODEL}", highlight=False)
    # Threads wait for each other wherever something else runs.
    with computing_in(1):
        held_out = aa.predict(model, held_out_tasks(model.model.config.context_pairs))
    held_out.save(out / "held-out.jsonl")
    _show(console, held_out)
    console.print(task_table(aa.score(held_out)))
    console.print(f"Predict: {len(REAL_TASKS)} real tasks of ARC-AGI-1 whose rules it was trained on", highlight=False)
    with computing_in(1):
        real = aa.predict(model, [task for task in aa.load_tasks("arc-agi-1/training") if task.id in REAL_TASKS])
    real.save(out / "arc-agi-1.jsonl")
    real.submit(out / "submission.json")
    console.print(task_table(aa.score(real)))
    with computing_in(1):
        made = adapted()
    made.after.save(out / "adapted.jsonl")
    console.print(_before_and_after(made))
    _train_smoke(console, out / "smoke")
    for name, answers in (("index", held_out), ("arc-agi-1", real), ("solve", solved)):
        found = aa.diagnose(answers)
        found.save(out / f"{name}.html")
        write_text(out / f"{name}.json", found.to_json())
        console.print(f"Diagnosis, {found.report.dataset}: {found.headline}", highlight=False)
    for line in _where(out, time.monotonic() - begun):
        say_path(console, line, "")


def unseen_tasks() -> list[Task]:
    """Return the smallest of the tasks that no bundled base of `solve` was trained on."""
    from arc_affinity.data.splits import kept_out_tasks

    training = aa.load_tasks("arc-agi-1/training")
    kept = set(kept_out_tasks(training))
    return sorted((task for task in training if task.id in kept), key=_cells)[:SOLVED]


def held_out_tasks(pairs: int) -> list[Task]:
    """Return held-out examples of the foundational tasks: ``pairs`` demonstrations of each, and other ones as tests."""
    with as_file(files("arc_affinity.data") / "foundational-held-out.npz") as path:
        whole = aa.load_tasks(str(path))
    return [Task(t.id, t.train[:pairs], t.train[pairs:][:HELD_OUT_SHOWN], "re-arc, held out") for t in whole]


def adapted() -> Specialist:
    """Return a model fine-tuned to one task by generated examples; others, new to its base, say what it was worth."""
    from arc_affinity.models.storage.folders import find_model

    base, task, rate = find_model(ADAPTED_MODEL), task_to_adapt_to(), ADAPTED_RATE
    # In so few steps AdamW learns what Muon, the usual choice of this method, does not.
    return aa.finetune(base, task, method="full", optimiser="adamw", learning_rate=rate, steps=ADAPTED_STEPS)


def task_to_adapt_to() -> Task:
    """Return generated examples of a task to train on and, as its tests, some that the base was not trained on."""
    from arc_affinity.data.generation.rearc import generate_task, input_key

    # The base has seen the first of these.
    known = generate_task(ADAPTED, GENERATED).pairs
    others = generate_task(ADAPTED, OTHERS, seed=1, exclude={input_key(pair.input) for pair in known}).pairs
    train, asked = (tuple(pair for pair in pairs if pair.input.size <= LARGEST) for pairs in (known, others))
    return Task(ADAPTED, train[:TAUGHT], asked[:ASKED], "re-arc")


def _cells(task: Task) -> tuple[int, str]:
    """Cells of a task's demonstrations and questions."""
    shown = [grid for pair in task.train for grid in (pair.input, pair.output)]
    return sum(grid.size for grid in (*shown, *(p.input for p in task.test)) if grid is not None), task.id


def _show(console: Console, answers: Answers) -> None:
    """Show the first answers to questions small enough to stand side by side, of different tasks."""
    first: dict[str, Record] = {}
    for record, *_ in answers.by_output.values():
        wide = max(side for grid in (record.input, record.target) if grid is not None for side in grid.shape)
        if record.prediction is not None and wide <= 10:
            first.setdefault(record.task_id, record)
    for record in list(first.values())[:PICTURES]:
        cells = "" if record.cell_accuracy is None else f", {record.cell_accuracy:.0%} of cells"
        verdict = f"{'exact' if record.exact else 'not exact'}{cells} (protocol {record.protocol})"
        table = Table("input", "prediction", "target", title=f"{record.task_id}: {verdict}")
        grids = (record.input, record.prediction, record.target)
        table.add_row(*(grid_text(grid) for grid in grids if grid is not None))
        console.print(table)


def _before_and_after(made: Specialist) -> Table:
    seconds, words = made.tuned.trained.seconds, f"exact match on {len(made.task.test)} others, %"
    title = f"Fine-tuned to {made.task.id} in {seconds:.0f} s: {words}"
    table = Table("protocol", "before", "after", title=title, title_justify="left")
    for protocol, after in made.tuned.final.by_protocol.items():
        before = made.tuned.base.by_protocol[protocol]
        table.add_row(protocol, f"{100 * before.solved:.0f}", f"{100 * after.solved:.0f}")
    return table


def _train_smoke(console: Console, folder: Path) -> None:
    from arc_affinity.cli.output.progress import ExampleRate
    from arc_affinity.training.hardware import find_machine
    from arc_affinity.training.pretraining.pretrain import train
    from arc_affinity.training.pretraining.trainer import quiet_lightning
    from arc_affinity.training.recipes.files import RECIPE, is_run, read_recipe
    from arc_affinity.training.recipes.recipe import RECIPES

    console.print("Training: recipe smoke, a fresh champion for a few seconds", highlight=False)
    quiet_lightning()
    recipe = RECIPES["smoke"]
    # An earlier demo's; anything else is refused below and stays.
    if is_run(folder) and read_recipe(folder / RECIPE) == recipe:
        shutil.rmtree(folder, ignore_errors=True)
    machine = find_machine(recipe.batch_cells)
    train(recipe, folder, callbacks=[ExampleRate(console, recipe)], progress=False, machine=machine)


def _where(out: Path, seconds: float) -> tuple[str, ...]:
    return (
        f"Done in {seconds:.0f} s. Look at {out / 'solve.html'}, {out / 'index.html'} and {out / 'arc-agi-1.html'}",
        f"Records:    {out / 'held-out.jsonl'}, {out / 'arc-agi-1.jsonl'}, {out / 'adapted.jsonl'}",
        f"Submission: {out / 'submission.json'}",
        f"Trained:    {out / 'smoke' / 'model'}",
        "Next:",
        "  arc-affinity solve --dataset arc-agi-1/evaluation --budget 2h --out out/solve",
        f"  arc-affinity predict {MODEL} --dataset arc-agi-1/evaluation --out records.jsonl",
        "  arc-affinity score records.jsonl --dataset arc-agi-1/evaluation",
        "  arc-affinity diagnose records.jsonl --dataset arc-agi-1/evaluation --out report.html",
        f"  arc-affinity finetune rotary --tasks {ADAPTED} --method full --out out/{ADAPTED}",
        "  arc-affinity train smoke --out out/mine",
    )
