"""How a joint training goes: one frozen value, and the budget that it has."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Annotated

from msgspec import Meta

from arc_affinity.documents import MOST_WHOLE, check_fields
from arc_affinity.errors import ArcAffinityError


@dataclass(frozen=True)
class JointRecipe:
    """Settings of a joint training that decide its numbers; where it runs is no part of them.

    Attributes:
        batch_tokens: tokens of a step, padding included.
        shards: parts that a batch is cut into; processes share them, and one process alone does them all, so that the
            result is the same whatever their number.
        learning_rate: of all parameters, at its height.
        weight_decay: of the layers' matrices; the other parameters have none.
        average: decay a step of the weights' moving average, which is what is kept.
        warm_up: steps of rising rate, or a tenth of the budget where that is shorter.
        flat: share of the budget after which the rate falls, linearly, to 0.
        clip: largest norm of a gradient.
    """

    batch_tokens: int = 4096
    shards: int = 2
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    average: float = 0.998
    warm_up: int = 100
    flat: float = 0.7
    clip: float = 1.0

    @property
    def digest(self) -> str:
        """Identity of the settings."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:16]

    def rate(self, step: int, spent: float) -> float:
        """Return the learning rate of ``step`` (from 0) after a share ``spent`` of the budget: up, flat, down."""
        up = max((step + 1) / self.warm_up, 10 * spent)
        down = (1 - spent) / (1 - self.flat)
        return self.learning_rate * max(0.0, min(1.0, up, down))

    def keep(self, step: int) -> float:
        """Return the average's decay at ``step``: less at first, so that it forgets where it began.

        As in TensorFlow's `ExponentialMovingAverage`: an average over about the last tenth of the steps, until that is
        as much as ``average`` keeps.
        """
        return min(self.average, (1 + step) / (10 + step))


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of steps, which gives the same bytes every time, or seconds.

    Raises:
        ArcAffinityError: not exactly one of both is given, or it is no such number above 0.
    """

    steps: Annotated[int, Meta(ge=1, le=MOST_WHOLE)] | None = None
    seconds: Annotated[float, Meta(gt=0)] | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise ArcAffinityError("a budget is a number of steps or of seconds: give one of them")
        check_fields(self, "budget: ")
        if self.seconds is not None and not math.isfinite(self.seconds):
            raise ArcAffinityError(f"budget: seconds must be a number, not {self.seconds}")

    def spent(self, steps: int, seconds: float) -> float:
        """Return the share of the budget that ``steps`` and ``seconds`` are, at most 1."""
        if self.steps is not None:
            return min(1.0, steps / self.steps)
        assert self.seconds is not None
        return min(1.0, seconds / self.seconds)
