"""Optimisers by name, and schedules against torch's own and numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from arc_affinity.training.optim import make_optimiser, schedule


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
