"""What a machine computes fast is asked of the machine, whatever the recipe's age."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.training import hardware
from arc_affinity.training.hardware import Machine, computes_bfloat16, find_machine, mixed_precision, precision
from arc_affinity.training.pretraining import pretrain, trainer
from arc_affinity.training.recipes.recipe import RECIPES, Recipe

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "native"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_tile": True, "amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({"neon": True, "bf16": False}, False),
        ({}, False),
    ],
)
def test_a_cpu_takes_bfloat16_only_where_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert computes_bfloat16(CPU) is native
    assert precision("mixed", CPU) == ("bf16-mixed" if native else "32-true")
    assert precision("32-true", CPU) == "32-true"
    with mixed_precision(CPU):
        product = torch.ones(3, 5) @ torch.ones(5, 2)
    assert product.dtype == (torch.bfloat16 if native else torch.float32)


def test_a_gpu_takes_bfloat16_where_it_does_not_imitate_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def supported(including_emulation: bool = True) -> bool:
        asked.append(including_emulation)
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert not computes_bfloat16(GPU)
    assert asked == [False]


def test_other_devices_compute_in_float32() -> None:
    assert not computes_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("native", [True, False])
def test_training_from_scratch_asks_the_machine(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(hardware, "computes_bfloat16", lambda device: native)
    mixed = trainer.make_trainer(tiny, tmp_path, [], 0, progress=False)
    assert mixed.precision == ("bf16-mixed" if native else "32-true")
    plain = trainer.make_trainer(tiny.overridden({"precision": "32-true"}), tmp_path, [], 0, progress=False)
    assert plain.precision == "32-true"


def test_a_recipe_saved_before_asks_the_machine_too(tiny: Recipe) -> None:
    saved = tiny.to_dict() | {"precision": "bf16-mixed"}
    assert Recipe.from_dict(saved, "recipe.json") == tiny
    assert tiny.precision == "mixed"


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Make believe that the machine has so many GPUs and cores."""

    def believe(gpus: int, cpus: int) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(hardware, "cores", lambda: cpus)

    return believe


@pytest.mark.parametrize(
    ("gpus", "cpus", "cells", "found"),
    [
        (0, 1, 6_144, Machine(1, 1, 0)),
        (0, 2, 6_144, Machine(2, 1, 0)),
        (0, 2, 1_024, Machine(1, 1, 0)),
        (0, 16, 6_144, Machine(2, 8, 0)),
        (0, 16, 65_536, Machine(16, 1, 0)),
        (1, 16, 6_144, Machine(1, 0, 4)),
        (1, 2, 65_536, Machine(1, 0, 1)),
        (1, 1, 65_536, Machine(1, 0, 0)),
        (8, 16, 6_144, Machine(1, 0, 4)),
        (8, 16, 65_536, Machine(4, 0, 3)),
    ],
)
def test_a_run_is_spread_over_what_there_is(on, gpus: int, cpus: int, cells: int, found: Machine) -> None:
    on(gpus, cpus)
    assert find_machine(cells) == found


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("gpus", [0, 1, 8])
def test_every_named_recipe_runs_on_one_gpu_and_on_none(on, name: str, gpus: int) -> None:
    on(gpus, 4)
    find_machine(RECIPES[name].batch_cells).check()


def test_what_is_given_stays_or_is_refused(on) -> None:
    on(0, 2)
    assert find_machine(6_144, processes=3, threads=0, loaders=5) == Machine(3, 0, 5)
    with pytest.raises(ArcAffinityError, match="processes must be at least 1, not 0"):
        find_machine(6_144, processes=0)
    on(2, 2)
    with pytest.raises(ArcAffinityError, match="processes is 3, but there are 2 GPUs; set it to at most 2"):
        find_machine(6_144, processes=3)
    with pytest.raises(ArcAffinityError, match="loaders must be at least 0, not -1"):
        Machine(loaders=-1).check()


def test_a_process_takes_a_gpu_or_else_a_core(on) -> None:
    for gpus, cpus, expected in ((0, 7, 7), (3, 7, 3)):
        on(gpus, cpus)
        assert hardware.room() == expected


def test_one_process_has_no_more_threads_than_its_batches_keep_busy(on) -> None:
    on(0, 16)
    assert [find_machine(cells, processes=1).threads for cells in (4_096, 6_144, 65_536)] == [1, 2, 16]


def test_trainings_beside_each_other_share_the_machine(on) -> None:
    on(0, 16)
    found = [find_machine(65_536, processes=1, at_a_time=many).threads for many in (1, 3, 16, 40)]
    assert found == [16, 5, 1, 1]
    on(1, 16)
    assert [find_machine(65_536, processes=1, at_a_time=many).loaders for many in (1, 4, 8)] == [4, 3, 1]


def test_processes_share_a_batch(tiny: Recipe) -> None:
    for processes in (1, 2, 3):
        made = pretrain.feeding(tiny, Machine(processes=processes, loaders=2))
        assert (made.rules.cells, made.rules.examples) == (1024 // processes, 7 // processes)
        assert made.workers == 2
    assert pretrain.feeding(tiny, Machine(processes=2048)).rules.cells == 1


@pytest.mark.slow  # compiles for half a minute
def test_compiled_layers_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    if not computes_bfloat16(CPU) or sys.platform != "linux" or not shutil.which("g++"):
        pytest.skip("layers are not compiled on this machine")
    torch.manual_seed(0)
    layers = torch.nn.ModuleList(torch.nn.Sequential(torch.nn.Linear(13, 13), torch.nn.SiLU()) for _ in range(2))
    names = set(layers.state_dict())
    inputs = [torch.randn(rows, 13, requires_grad=True) for rows in (7, 11)]

    def outputs() -> list[torch.Tensor]:
        found = []
        for each in inputs:
            stream = each
            for layer in layers:
                stream = layer(stream)
            found += [stream.detach(), *torch.autograd.grad(stream.sum(), [each, *layers.parameters()])]
        return found

    plain = outputs()
    assert hardware.compile_layers(layers, CPU)
    for mine, theirs in zip(outputs(), plain, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert set(layers.state_dict()) == names


def test_layers_stay_as_they_are_where_compiling_cannot_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = torch.nn.ModuleList([torch.nn.Linear(3, 3)])
    assert not hardware.compile_layers(layers, GPU)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(hardware.shutil, "which", lambda name: None)
    assert not hardware.compile_layers(layers, CPU)
    monkeypatch.setattr(hardware.shutil, "which", lambda name: f"/bin/{name}")

    def fail(function: object) -> object:
        raise RuntimeError("no Python.h")

    monkeypatch.setattr(torch, "compile", fail)
    assert not hardware.compile_layers(layers, CPU)
    assert layers[0]._compiled_call_impl is None


@pytest.mark.parametrize("missing", ["", "bfloat16", "g++", "linux", "headers"])
def test_layers_are_compiled_where_it_pays_and_can_be_done(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []

    class Layer(torch.nn.Module):
        def compile(self, *, dynamic: bool) -> None:
            compiled.append(dynamic)

    def compiler(function: Callable[..., object]) -> Callable[..., object]:
        def called(*_: object) -> None:
            if missing == "headers":
                raise RuntimeError("no Python.h")

        return called

    monkeypatch.setattr(hardware, "computes_bfloat16", lambda device: missing != "bfloat16")
    monkeypatch.setattr(shutil, "which", lambda name: None if missing == "g++" else f"/bin/{name}")
    monkeypatch.setattr(sys, "platform", "win32" if missing == "linux" else "linux")
    monkeypatch.setattr(torch, "compile", compiler)
    layers = torch.nn.ModuleList([Layer(), Layer()])
    assert hardware.compile_layers(layers, CPU) == (not missing)
    assert compiled == ([] if missing else [True, True])
    assert not hardware.compile_layers(layers, GPU)
