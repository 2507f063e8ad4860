"""``arc-affinity predict`` with what `solve` left: a network that has learned the tasks it is asked."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.symmetry.canonical import digest_of_pairs, edition_of
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting.solver import predict_by_solver
from arc_affinity.evaluation.questions import questions_of
from arc_affinity.evaluation.records.finished import Wanted, is_finished
from arc_affinity.evaluation.records.record import Origin
from arc_affinity.evaluation.records.writer import RecordWriter
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.types import Task


def write_answers(
    model: str,
    tasks: tuple[Task, ...],
    dataset: str,
    out: Path,
    *,
    protocol: Protocol,
    attempts: int,
    views: int,
    seed: int,
    overwrite: bool,
    device: torch.device,
) -> None:
    """Answer ``tasks`` and write the records.

    Raises:
        ArcAffinityError: the network has not learned a task, or the protocol is another than ``arc_prize``: it always
            decides the size itself.
    """
    if protocol is not Protocol.ARC_PRIZE:
        raise ArcAffinityError(f"{model} finds the size itself: only --protocol {Protocol.ARC_PRIZE} is for it")
    loaded = find_solver(model)
    loaded.model.to(device)
    edition = edition_of(tasks)
    origin = Origin(loaded.name, loaded.digest, dataset, protocol, seed, exposure="transductive", edition=edition)
    wanted = Wanted(origin, questions_of(tasks), attempts, views)
    if is_finished(out, wanted, overwrite=overwrite):
        say_path(Console(), "", out)
        return
    # The edition leaves the tests' outputs out, which the records say the answers are right by.
    content = digest_of_pairs(pair for task in tasks for pair in (*task.train, *task.test))
    settings = {**asdict(origin), "attempts": attempts, "views": views, "questions": content}
    with RecordWriter(out, settings) as writer:
        done = writer.done_tasks
        answers = predict_by_solver(loaded, tasks, origin, attempts=attempts, views=views, done=done)
        with Bar("Predicting", len(tasks), "tasks", done=len(done)) as bar:
            for task, records in answers:
                writer.write(task, records)
                bar.advance()
    say_path(Console(), "", out)
