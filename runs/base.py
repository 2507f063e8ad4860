"""Train the base of `solve` and leave it as the model folder OUT/model; runs/base.sh says how it is called.

    python runs/base.py OUT --hours H [--data-dir DIR] [--examples STORE] [--longest TOKENS] [--drawn N] [--start MODEL]

Stopped at any moment, the same command goes on; with more hours it trains further. With --start the weights of an
earlier base are begun from, which may have seen fewer tasks: with longer pairs, more tasks have some.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import torch
from base_corpus import base_corpus, with_tasks

from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import find_solver, save_solver
from arc_affinity.training.joint.processes import processes_for, train_jointly
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job, Progress

LOG_EVERY = 60.0


def main() -> None:
    """Train, or go on training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--examples", type=Path)
    parser.add_argument("--longest", type=int, default=300)
    parser.add_argument("--drawn", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--learning-rate", type=float, default=JointRecipe.learning_rate)
    parser.add_argument("--start", help="a base to begin from, in place of nothing")
    parser.add_argument("--workers", type=int, help="processes; the bytes are the same for every number")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    examples = None if options.examples is None else ExampleStore.open(options.examples)
    made = base_corpus(options.data_dir, examples, longest=options.longest, drawn=options.drawn, seed=options.seed)
    lessons = made.corpus.lessons
    logging.info("%d tasks; %d left out as leaks, %d as repeats", len(lessons), made.leaks, made.repeats)
    torch.manual_seed(options.seed)
    config = PairConfig(options.width, options.width // 32, options.layers, options.hidden, len(lessons))
    recipe = JointRecipe(batch_tokens=options.batch_tokens, learning_rate=options.learning_rate)
    task_ids = tuple(lesson.task_id for lesson in lessons)
    model = PairTransformer(config) if options.start is None else with_tasks(find_solver(options.start), task_ids)
    job = Job(model, made.corpus, recipe, Budget(seconds=3600 * options.hours), options.out)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    logging.info("%d parameters on %s", job.model.parameter_count(), device)
    told = 0.0

    def report(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told > LOG_EVERY:
            told = time.monotonic()
            rate = progress.tokens / max(progress.seconds, 1e-9)
            logging.info("%s %.0f tokens/s", progress, rate)

    workers = options.workers or processes_for(device, recipe.shards).training
    model = train_jointly(job, device=device, workers=workers, report=report)
    save_solver(model, task_ids, options.out / "model", half=True)


if __name__ == "__main__":
    main()
