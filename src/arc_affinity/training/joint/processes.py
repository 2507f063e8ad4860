"""Several processes that train one network together, each on a part of every batch."""

from __future__ import annotations

import copy
import datetime
import multiprocessing
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.processes import cores, prepare_worker
from arc_affinity.training.joint.recipe import JointRecipe
from arc_affinity.training.joint.trainer import Job, Progress, Trainer

PATIENCE = datetime.timedelta(minutes=10)
"""How long a process waits for the others at a step before it gives up."""


def default_workers(device: torch.device, shards: int) -> int:
    """Return how many processes to train with: one a core up to ``shards`` on a CPU (measured faster there than
    threads: docs/log.md), one on a GPU."""
    return 1 if device.type != "cpu" else max(1, min(shards, cores()))


def train_jointly(
    job: Job, *, device: torch.device, workers: int = 1, report: Callable[[Progress], None] = lambda _: None
) -> PairTransformer:
    """Do ``job`` from where it is and return the trained model, with averaged weights, in evaluation mode.

    The state in ``job.folder``, if there is one, is gone on with; the bytes are the same for every number of
    ``workers`` (processes, this one included). ``report`` is called after each step.

    Raises:
        ArcAffinityError: the state on disk is of another training or damaged, the disk is full, or a process died.
    """
    workers = min(workers, job.recipe.shards)
    torch.set_num_threads(threads_of(job.recipe))
    if workers == 1:
        return Trainer(job, device=device).run(report)
    with tempfile.TemporaryDirectory() as meeting:
        store = Path(meeting) / "store"
        context = multiprocessing.get_context("spawn")
        helpers = [
            context.Process(target=_help, args=(job, rank, workers, str(store)), daemon=True)
            for rank in range(1, workers)
        ]
        for helper in helpers:
            helper.start()
        try:
            _meet(0, workers, str(store))
            return Trainer(job, 0, workers, device).run(report)
        except RuntimeError as error:
            raise ArcAffinityError(
                f"a training process died ({str(error).splitlines()[0]:.80}); the same command goes on"
            ) from error
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
            for helper in helpers:
                helper.join(5)
                helper.kill()


def _help(job: Job, rank: int, world: int, store: str) -> None:
    prepare_worker()
    # What is sent to a process shares its memory with the sender's: without a copy both would step the same weights.
    job = replace(job, model=copy.deepcopy(job.model))
    torch.set_num_threads(threads_of(job.recipe))
    _meet(rank, world, store)
    Trainer(job, rank, world).run(lambda _: None)
    dist.destroy_process_group()


def threads_of(recipe: JointRecipe) -> int:
    """Return the threads of each process.

    Cores are shared among the shards, not the processes: how a sum is cut over threads decides its last bits.
    """
    return max(1, cores() // recipe.shards)


def _meet(rank: int, world: int, store: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world, timeout=PATIENCE)
