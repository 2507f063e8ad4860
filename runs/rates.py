"""Which learning rate suits each variant of the ablation family?

    python runs/rates.py OUT [--rates RATE…] [--steps 300] [--share 0.33334] [--workers 2] [--variants NAME…]

The search of `arc-affinity sweep` over each variant's learning rate, every one of the rates, its other settings as in
`runs/ablation.py` and on the same examples, which stand in OUT/examples. OUT/rates.md has the lowest validation losses,
a variant a row and a rate a column, written anew after each variant. Stopped at any moment, the same command goes on.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Mapping
from pathlib import Path

from ablation import FAMILY, recipe_of, training_examples

from arc_affinity.files import write_text
from arc_affinity.training.executors import choose_workers
from arc_affinity.training.pretraining.trainer import quiet_lightning
from arc_affinity.training.sweeps.found import Found
from arc_affinity.training.sweeps.space import read_space
from arc_affinity.training.sweeps.sweep import SettingsSweep

RATE = "learning_rate"

VARIANTS = [name for name in FAMILY if name != "tied-slower"]
"""All but the one that differs from another by its rate alone."""

Losses = Mapping[float, float]
"""The lowest validation loss by learning rate; not a number where training failed."""


def losses_of(found: Found) -> Losses:
    """Return the losses of a search, by ascending rate."""
    trials = sorted(found.trials, key=lambda trial: float(trial.settings[RATE]))
    return {float(trial.settings[RATE]): math.nan if trial.loss is None else trial.loss for trial in trials}


def table(losses: Mapping[str, Losses], steps: int) -> str:
    """Return the Markdown page: every variant at every rate, the best of each in bold."""
    rates = sorted({rate for each in losses.values() for rate in each})
    lines = [
        "# Learning rates of the ablation family",
        "",
        f"`runs/rates.py`: {steps} steps each; lowest validation loss, nats a token.",
        "",
        f"| variant | {' | '.join(f'{rate:.5f}' for rate in rates)} |",
        "|---|" + "---|" * len(rates),
    ]
    for name, each in losses.items():
        best = min((loss for loss in each.values() if not math.isnan(loss)), default=math.nan)
        cells = [_cell(each.get(rate), best) for rate in rates]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(loss: float | None, best: float) -> str:
    if loss is None:
        return ""
    if math.isnan(loss):
        return "failed"
    return f"**{loss:.3f}**" if loss == best else f"{loss:.3f}"


def main() -> None:
    """Search the rate of each variant and tabulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=300, help="of a whole training")
    parser.add_argument("--share", type=float, default=0.33334, help="of these that a trial has")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0009, 0.0018, 0.0036], help="trial 69 has 0.00185")
    parser.add_argument("--per-task", type=int, default=150, help="generated, of all sizes")
    parser.add_argument("--max-tokens", type=int, default=384, help="of a query and its output together")
    parser.add_argument("--tasks", type=int, help="so many tasks, for a trial")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    quiet_lightning()
    examples = options.out / "examples"
    training_examples(examples, options.per_task, options.max_tokens, options.tasks)
    losses: dict[str, Losses] = {}
    for name in options.variants:
        recipe = recipe_of(name, examples, options.steps, seed=0)
        space = read_space([f"{RATE}={','.join(map(str, options.rates))}"], recipe)
        search = SettingsSweep(recipe, space, len(options.rates), options.share)
        with choose_workers("processes", options.workers) as workers:
            found = search.run(options.out / name, workers)
        losses[name] = losses_of(found)
        logging.info("%s: %s", name, ", ".join(f"{rate:.5f} {loss:.3f}" for rate, loss in losses[name].items()))
        write_text(options.out / "rates.md", table(losses, search.recipe_of({}).steps))


if __name__ == "__main__":
    main()
