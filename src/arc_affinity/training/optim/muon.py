"""Muon: steps along the nearest orthogonal matrix to the gradient's running mean, many matrices at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

from arc_affinity.training.hardware import computes_bfloat16

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz step (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): chosen there
for the fastest growth of small singular values, so that these end between 0.7 and 1.2, not at 1."""

ITERATIONS = 5
ADAMW_LENGTH = 0.2
"""Root mean square of a typical step of AdamW (Liu et al. 2025, arXiv 2502.16982, section 2.2)."""


def orthogonalise(matrices: Float[Tensor, "many rows cols"]) -> Float[Tensor, "many rows cols"]:
    """Return matrices with the same singular vectors and singular values near 1, by `ITERATIONS` of `QUINTIC`.

    In bfloat16, as published, where the machine computes it fast; in float32 elsewhere.
    """
    x = matrices.bfloat16() if computes_bfloat16(matrices.device) else matrices.float()
    # Wide, so that x x' below is the smaller of the two squares.
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    # The iteration needs singular values of at most 1, and the Frobenius norm is no less than the largest of them; the
    # small number keeps a gradient of zeros at zero.
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    # Each round puts a s + b s^3 + c s^5 in the place of every singular value s, and leaves the singular vectors.
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(Optimizer):
    """Muon with Nesterov momentum, decoupled weight decay, and steps as long as AdamW's, so that one rate serves both.

    A step is ``rate * 0.2 * sqrt(max(rows, cols))`` times an orthogonal matrix (arXiv 2502.16982, equation 4).
    Matrices of one shape are orthogonalised together: on small networks that is most of the cost.

    Args:
        matrices: parameters of shape (rows, cols).
        lr: learning rate.
        momentum: of the gradient's running mean.
        weight_decay: share of the weights taken away a step, times the rate.
    """

    def __init__(self, matrices: Sequence[Tensor], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.1):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; parameters without a gradient stay."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape.setdefault(parameter.shape, []).append(parameter)
            for alike in by_shape.values():
                self._step(alike, group["lr"], group["momentum"], group["weight_decay"])
        return loss

    def _step(self, alike: Sequence[Tensor], lr: float, momentum: float, decay: float) -> None:
        directions = []
        for parameter in alike:
            gradient = parameter.grad
            assert gradient is not None
            mean = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
            mean.lerp_(gradient, 1 - momentum)
            # Nesterov: the mean as it will be if the gradient stays.
            directions.append(gradient.lerp(mean, momentum))
        # An orthogonal r x c matrix has root mean square 1 / sqrt(max(r, c)).
        length = ADAMW_LENGTH * max(alike[0].shape) ** 0.5
        for parameter, direction in zip(alike, orthogonalise(torch.stack(directions)), strict=True):
            parameter.mul_(1 - lr * decay).add_(direction, alpha=-lr * length)
