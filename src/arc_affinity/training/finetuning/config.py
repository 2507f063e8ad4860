"""The settings of a fine-tuning, and those of each method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from msgspec import Meta

from arc_affinity.documents import Million, Share, check_fields
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.models.adapters.spec import FEED_FORWARD, LoraSpec
from arc_affinity.training.recipes.recipe import OptimiserName

Method = Literal["lora", "full", "context-only"]
Augment = Literal["none", "kept", "all"]


@dataclass(frozen=True)
class FineTuneConfig:
    """How one model is adapted to one task.

    Attributes:
        method: lora (low-rank changes), full (all weights but the context encoder's), or context-only (no gradient: the
            demonstrations that do best on the validation part).
        rank: Of the changes.
        alpha: Their factor is alpha / rank.
        pattern: Regular expression for the names of the layers to change.
        per_task: Most training examples.
        validation: Most validation examples, which decide when to stop.
        test: Most test examples, which are only scored.
        unlike: Test and validation inputs are none of re-arc's first so many. Unless given, `finetune` takes as many as
            the model's own recipe made, where it knows it, and keeps out what other examples that names.
        unlike_seed: Of those examples.
        unlike_also: Test inputs (of a store those to validate by too) are none of these either: re-arc's first so many
            of a seed, pairs of both. `finetune` takes those that the model's own recipe validated by, unless
            --unlike is given.
        unlike_in: Nor are they or the validation inputs any of these stores, files or folders of examples, pairs of
            path and edition. `finetune` takes those that the model's own recipe names, unless --unlike is given.
        augment: none; kept (views that the examples show to keep the rule); all (every view, of query and
            demonstrations alike).
        votes: Views of a test query that are answered and vote, where augment is not none.
        optimiser: With its usual settings but for those below.
        learning_rate: At its peak.
        weight_decay: Of matrices.
        warmup_steps: Steps up to the peak; then flat to half of the steps, then down to 0.
        steps: Most optimiser steps.
        tokens: Most tokens of queries and outputs trained on, in millions.
        small_first: Share of the tokens that are spent on the smaller half of the examples, before all come.
        patience: Validations without progress before stopping.
        batch_cells: Most tokens of a batch, padding included.
        batch_examples: Most examples of a batch.
        seed: Of the split, batches, demonstrations, views and weights.
        data_seed: Of re-arc's training examples; validation and test take the next ones.

    Raises:
        ArcAffinityError: a setting is of the wrong kind or out of range.
    """

    method: Method = "lora"
    rank: Annotated[int, Meta(ge=1, le=4096)] = 16
    # An adapter of a greater alpha is not read again.
    alpha: Annotated[float, Meta(ge=1e-6, le=1e6)] = 32.0
    pattern: str = FEED_FORWARD
    per_task: Annotated[int, Meta(ge=2, le=10**6)] = 400
    validation: Million = 24
    test: Annotated[int, Meta(ge=1, le=10**6)] = 40
    unlike: Million = 0
    unlike_seed: Annotated[int, Meta(ge=0, le=2**32)] = 0
    unlike_also: tuple[tuple[Million, Annotated[int, Meta(ge=0, le=2**32)]], ...] = ()
    unlike_in: tuple[tuple[str, str], ...] = ()
    augment: Augment = "none"
    votes: Annotated[int, Meta(ge=1, le=64)] = 1
    optimiser: OptimiserName = "adamw"
    learning_rate: Share = 1e-2
    weight_decay: Annotated[float, Meta(ge=0, le=1e6)] = 0.01
    warmup_steps: Million = 10
    steps: Annotated[int, Meta(ge=1, le=10**6)] = 1200
    tokens: Annotated[float, Meta(ge=0, le=1e6)] = 0.7
    small_first: Share = 0.5
    patience: Annotated[int, Meta(ge=1, le=10**6)] = 6
    batch_cells: Annotated[int, Meta(ge=1, le=10**7)] = 2_560
    batch_examples: Annotated[int, Meta(ge=1, le=4096)] = 6
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    data_seed: Annotated[int, Meta(ge=0, le=2**32)] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def lora(self) -> LoraSpec:
        """The layers that are changed, and by how much."""
        return LoraSpec(self.rank, self.alpha, self.pattern)


_LORA = FineTuneConfig()

CONFIGS: Mapping[Method, FineTuneConfig] = {
    "lora": _LORA,
    "full": replace(_LORA, method="full", optimiser="muon", learning_rate=2e-3),
    "context-only": replace(_LORA, method="context-only"),
}
"""The settings of each method; where they come from is in docs/log.md."""

BY_DEMONSTRATIONS = replace(CONFIGS["full"], optimiser="adamw", learning_rate=4e-3, augment="all", steps=60, votes=4)
"""For a task of which there are demonstrations alone: in so few steps AdamW learns more than Muon (docs/log.md, 19)."""


def config_for(method: Method | None, *, by_demonstrations: bool) -> FineTuneConfig:
    """Return the settings of a method; where none is named, `BY_DEMONSTRATIONS` or else lora's.

    Raises:
        ArcAffinityError: there is no such method; the nearest is suggested.
    """
    if method is None:
        return BY_DEMONSTRATIONS if by_demonstrations else CONFIGS["lora"]
    if method not in CONFIGS:
        raise unknown("method", method, CONFIGS)
    return CONFIGS[method]


_OF_LORA = ("rank", "alpha", "pattern")

_OF_STEPS = (
    *("optimiser", "learning_rate", "weight_decay", "warmup_steps", "steps", "tokens", "small_first", "patience"),
    *("batch_cells", "batch_examples"),
)

UNREAD_BESIDE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "method": {"full": _OF_LORA, "context-only": (*_OF_LORA, *_OF_STEPS)},
    "augment": {"none": ("votes",)},
}
"""Settings that another one, by its value, leaves unread."""

UNREAD_BY_DEMONSTRATIONS = ("unlike", "unlike_seed", "unlike_also", "unlike_in", "data_seed", "test")
"""Settings that are unread where a task's demonstrations are all that it is adapted to by."""


def refuse_unread(
    given: Iterable[str], config: FineTuneConfig, beside: Mapping[str, str], named: Callable[[str], str] = str
) -> None:
    """Refuse settings that were ``given`` on purpose, where others or the examples leave them unread.

    Args:
        given: their names.
        config: with all of them.
        beside: what the examples leave unread, each with words for these.
        named: what a setting is called.

    Raises:
        ArcAffinityError: naming the first such setting, and what it would change nothing beside.
    """
    unread = {
        name: f"{named(other)} {value}"
        for other, by_value in UNREAD_BESIDE.items()
        for value, names in by_value.items()
        for name in names
        if getattr(config, other) == value
    }
    unread |= beside
    for name in given:
        if name in unread:
            raise ArcAffinityError(f"{named(name)} would change nothing beside {unread[name]}")
