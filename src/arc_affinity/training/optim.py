"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

OptimiserName = Literal["adam", "adamw", "muon"]
ScheduleName = Literal["cosine-restarts", "warmup-linear"]


class Together(Optimizer):
    """Two optimisers over different parameters that step, save and load as one."""

    def __init__(self, first: Optimizer, second: Optimizer) -> None:
        self.members = (first, second)
        super().__init__([*first.param_groups, *second.param_groups], {})
        # The same dictionaries, so that a schedule acting on this one acts on the members.
        self.param_groups = [*first.param_groups, *second.param_groups]

    def step(self, closure: Any = None) -> Any:
        """Take one step with each."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for member in self.members:
            member.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both."""
        return {"members": [member.state_dict() for member in self.members]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of both."""
        for member, state in zip(self.members, state_dict["members"], strict=True):
            member.load_state_dict(state)
        self.param_groups = [group for member in self.members for group in member.param_groups]


@dataclass(frozen=True)
class Rates:
    """What an optimiser is told: learning rates, Adam's betas, decoupled weight decay."""

    learning_rate: float
    matrix_learning_rate: float
    betas: tuple[float, float]
    weight_decay: float


def make_optimiser(name: OptimiserName, model: nn.Module, rates: Rates) -> Optimizer:
    """Return the optimiser; vectors and scalars (biases, norms) are never decayed.

    ``muon`` is Muon (Jordan 2024; torch's own) on the matrices inside transformer layers and AdamW on everything else.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    inner = [p for path, p in named if p.ndim == 2 and ".layers." in path] if name == "muon" else []
    taken = {id(p) for p in inner}
    outer = [p for _, p in named if id(p) not in taken]
    groups = [
        {"params": [p for p in outer if p.ndim >= 2], "weight_decay": rates.weight_decay},
        {"params": [p for p in outer if p.ndim < 2], "weight_decay": 0.0},
    ]
    if name == "adam":
        return torch.optim.Adam(groups, lr=rates.learning_rate, betas=rates.betas)
    adamw = torch.optim.AdamW(groups, lr=rates.learning_rate, betas=rates.betas)
    if name == "adamw":
        return adamw
    muon = torch.optim.Muon(inner, lr=rates.matrix_learning_rate, weight_decay=rates.weight_decay, momentum=0.95)
    return Together(muon, adamw)


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
