"""LoRA: low-rank changes laid over the frozen `Linear`s of a model."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.spec import LoraSpec


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
        """Number of parameters."""
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


class LoraLinear(nn.Module):
    """A frozen `Linear` plus a low-rank change.

    ``y = x W' + b + alpha / rank x A' B'`` (Hu et al. 2021, arXiv 2106.09685, equation 3).
    """

    def __init__(self, base: nn.Linear, spec: LoraSpec, generator: torch.Generator) -> None:
        super().__init__()
        self.base, self.scale = base, spec.scale
        # As torch starts a Linear, and PEFT its A; B is zero, so nothing changes until training says so.
        bound = 1 / math.sqrt(base.in_features)
        start = torch.empty(spec.rank, base.in_features).uniform_(-bound, bound, generator=generator)
        self.A = nn.Parameter(start.to(base.weight.device))
        self.B = nn.Parameter(base.weight.new_zeros(base.out_features, spec.rank))

    def forward(self, x: Float[Tensor, "*shape inputs"]) -> Float[Tensor, "*shape outputs"]:
        """Return the changed product."""
        # First down to the rank, then up: B A itself, as large as the weight, is never made.
        return self.base(x) + self.scale * F.linear(F.linear(x, self.A), self.B)


@contextlib.contextmanager
def laid_over(model: nn.Module, spec: LoraSpec, seed: int) -> Iterator[dict[str, LoraLinear]]:
    """Lay a new adapter over ``model`` for the length of the block, and yield its layers by name.

    Within the block the adapter alone is trained; after it the model is as it was.

    Raises:
        ArcAffinityError: as `find_linears`.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = {name: LoraLinear(linear, spec, generator) for name, linear in find_linears(model, spec).items()}
    trained = [p for p in model.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    for name, layer in layers.items():
        model.set_submodule(name, layer)
    try:
        yield layers
    finally:
        for name, layer in layers.items():
            model.set_submodule(name, layer.base)
        for parameter in trained:
            parameter.requires_grad_(True)


@torch.no_grad()
def merge(model: nn.Module, adapter: Adapter, weight: float = 1.0) -> None:
    """Add ``weight`` times the adapter's changes to the weights of ``model``, in place.

    Raises:
        ArcAffinityError: a layer is missing or of another shape; nothing is changed.
    """
    linears = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    for name, factors in adapter.factors.items():
        if name not in linears:
            raise ArcAffinityError(f"the adapter changes {name}, which is no Linear of the model")
        given, wanted = (factors.B.shape[0], factors.A.shape[1]), tuple(linears[name].weight.shape)
        if given != wanted:
            raise ArcAffinityError(f"the adapter's change to {name} is {given}, not {wanted}")
    for name in adapter.factors:
        target = linears[name].weight
        target += weight * adapter.delta(name).to(target.device)
