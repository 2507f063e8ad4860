"""The ablation family: what each part of the champion's recipe is worth, the rest left as it is.

    python runs/ablation.py OUT [--steps 400] [--seeds 3] [--per-task 150] [--max-tokens 384] [--asked 5]

Every variant is the recipe of its parent with one thing changed (`FAMILY`), trained on the champion's data, the 308
published training tasks, as far as a query and its output have at most --max-tokens tokens together; then asked --asked
such examples of each of the 92 unseen tasks, by the three protocols. OUT/table.md has the figures: means over tasks,
with 95 % intervals over seeds. All variants are trained with seed 0 first, then with seed 1 and so on, and the table is
written anew after each. Stopped at any moment, the same command goes on; a variant added later is trained then.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from arc_affinity.data.batching.sampling import smaller
from arc_affinity.data.generation.generate import generate_store
from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.data.own_examples import LEAST
from arc_affinity.data.splits import published_split
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.store.files import is_store
from arc_affinity.evaluation.predicting.asking import Asking, Question, questions_of_store
from arc_affinity.evaluation.predicting.writing import write_predictions
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.scoring.scores import Mean, Score, score
from arc_affinity.files import write_text
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.models.storage.folders import find_model
from arc_affinity.paper.published import published_reference
from arc_affinity.processes import cores
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.training.hardware import Machine
from arc_affinity.training.pretraining.pretrain import train
from arc_affinity.training.pretraining.run_folder import METRICS
from arc_affinity.training.pretraining.stores import WORTH_PROCESSES
from arc_affinity.training.recipes.recipe import RECIPES, Recipe

UNSEEN_SEED = 2_000_003
"""Of the examples asked; that of runs/score.sh."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variant:
    """A recipe as its parent's with some fields changed; ``told`` says what is another thing than in the parent."""

    told: str
    parent: str = "champion"
    changes: Mapping[str, Any] = field(default_factory=dict)


OPTIMISER = ("optimiser", "learning_rate", "beta1", "beta2", "weight_decay")

FAMILY = {
    "champion": Variant("trial 69 of the paper", parent=""),
    "rotary": Variant("2D rotary positions in place of 2D sinusoids", changes={"model.positions": "rotary"}),
    "rotary-too": Variant("2D rotary positions beside 2D sinusoids", changes={"model.positions": "sinusoid+rotary"}),
    "line": Variant("1D sinusoids in place of 2D ones", changes={"model.positions": "line"}),
    "colours": Variant("colours written by a matrix of their own", changes={"model.colours": "separate"}),
    "no-context": Variant("no demonstrations: no context encoder, no bridge", changes={"model.context": "none"}),
    "no-bridge": Variant("context added to tokens and logits only, no bridge", changes={"model.bridge": "none"}),
    # Hidden units make up for the context encoder's and the bridge's parameters: 0.06 % more than the champion has.
    "tokens": Variant(
        "attention to all tokens of the demonstrations in place of their vector (712 hidden units, not 640)",
        changes={"model.context": "tokens", "model.feed_forward": 712},
    ),
    "tied": Variant("the decoder's layers applied twice", changes={"model.decoder_loops": 2}),
    "tied-slower": Variant(
        "the decoder's layers applied twice, learning rate 0.00062 (docs/log.md, 31)",
        changes={"model.decoder_loops": 2, "learning_rate": 0.00062},
    ),
    "no-dropout": Variant("no dropout", changes={"model.encoder_dropout": 0.0, "model.decoder_dropout": 0.0}),
    "alignment": Variant("heads begin by looking at their own place", "rotary", {"model.alignment": 2.0}),
    "adamw": Variant(
        "AdamW as in the recipe rotary (rate 0.002, betas 0.9 and 0.98, decay 0.01), not trial 69's Adam",
        changes={name: RECIPES["rotary"].flat()[name] for name in OPTIMISER},
    ),
    "cells-only": Variant("the PADs that end rows and grids are not read", changes={"model.read_ends": False}),
}


def recipe_of(name: str, examples: Path, steps: int, seed: int) -> Recipe:
    """Return the recipe of a variant: the rate falls once from its peak to its least, over all steps."""
    if not name:
        short = {"steps": steps, "restart_steps": steps, "validate_every": math.ceil(steps / 4), "curriculum": ()}
        return RECIPES["champion"].overridden({**short, "examples": str(examples), "seed": seed})
    variant = FAMILY[name]
    return replace(recipe_of(variant.parent, examples, steps, seed).overridden(variant.changes, name), name=name)


@dataclass(frozen=True)
class Request:
    """Which examples a store is to have.

    Of each task ``made`` are generated; at most ``kept`` of them, with at most ``longest`` tokens of query and output
    together, are taken, and none of a task that has fewer than ``least`` such.
    """

    tasks: tuple[str, ...]
    made: int
    seed: int
    longest: int
    kept: int
    least: int


def small_examples(out: Path, request: Request) -> ExampleStore:
    """Make a store of small examples, or open the one that is there."""
    settings = {"request": asdict(request)}
    if not is_store(out):
        workers = cores() if len(request.tasks) * request.made > WORTH_PROCESSES else 1
        of_all_sizes = out.with_name(f"{out.name}-of-all-sizes")
        every = generate_store(of_all_sizes, request.tasks, request.made, request.seed, workers)
        store = smaller(every, request.longest)
        chosen = {task: [store.pair(i) for i in store.indices(task)[: request.kept]] for task in store.tasks}
        return write_store(out, {t: pairs for t, pairs in chosen.items() if len(pairs) >= request.least}, settings)
    store = ExampleStore.open(out)
    if store.manifest["request"] != json.loads(json.dumps(settings["request"])):
        raise SystemExit(f"error: {out} holds examples of other settings; choose another folder")
    return store


def training_examples(out: Path, per_task: int, longest: int, tasks: int | None = None) -> ExampleStore:
    """Make what the family is trained on, of the first ``tasks`` training tasks (of all unless given), or open it."""
    champion = RECIPES["champion"]
    # A task needs examples to train on beside those that validate.
    least = LEAST + champion.validation_per_task
    wanted = Request(published_split().train[:tasks], per_task, champion.data_seed, longest, per_task, least)
    return small_examples(out, wanted)


def run(name: str, seed: int, options: argparse.Namespace, examples: Path, questions: Sequence[Question]) -> None:
    """Train a variant with one seed and have it answer; what is done already is left."""
    folder = options.out / f"{name}-{seed}"
    begun = time.process_time()
    machine = Machine(threads=options.threads)
    outcome = train(
        recipe_of(name, examples, options.steps, seed), folder, resume=True, progress=False, machine=machine
    )
    trained = time.process_time()
    loaded = find_model(str(outcome.model))
    with computing_in(options.threads):
        for protocol in map(Protocol, options.protocols):
            asking = Asking(protocol, attempts=1 if protocol is Protocol.TEACHER_FORCED else 2)
            path = answers(folder, protocol)
            write_predictions(path, loaded, questions, asking, "unseen92", lambda *_: None)
    asked = time.process_time()
    log.info("%s: %.0f s of training, %.0f s of answering", folder.name, trained - begun, asked - trained)


def answers(folder: Path, protocol: Protocol) -> Path:
    """Return where a run's answers by a protocol are."""
    return folder / f"{protocol}.jsonl.gz"


@dataclass(frozen=True)
class Result:
    """One run: its parameters, its least validation loss (nats a token), its score by each protocol."""

    parameters: int
    loss: float
    scores: Mapping[Protocol, Score]


def read_result(folder: Path) -> Result:
    """Return what a finished run came to."""
    with (folder / METRICS).open(encoding="utf-8", newline="") as file:
        losses = [float(row["val/loss"]) for row in csv.DictReader(file) if row["val/loss"]]
    files = {protocol: answers(folder, protocol) for protocol in Protocol}
    scores = {protocol: score(read_records(path)) for protocol, path in files.items() if path.is_file()}
    return Result(find_model(str(folder)).model.parameter_count(), min(losses), scores)


Figure = Callable[[Result], float]


def percent(mean: Mean) -> float:
    """Return a mean over tasks in per cent; every output has one here."""
    assert mean.over_tasks is not None
    return 100 * mean.over_tasks


def by_protocol(protocol: Protocol, figure: Callable[[Score], Mean]) -> Figure:
    """Return a figure of the answers by a protocol; not a number where they were not asked for."""
    return lambda result: percent(figure(result.scores[protocol])) if protocol in result.scores else math.nan


COLUMNS: dict[str, Figure] = {
    "validation loss": lambda result: result.loss,
    "cells, teacher forced": by_protocol(Protocol.TEACHER_FORCED, lambda found: found.cell_accuracy),
    "cells, sized": by_protocol(Protocol.SIZED, lambda found: found.cell_accuracy),
    "grids, sized": by_protocol(Protocol.SIZED, lambda found: found.first_solved),
    "grids, arc_prize": by_protocol(Protocol.ARC_PRIZE, lambda found: found.solved),
}

LESS_PARENTS = ("validation loss", "cells, teacher forced", "cells, sized")
"""Figures that are told beside the parent's too, seed by seed."""


def interval(values: Sequence[float], digits: int = 2) -> str:
    """Return the mean of the seeds' values and half of its 95 % interval (Student's t), which one seed has not."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f}"


def table(results: Mapping[str, Sequence[Result]], labels: Mapping[str, str], said: str) -> str:
    """Return the Markdown page of all runs so far: seeds of each variant in the same order."""
    return "\n".join(["# The ablation family", "", said, "", *overall(results), "", *by_category(results, labels), ""])


def overall(results: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    """Yield the table of means over tasks, and of what they have more than the parent's."""
    first = next(iter(results.values()))[0]
    columns = {name: figure for name, figure in COLUMNS.items() if not math.isnan(figure(first))}
    differences = [name for name in LESS_PARENTS if name in columns]
    head = ["variant", "what is changed", "parent", "parameters", "seeds", *columns]
    head += [f"{name}, less the parent's" for name in differences]
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for name, mine in results.items():
        variant = FAMILY[name]
        cells = [interval([figure(result) for result in mine]) for figure in columns.values()]
        less = [against_parent(COLUMNS[each], mine, results.get(variant.parent, ())) for each in differences]
        row = [name, variant.told, variant.parent, f"{mine[0].parameters:,}", str(len(mine)), *cells, *less]
        yield f"| {' | '.join(row)} |"


def against_parent(figure: Figure, mine: Sequence[Result], parents: Sequence[Result]) -> str:
    """Return how much higher a figure is than the parent's, seed by seed: same batches, same questions."""
    pairs = list(zip(map(figure, mine), map(figure, parents), strict=False))
    return interval([own - other for own, other in pairs]) if pairs else ""


def by_category(results: Mapping[str, Sequence[Result]], labels: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of right cells at the given size, category by category; nothing where that was not asked."""
    scores = next(iter(results.values()))[0].scores
    if Protocol.SIZED not in scores:
        return
    asked = scores[Protocol.SIZED].by_task
    categories = [code for code in CODES if any(labels[task] == code for task in asked)]
    numbers = [sum(labels[task] == code for task in asked) for code in categories]
    yield "Cells, sized, by the published category of a task (in brackets: tasks), per cent:"
    yield ""
    yield "| variant | " + " | ".join(f"{code} ({n})" for code, n in zip(categories, numbers, strict=True)) + " |"
    yield "|---|" + "---|" * len(categories)
    for name, mine in results.items():
        shares = [interval([cells_of(result, labels, code) for result in mine], 1) for code in categories]
        yield f"| {' | '.join([name, *shares])} |"


def cells_of(result: Result, labels: Mapping[str, str], code: str) -> float:
    """Return the per cent of right cells at the given size, the mean over the tasks of a category."""
    found = result.scores[Protocol.SIZED]
    return float(np.mean([percent(found.only(task).cell_accuracy) for task in found.by_task if labels[task] == code]))


def main() -> None:
    """Train, ask and tabulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--per-task", type=int, default=150, help="generated, of all sizes")
    parser.add_argument("--max-tokens", type=int, default=384, help="of a query and its output together")
    parser.add_argument("--asked", type=int, default=5, help="examples of each unseen task")
    parser.add_argument("--tasks", type=int, help="so many tasks of either side, for a trial")
    parser.add_argument("--variants", nargs="+", choices=FAMILY, default=list(FAMILY))
    # An undertrained model writes whole canvases where it has to find the size: most of a run's time.
    parser.add_argument("--protocols", nargs="+", choices=list(Protocol), default=list(Protocol))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    examples, longest = options.out / "examples", options.max_tokens
    trained_on = training_examples(examples, options.per_task, longest, options.tasks)
    unseen = published_split().validation[: options.tasks]
    # Four times as many are made as are asked, since some are too large.
    asked = small_examples(
        options.out / "unseen", Request(unseen, 4 * options.asked, UNSEEN_SEED, longest, options.asked, LEAST)
    )
    questions = questions_of_store(asked, RECIPES["champion"].model.context_pairs, Asking())
    labels = published_reference(None, task_ids()).labels
    assert labels is not None
    said = (
        f"`runs/ablation.py`: {options.steps} steps on examples of at most {longest} tokens of {len(trained_on.tasks)} "
        f"of the 308 training tasks; {len(asked)} such examples of {len(asked.tasks)} of the 92 unseen tasks. Means "
        "over tasks, per cent (the loss: nats a token), and half of the 95 % interval over seeds (Student's t)."
    )
    results: dict[str, list[Result]] = {}
    for seed in range(options.seeds):
        for name in options.variants:
            run(name, seed, options, examples, questions)
            results.setdefault(name, []).append(read_result(options.out / f"{name}-{seed}"))
            write_text(options.out / "table.md", table(results, labels, said))


if __name__ == "__main__":
    main()
