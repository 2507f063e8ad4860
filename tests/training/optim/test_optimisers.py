"""Optimisers by name, and schedules against torch's own and numbers worked out by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from arc_affinity.training.optim import muon as muon_module
from arc_affinity.training.optim.optimisers import make_optimiser, schedule


def test_only_matrices_are_decayed() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5))
    model[0].weight.requires_grad_(True)
    optimiser = make_optimiser("adamw", model, lr=0.7, betas=(0.5, 0.75), weight_decay=0.11)
    matrices, vectors = optimiser.param_groups
    assert isinstance(optimiser, torch.optim.AdamW)
    assert [tuple(p.shape) for p in matrices["params"]] == [(5, 3)]
    assert [tuple(p.shape) for p in vectors["params"]] == [(5,), (5,), (5,)]
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.11, 0.0)
    assert matrices["lr"] == 0.7 and matrices["betas"] == (0.5, 0.75)


def test_frozen_parameters_are_left_out() -> None:
    model = nn.Linear(3, 5).requires_grad_(False)
    model.bias.requires_grad_(True)
    groups = make_optimiser("adam", model, lr=1.0, betas=(0.9, 0.99), weight_decay=0.0).param_groups
    assert [len(group["params"]) for group in groups] == [0, 1]


def test_cosine_restarts_are_torchs() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    oracle = CosineAnnealingWarmRestarts(optimiser, T_0=7, eta_min=0.02)
    factor = schedule("cosine-restarts", steps=31, warmup=0, period=7, floor=0.01)
    for step in range(31):
        assert 2.0 * factor(step) == pytest.approx(oracle.get_last_lr()[0])
        optimiser.step()
        oracle.step()


def test_warmup_linear_by_hand() -> None:
    factor = schedule("warmup-linear", steps=20, warmup=4, period=1, floor=0.5)
    # Up in 4 steps, flat to step 10, then down to the floor at step 20.
    assert [factor(step) for step in (0, 1, 3, 4, 10)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    assert factor(15) == pytest.approx(0.75)
    assert factor(20) == factor(25) == 0.5


def test_a_warmup_beyond_the_middle_delays_the_descent() -> None:
    factor = schedule("warmup-linear", steps=10, warmup=8, period=1, floor=0.0)
    assert [factor(step) for step in (7, 8, 9, 10)] == [1.0, 1.0, 0.5, 0.0]


def muon_of(model: nn.Module) -> torch.optim.Optimizer:
    return make_optimiser("muon", model, lr=0.02, betas=(0.9, 0.98), weight_decay=0.1)


def take_steps(model: nn.Module, optimiser: torch.optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        generator = torch.Generator().manual_seed(step)
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimiser.step()


def test_muon_is_torchs_for_layers_and_adamw_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon_module, "computes_bfloat16", lambda _: False)

    def build() -> nn.ParameterDict:
        torch.manual_seed(0)
        shapes = {"layer": (32, 48), "table": (11, 48), "bias": (32,)}
        return nn.ParameterDict({name: torch.randn(shape) for name, shape in shapes.items()})

    mine, oracle = build(), build()
    muon = torch.optim.Muon([oracle["layer"]], 0.02, 0.1, 0.9, adjust_lr_fn="match_rms_adamw")
    table = torch.optim.AdamW([oracle["table"]], 0.02, betas=(0.9, 0.98), weight_decay=0.1)
    bias = torch.optim.AdamW([oracle["bias"]], 0.02, betas=(0.9, 0.98), weight_decay=0.0)
    take_steps(mine, muon_of(mine), 0, 3)
    for step in range(3):
        take_steps(oracle, muon, step, step + 1)
        table.step()
        bias.step()
    for name, parameter in oracle.items():
        # torch's Muon computes in bfloat16 everywhere; three steps have gone 0.012 a cell by then.
        torch.testing.assert_close(mine[name], parameter, rtol=0, atol=5e-4 if name == "layer" else 0)


def test_muon_follows_a_schedule_and_goes_on_from_its_saved_state() -> None:
    def build() -> tuple[nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        torch.manual_seed(0)
        model = nn.Linear(40, 32)
        optimiser = muon_of(model)
        return model, optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (1 + step))

    def walk(first: int, last: int) -> None:
        for step in range(first, last):
            take_steps(model, optimiser, step, step + 1)
            scheduler.step()

    model, optimiser, scheduler = build()
    walk(0, 2)
    rates = {group["lr"] for group in optimiser.param_groups}
    saved = copy.deepcopy((model.state_dict(), optimiser.state_dict(), scheduler.state_dict()))
    walk(2, 4)
    unbroken = [parameter.detach().clone() for parameter in model.parameters()]

    model, optimiser, scheduler = build()
    model.load_state_dict(saved[0])
    optimiser.load_state_dict(saved[1])
    scheduler.load_state_dict(saved[2])
    walk(2, 4)
    assert list(rates) == [pytest.approx(0.02 / 3)]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), unbroken, strict=True))


def test_muon_leaves_small_matrices_to_adamw() -> None:
    model = nn.Linear(31, 64)
    optimiser = muon_of(model)
    assert [len(group["params"]) for group in optimiser.param_groups] == [1, 1]
    take_steps(model, optimiser, 0, 1)
    assert optimiser.state[model.weight].keys() >= {"exp_avg", "exp_avg_sq"}
