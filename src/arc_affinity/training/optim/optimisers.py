"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from arc_affinity.training.optim.muon import Muon
from arc_affinity.training.recipes.recipe import OptimiserName, ScheduleName

LEAST_SIDE = 32
"""A matrix with a shorter side is a table (of colours, of ends) or a low-rank factor: nothing to orthogonalise."""


class MuonAndAdamW(Optimizer):
    """Muon for the weights of linear layers, AdamW for all else, as one optimiser.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) steps along the nearest orthogonal matrix to
    the gradient's running mean; its steps are scaled to be as long as AdamW's (Liu et al. 2025, arXiv 2502.16982,
    equation 4), so that both share one learning rate and one weight decay.

    Args:
        matrices: Parameters of shape (out, in) for Muon.
        decayed: Other parameters with weight decay.
        free: Parameters without.
        lr: Learning rate of all.
        betas: AdamW's; the first is Muon's momentum too.
        weight_decay: Of ``matrices`` and ``decayed``.
    """

    def __init__(
        self,
        matrices: Sequence[Tensor],
        decayed: Sequence[Tensor],
        free: Sequence[Tensor],
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        adamw = torch.optim.AdamW(groups, lr=lr, betas=betas)
        self._parts: list[Optimizer] = [adamw]
        if matrices:
            self._parts.append(Muon(matrices, lr=lr, momentum=betas[0], weight_decay=weight_decay))
        super().__init__([group for part in self._parts for group in part.param_groups], defaults={})
        self._share()

    def _share(self) -> None:
        """Let both parts see the groups and the state that this optimiser saves, loads and has its rate set in."""
        at = 0
        for part in self._parts:
            size = len(part.param_groups)
            part.param_groups = self.param_groups[at : at + size]
            part.state = self.state
            at += size

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of both."""
        super().load_state_dict(state_dict)
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Step both."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for part in self._parts:
            part.step()
        return loss


def make_optimiser(
    name: OptimiserName, model: nn.Module, *, lr: float, betas: tuple[float, float], weight_decay: float
) -> Optimizer:
    """Return the optimiser; vectors and scalars (biases, norms) are never decayed."""
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed, free = [p for p in trained if p.ndim >= 2], [p for p in trained if p.ndim < 2]
    if name == "muon":
        layers = [p for p in decayed if p.ndim == 2 and min(p.shape) >= LEAST_SIDE]
        chosen = {id(p) for p in layers}
        tables = [p for p in decayed if id(p) not in chosen]
        return MuonAndAdamW(layers, tables, free, lr=lr, betas=betas, weight_decay=weight_decay)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
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
