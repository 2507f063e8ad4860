"""Several processes that train one network together, each on a part of every batch."""

from __future__ import annotations

import copy
import datetime
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.distributed as dist

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.processes import cores, prepare_worker
from arc_affinity.training.joint.recipe import JointRecipe
from arc_affinity.training.joint.trainer import Job, Progress, Trainer

PATIENCE = datetime.timedelta(minutes=10)
"""How long a process waits for the others at a step before it gives up."""


STARTING = 6.0
"""Seconds, about, until a process that was started computes: it reads torch first. Busy machines take longer."""


@dataclass(frozen=True)
class Processes:
    """How many processes search, train and answer."""

    searching: int
    training: int
    answering: int


def processes_for(device: torch.device, shards: int, workers: int | None = None) -> Processes:
    """Return how many processes do each part of the work: ``workers``, or one a core unless given.

    At most one a shard trains; on a CPU that is faster than threads (docs/log.md, 16). A GPU is trained on by one
    process alone, and asked by one unless ``workers`` are given.
    """
    each = cores() if workers is None else workers
    answering = 1 if workers is None and device.type != "cpu" else each
    return Processes(each, _training(device, shards, each), answering)


def worth_starting(workers: int, seconds: float) -> int:
    """Return ``workers``, or 1 where this process alone gets as much done in ``seconds`` as they do once started."""
    return workers if workers * (seconds - STARTING) > seconds else 1


def train_jointly(
    job: Job, *, device: torch.device, workers: int = 1, report: Callable[[Progress], None] = lambda _: None
) -> PairTransformer:
    """Do ``job`` from where it is and return the trained model, with averaged weights, in evaluation mode.

    The state in ``job.folder``, if there is one, is gone on with; the bytes are the same for every number of
    ``workers`` (processes, this one included; on a GPU it is alone). ``report`` is called after each step.

    Raises:
        ArcAffinityError: the state on disk is of another training or damaged, the disk is full, or a process died.
    """
    begun, workers = time.monotonic(), _training(device, job.recipe.shards, workers)

    def train() -> PairTransformer:
        trainer = Trainer(job, 0, workers, device)
        # What starting took, above all waiting for the others, is of the budget too.
        trainer.seconds += time.monotonic() - begun
        return trainer.run(report)

    with computing_in(threads_of(job.recipe)):
        return train() if workers == 1 else _with_helpers(job, workers, train)


def _with_helpers(job: Job, workers: int, train: Callable[[], PairTransformer]) -> PairTransformer:
    """Have others help this process to ``train``."""
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
            return train()
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


def _training(device: torch.device, shards: int, workers: int) -> int:
    """Of ``workers`` processes those that train: helpers compute on a CPU, so a GPU's process has none."""
    return min(shards, workers) if device.type == "cpu" else 1


def threads_of(recipe: JointRecipe) -> int:
    """Return the threads of each process.

    Cores are shared among the shards, not the processes: how a sum is cut over threads decides its last bits.
    """
    return max(1, cores() // recipe.shards)


def _meet(rank: int, world: int, store: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world, timeout=PATIENCE)
