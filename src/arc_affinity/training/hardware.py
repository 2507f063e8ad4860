"""What the machine at hand has and computes fast: no part of a recipe, found out where training runs."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from arc_affinity.errors import ArcAffinityError
from arc_affinity.processes import cores
from arc_affinity.training.recipes.recipe import Precision

NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
"""What torch calls a CPU's instructions for products in bfloat16 (x86, x86, ARM). Without them each number is taken
apart and put together again: such products were measured to take 50 times as long as in float32."""


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether ``device`` multiplies bfloat16 matrices itself, so that they cost less than float32's."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return any(torch.cpu.get_capabilities().get(name, False) for name in NATIVE_BFLOAT16)
    return False


def mixed_precision(device: torch.device) -> torch.autocast:
    """Return the context that computes in bfloat16 where that pays, and in float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device))


def precision(wanted: Precision, device: torch.device) -> Literal["32-true", "bf16-mixed"]:
    """Return what Lightning is told for a recipe's precision on ``device``."""
    return "bf16-mixed" if wanted == "mixed" and computes_bfloat16(device) else "32-true"


def compile_layers(layers: nn.ModuleList, device: torch.device) -> bool:
    """Have ``layers`` compiled when they are first called, for inputs of any length, where that pays and can be done.

    It pays on CPUs with bfloat16, where training was measured to be 1.27 times as fast (docs/log.md, 20); elsewhere it
    was not measured. Parameters and their names stay as they are.

    Returns:
        Whether they will be compiled.
    """
    if device.type != "cpu" or not computes_bfloat16(device) or sys.platform != "linux" or not shutil.which("g++"):
        return False
    import torch._inductor.config  # takes a second, which only long trainings have

    # In this process: a pool of compiling processes would outlive a training that is killed.
    torch._inductor.config.compile_threads = 1
    try:
        torch.compile(torch.sin)(torch.zeros(7))
    except RuntimeError:  # no headers of Python's, or nowhere to write
        return False
    for layer in layers:
        layer.compile(dynamic=True)
    return True


CELLS_OF_A_CORE, CELLS_OF_A_GPU = 3_072, 16_384
"""Tokens of a batch that keep one busy; with fewer each, processes wait for one another longer than they compute."""

MOST_LOADERS = 4
"""Loader processes beside a GPU: more than drawing and collating one process's batches takes."""


@dataclass(frozen=True)
class Machine:
    """How a run is spread over a machine.

    Attributes:
        processes: That train side by side, each a share of every batch; one a GPU where there are GPUs.
        threads: Of each process; 0 leaves their number alone.
        loaders: Processes that make batches for each of them; 0 lets it make its own.
    """

    processes: int = 1
    threads: int = 0
    loaders: int = 0

    def check(self) -> None:
        """Make sure that this machine can do it.

        Raises:
            ArcAffinityError: there are fewer GPUs than processes (but for none at all, where CPUs do), or a number is
                out of range.
        """
        numbers = (("processes", self.processes, 1), ("threads", self.threads, 0), ("loaders", self.loaders, 0))
        for name, number, least in numbers:
            if number < least:
                raise ArcAffinityError(f"{name} must be at least {least}, not {number}")
        gpus = torch.cuda.device_count()
        if 0 < gpus < self.processes:
            raise ArcAffinityError(
                f"processes is {self.processes}, but there are {gpus} GPUs; set it to at most {gpus}"
            )


def pick_device(name: str | None) -> torch.device:
    """Return the device called ``name``, a GPU or else the CPU where none is asked for.

    Raises:
        ArcAffinityError: there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ArcAffinityError(f"no device {name!r} here: {str(error).splitlines()[0]}") from error
    # Apple's has no 64-bit floats, by which answers are ranked.
    if place.type not in ("cpu", "cuda"):
        raise ArcAffinityError(f"device {name!r} cannot predict; take cpu or cuda")
    return place


def room() -> int:
    """Return for how many processes the machine has room: one a GPU, or one a core where there are none."""
    return torch.cuda.device_count() or cores()


def find_machine(
    cells: int,
    *,
    processes: int | None = None,
    threads: int | None = None,
    loaders: int | None = None,
    at_a_time: int = 1,
) -> Machine:
    """Return how to spread batches of ``cells`` tokens over the machine at hand; what is given stays.

    It is shared alike by so many trainings ``at_a_time``.

    On CPUs several processes of one thread do more than one of several threads: a quarter more on two cores. Threads
    that have too little to do wait for one another, and for whatever else is at work: one process has no more of them
    than its batches keep busy.

    Raises:
        ArcAffinityError: what is given does not fit the machine.
    """
    gpus, cpus = torch.cuda.device_count(), max(1, cores() // at_a_time)
    if processes is None:
        processes = max(1, min(gpus or cpus, cells // (CELLS_OF_A_GPU if gpus else CELLS_OF_A_CORE)))
    if threads is None:
        # Of each process that trains on CPUs: its share of them, or what its batches keep busy.
        share = cpus // processes if processes > 1 else min(cpus, cells // CELLS_OF_A_CORE)
        threads = 0 if gpus else max(1, share)
    if loaders is None:
        loaders = min(MOST_LOADERS, max(0, cpus // max(1, processes) - 1)) if gpus else 0
    machine = Machine(processes, threads, loaders)
    machine.check()
    return machine
