"""Merging adapters: the base with their weighted average merged in, as one model."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.files import check_base
from arc_affinity.models.adapters.lora import Adapter, merge
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import LoadedModel, check_finite, refuse_adapted


def average(base: LoadedModel, adapters: Sequence[Adapter], weights: Sequence[float] | None = None) -> EncoderDecoder:
    """Return the base with the weighted average of the adapters' changes merged in (ours after arXiv 2512.07109).

    Averaged are the products B A, not the factors, which have no common meaning. Equal weights unless given; they are
    scaled to sum to 1.

    Raises:
        ArcAffinityError: no adapters, weights that do not fit, an adapter of another base, an adapter as the base, or a
            sum that is not finite.
    """
    refuse_adapted(base)
    if not adapters:
        raise ArcAffinityError("there are no adapters to merge")
    given = list(weights) if weights else [1.0] * len(adapters)
    # Written so that a weight that is no number is refused too.
    if len(given) != len(adapters) or not all(0 <= each < math.inf for each in given) or not 0 < sum(given) < math.inf:
        raise ArcAffinityError(f"{len(adapters)} adapters need as many weights of 0 or more, not {given}")
    for adapter in adapters:
        check_base(adapter, base.name, base.digest)
    merged = copy.deepcopy(base.model)
    for adapter, weight in zip(adapters, given, strict=True):
        merge(merged, adapter, weight / sum(given))
    check_finite(merged.state_dict(), f"{base.name} with the adapters merged in")
    return merged
