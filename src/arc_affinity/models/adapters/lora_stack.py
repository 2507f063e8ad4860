"""The adapters of many tasks trained together on one frozen base; a stack of one is the common case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

import torch
from jaxtyping import Int
from torch import Tensor, nn

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.lora import (
    BY_EXAMPLE,
    Adapter,
    Factors,
    LoraLinear,
    LoraSpec,
    Owners,
    check_fit,
    find_linears,
)


class LoraStack:
    """Lays one adapter a seed over ``model``, whose own weights are frozen until `detach`.

    Used as a context manager: the end of the block takes the adapters off. An adapter starts the same whatever others
    are beside it, so that many trained together end, within float error, where each alone would.

    Raises:
        ArcAffinityError: as `find_linears`; or many adapters are asked for on layers that read grids, not examples.
    """

    def __init__(self, model: nn.Module, spec: LoraSpec, seeds: Sequence[int]) -> None:
        found = find_linears(model, spec)
        shared = [name for name in found if not name.startswith(BY_EXAMPLE)]
        if shared and len(seeds) > 1:
            raise ArcAffinityError(f"{shared[0]} reads grids, not examples: train its adapters one at a time")
        self.model, self.spec, self.owners = model, spec, Owners()
        self._learned = [p for p in model.parameters() if p.requires_grad]
        for parameter in self._learned:
            parameter.requires_grad_(False)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.layers = {name: LoraLinear(linear, spec, self.owners, generators) for name, linear in found.items()}
        for name, layer in self.layers.items():
            model.set_submodule(name, layer)

    def serve(self, rows: Int[Tensor, "batch"]) -> None:
        """Say which adapter each example of the next batch has."""
        self.owners.rows = rows

    def parameters(self, which: int) -> Iterator[nn.Parameter]:
        """Yield the matrices of one adapter."""
        for layer in self.layers.values():
            yield layer.A[which]
            yield layer.B[which]

    def adapter(self, which: int, base: str, base_digest: str) -> Adapter:
        """Return a copy of one adapter as it is now."""
        factors = {
            name: Factors(layer.A[which].detach().cpu().clone(), layer.B[which].detach().cpu().clone())
            for name, layer in self.layers.items()
        }
        return Adapter(self.spec, factors, base, base_digest)

    @torch.no_grad()
    def load(self, which: int, factors: Mapping[str, Factors]) -> None:
        """Give one adapter these matrices.

        Raises:
            ArcAffinityError: a layer of the stack has none among them, or one of another shape.
        """
        if factors.keys() != self.layers.keys():
            raise ArcAffinityError(f"the adapter changes {', '.join(factors)}; the stack {', '.join(self.layers)}")
        check_fit({n: layer.base for n, layer in self.layers.items()}, Adapter(self.spec, factors, "", ""))
        for name, layer in self.layers.items():
            layer.A[which].copy_(factors[name].A)
            layer.B[which].copy_(factors[name].B)

    def detach(self) -> None:
        """Take all adapters off; the model is as it was."""
        for name, layer in self.layers.items():
            self.model.set_submodule(name, layer.base)
        for parameter in self._learned:
            parameter.requires_grad_(True)

    def __enter__(self) -> LoraStack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()
