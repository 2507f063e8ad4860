"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.optim import Optimizer

OptimiserName = Literal["adam", "adamw"]
ScheduleName = Literal["cosine-restarts", "warmup-linear"]


def make_optimiser(
    name: OptimiserName, model: nn.Module, *, lr: float, betas: tuple[float, float], weight_decay: float
) -> Optimizer:
    """Return the optimiser; vectors and scalars (biases, norms) are never decayed."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    kinds: dict[OptimiserName, type[torch.optim.Adam]] = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return kinds[name](groups, lr=lr, betas=betas)


def schedule(name: ScheduleName, *, steps: int, warmup: int, period: int, floor: float) -> Callable[[int], float]:
    """Return the factor on the learning rate at each step.

    ``cosine-restarts``: from 1 to ``floor`` in ``period`` steps, again and again (Loshchilov & Hutter 2017, arXiv
    1608.03983, equation 5). ``warmup-linear``: up in ``warmup`` steps, flat to half of ``steps``, down to ``floor``.
    """

    def cosine_restarts(step: int) -> float:
        return floor + (1 - floor) * (1 + math.cos(math.pi * (step % period) / period)) / 2

    def warmup_linear(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        left = (steps - step) / max(1, steps - max(warmup, steps // 2))
        return floor + (1 - floor) * min(1.0, max(0.0, left))

    return {"cosine-restarts": cosine_restarts, "warmup-linear": warmup_linear}[name]
