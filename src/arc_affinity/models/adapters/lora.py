"""LoRA: low-rank changes laid over the frozen `Linear`s of a model, one adapter or many at once."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.errors import ArcAffinityError

FEED_FORWARD = r"(encoder|decoder)\.layers\.\d+\.linear[12]"
"""Both feed-forward layers of every encoder and decoder layer: 102,400 values at rank 16 on the champion."""

BY_EXAMPLE = ("encoder.", "decoder.", "context_integration.", "context_to_")
"""Where a batch's first axis is its examples; the context encoder's is grids, which several examples share."""


@dataclass(frozen=True)
class LoraSpec:
    """Which `Linear`s get a change (a regular expression for their whole name), its rank, and alpha.

    Defaults are the published ones (arXiv 2512.07109: rank 16, alpha 32, linear1 and linear2).
    """

    rank: int = 16
    alpha: float = 32.0
    pattern: str = FEED_FORWARD

    @property
    def scale(self) -> float:
        """Factor on the product: alpha / rank (Hu et al. 2021, arXiv 2106.09685, section 4.1)."""
        return self.alpha / self.rank


@dataclass(frozen=True)
class Factors:
    """The two matrices whose product, times alpha / rank, is added to a `Linear`'s weight."""

    A: Float[Tensor, "rank inputs"]
    B: Float[Tensor, "outputs rank"]


@dataclass(frozen=True, eq=False)
class Adapter:
    """The changes to a model by the names of its `Linear`s; ``base`` and ``base_digest`` say to which model.

    ``base_digest`` is empty where an adapter of other making does not tell.
    """

    spec: LoraSpec
    factors: Mapping[str, Factors]
    base: str
    base_digest: str

    def delta(self, name: str) -> Float[Tensor, "outputs inputs"]:
        """Return what is added to the weight of the `Linear` called ``name``."""
        return self.spec.scale * (self.factors[name].B @ self.factors[name].A)

    @property
    def size(self) -> int:
        """Number of values."""
        return sum(f.A.numel() + f.B.numel() for f in self.factors.values())


def find_linears(model: nn.Module, spec: LoraSpec) -> dict[str, nn.Linear]:
    """Return the `Linear`s that ``spec`` names, checked to be wide enough for its rank.

    Raises:
        ArcAffinityError: the pattern is no regular expression or matches nothing (what would match is said), or the
            rank is below 1 or above a side of a layer.
    """
    linears = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    try:
        found = {name: linear for name, linear in linears.items() if re.fullmatch(spec.pattern, name)}
    except re.error as error:
        raise ArcAffinityError(f"{spec.pattern!r} is no regular expression: {error}") from error
    if not found:
        kinds = sorted({re.sub(r"\.\d+\b", r".\\d+", name) for name in linears})
        raise ArcAffinityError(f"pattern {spec.pattern!r} matches no Linear; there are {', '.join(kinds)}")
    # Written so that an alpha that is no number is refused too.
    if spec.rank < 1 or not 0 < spec.alpha < math.inf:
        raise ArcAffinityError(f"rank must be at least 1 and alpha a number above 0, not {spec.rank} and {spec.alpha}")
    for name, linear in found.items():
        if spec.rank > min(linear.in_features, linear.out_features):
            sides = f"{linear.out_features}x{linear.in_features}"
            raise ArcAffinityError(f"rank {spec.rank} is larger than {name}, which is {sides}")
    return found


class Owners:
    """Which adapter each example of the batch at hand has; all the layers of a model share one."""

    def __init__(self) -> None:
        self.rows: Int[Tensor, "batch"] | None = None


class LoraLinear(nn.Module):
    """A frozen `Linear` plus the low-rank changes of one or many adapters.

    ``y = x W' + b + alpha / rank x A' B'`` (Hu et al. 2021, arXiv 2106.09685, equation 3). With many adapters every
    example has its own A and B, as ``owners`` says, and the products are batched.
    """

    def __init__(self, base: nn.Linear, spec: LoraSpec, owners: Owners, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.base, self.scale, self.owners = base, spec.scale, owners
        self.A, self.B = nn.ParameterList(), nn.ParameterList()
        # As torch starts a Linear, and PEFT its A; B is zero, so nothing changes until training says so.
        bound = 1 / math.sqrt(base.in_features)
        for generator in generators:
            start = torch.empty(spec.rank, base.in_features).uniform_(-bound, bound, generator=generator)
            self.A.append(start.to(base.weight.device))
            self.B.append(base.weight.new_zeros(base.out_features, spec.rank))

    def forward(self, x: Float[Tensor, "*shape inputs"]) -> Float[Tensor, "*shape outputs"]:
        """Return the changed product."""
        if len(self.A) == 1:
            return self.base(x) + self.scale * F.linear(F.linear(x, self.A[0]), self.B[0])
        rows = self.owners.rows
        if rows is None or len(rows) != len(x):
            raise ValueError("with many adapters every example of a batch needs its owner")
        A, B = torch.stack(list(self.A))[rows], torch.stack(list(self.B))[rows]
        low = torch.bmm(x.flatten(1, -2) if x.ndim > 2 else x[:, None], A.transpose(1, 2))
        change = torch.bmm(low, B.transpose(1, 2))
        return self.base(x) + self.scale * change.view(*x.shape[:-1], -1)


@torch.no_grad()
def merge(model: nn.Module, adapter: Adapter, weight: float = 1.0) -> None:
    """Add ``weight`` times the adapter's changes to the weights of ``model``, in place.

    Raises:
        ArcAffinityError: a layer is missing or of another shape; nothing is changed.
    """
    linears = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    check_fit(linears, adapter)
    for name in adapter.factors:
        target = linears[name].weight
        target += weight * adapter.delta(name).to(target.device)


def unmerge(model: nn.Module, adapter: Adapter) -> None:
    """Take the adapter's changes out of the weights again, up to rounding."""
    merge(model, adapter, -1.0)


def check_fit(linears: Mapping[str, nn.Linear], adapter: Adapter) -> None:
    """Make sure that every change has a layer of its shape.

    Raises:
        ArcAffinityError: naming the first that has none.
    """
    for name, factors in adapter.factors.items():
        if name not in linears:
            raise ArcAffinityError(f"the adapter changes {name}, which is no Linear of the model")
        given = (factors.B.shape[0], factors.A.shape[1])
        wanted = tuple(linears[name].weight.shape)
        if given != wanted:
            raise ArcAffinityError(f"the adapter's change to {name} is {given}, not {wanted}")
