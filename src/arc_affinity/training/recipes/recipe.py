"""Named recipes: everything that a training run depends on, in one frozen value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from msgspec import Meta

from arc_affinity.data.batching.demonstrations import ContextPolicy
from arc_affinity.data.symmetry.augment import TrainingViews
from arc_affinity.documents import Share, check_fields, fit_fields, name_of
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.models.config import ModelConfig

# Names of choices stand here, and not where they are carried out, so that help and typos need no torch.
Precision = Literal["32-true", "mixed"]
OptimiserName = Literal["adam", "adamw", "muon"]
ScheduleName = Literal["cosine-restarts", "warmup-linear"]
TaskSet = Literal["foundational", "published-train", "all"]

MOST = 2**32
"""Greatest number in a recipe."""

AtLeast0 = Annotated[int, Meta(ge=0, le=MOST)]
AtLeast1 = Annotated[int, Meta(ge=1, le=MOST)]
AtLeast2 = Annotated[int, Meta(ge=2, le=MOST)]
Amount = Annotated[float, Meta(ge=0, le=MOST)]
# An average that keeps all of the old would stand still.
Decay = Annotated[float, Meta(ge=0, le=0.999999)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]

Curriculum = tuple[tuple[AtLeast1, AtLeast1], ...]
"""Stages (largest query and output together, in tokens; number of validations); then come all examples."""


class UntrainableError(ArcAffinityError):
    """A recipe's own settings are at fault: its parts do not fit together, or its loss is no number any more."""


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes:
        name: Of the recipe.
        start: Model whose weights to start from (a bundled name, a folder or a checkpoint); fresh ones unless given.
        examples: Store, dataset, task file or folder of them whose examples to train on in place of generated ones; the
            last validation-per-task of each task are for validation, unless there is validate-on.
        validate_on: Store, dataset, task file or folder of them whose examples decide which weights are kept, all of
            them. Without it these are other examples of the training tasks, and say nothing of unseen ones.
        tasks: Whose examples re-arc's generators make.
        per_task: Training examples of each task.
        data_seed: Of the training examples.
        validation_per_task: Validation examples of each task, unless there is validate-on; none shares an input with a
            training example.
        validation_seed: Of the validation examples.
        context: How demonstrations are chosen; "first" is the published package's leak.
        augment: none; all (each training example and its demonstrations under one view, drawn anew in each pass:
            turned, mirrored, recoloured, but for black and colours that the demonstrations' outputs alone have).
        batch_cells: Most tokens of queries and outputs in a batch, padding included; several processes share them.
        batch_examples: Most examples in a batch; several processes share them.
        curriculum: Stages of (most tokens of a query and its output, validations); then come all examples.
        pad_weight: Weight of the tokens that end a row or a grid, where a cell's is 1.
        optimiser: With its usual settings but for those below.
        learning_rate: At its peak.
        beta1: Decay of the gradient's running mean.
        beta2: Decay of the squared gradient's running mean.
        weight_decay: Of matrices.
        schedule: How the learning rate runs.
        warmup_steps: Steps up to the peak, of warmup-linear.
        restart_steps: Steps between restarts, of cosine-restarts.
        floor: Least learning rate, as a share of the peak.
        gradient_clip: Greatest norm of a gradient; 0 clips none.
        ema_decay: Decay of an exponential moving average of the weights, which is what is validated and kept; 0
            for none.
        steps: Optimiser steps.
        validate_every: Steps between two validations, at which the run is saved.
        precision: Of the computation: mixed is bfloat16 where the machine computes it fast, float32 elsewhere; 32-true
            is float32 everywhere. Weights are float32.
        seed: Of weights, batches, demonstrations and dropout.
    """

    name: str
    model: ModelConfig = field(default_factory=ModelConfig)
    start: str = ""
    examples: str = ""
    validate_on: str = ""
    tasks: TaskSet = "foundational"
    # An example is shown beside others of its task, so a task needs two.
    per_task: AtLeast2 = 400
    data_seed: AtLeast0 = 0
    validation_per_task: AtLeast2 = 10
    validation_seed: AtLeast0 = 1_000_003
    context: ContextPolicy = "drawn"
    augment: TrainingViews = "none"
    batch_cells: AtLeast1 = 16_384
    batch_examples: AtLeast1 = 32
    curriculum: Curriculum = ()
    pad_weight: Annotated[float, Meta(ge=1e-6, le=MOST)] = 4.0
    optimiser: OptimiserName = "adam"
    learning_rate: Amount = 1.8498849832733245e-3
    beta1: Decay = 0.95
    beta2: Decay = 0.999
    weight_decay: Amount = 0.0
    schedule: ScheduleName = "cosine-restarts"
    warmup_steps: AtLeast0 = 0
    restart_steps: AtLeast1 = 2_000
    floor: Share = 0.01
    gradient_clip: Amount = 1.0
    ema_decay: Decay = 0.0
    steps: AtLeast1 = 10_000
    validate_every: AtLeast1 = 500
    precision: Precision = "mixed"
    seed: Seed = 0

    def __post_init__(self) -> None:
        # A run's folder is named after it.
        name_of(self.name, "name of a recipe", "recipe")
        check_fields(self, f"recipe {self.name}: ")

    def flat(self) -> dict[str, Any]:
        """Return all fields on one level, those of the model as ``model.FIELD``."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "model"}
        return own | {f"model.{name}": value for name, value in asdict(self.model).items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return {**asdict(self), "model": self.model.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str, below: Recipe | None = None) -> Recipe:
        """Build from JSON or TOML values; ``where`` names their source in errors.

        Fields that are not named are those of the recipe ``below``, or the defaults.

        Raises:
            ArcAffinityError: an unknown field, or a value of the wrong kind.
        """
        table = values.get("model", {})
        if not isinstance(table, Mapping):
            raise ArcAffinityError(f"{where}: model must be a table of its settings, not {table!r:.60}")
        name = name_of(values.get("name", "unnamed"), "name of a recipe", where)
        beneath = cls(name) if below is None else replace(below, name=name)
        model = ModelConfig.from_dict({**beneath.model.to_dict(), **table}, where)
        own = {name: value for name, value in values.items() if name not in ("name", "model")}
        # Recipes saved before asked for bfloat16 by name.
        if own.get("precision") == "bf16-mixed":
            own["precision"] = "mixed"
        return replace(beneath, model=model).overridden(own, where)

    @classmethod
    def from_saved(cls, values: Mapping[str, Any], where: str) -> Recipe:
        """Build from what a run saved; recipes once held processes, each of which had a whole batch.

        Raises:
            ArcAffinityError: as `from_dict`.
        """
        now = {name: value for name, value in values.items() if name not in OF_THE_MACHINE}
        processes = values.get("processes", 1)
        for name in ("batch_cells", "batch_examples"):
            if type(processes) is int and type(now.get(name)) is int:
                now[name] *= processes
        return cls.from_dict(now, where)

    def refuse_ignored(self, given: Collection[str], where: str, schedules: Collection[str] = ()) -> None:
        """Refuse fields that were ``given`` on purpose, where the recipe's schedule or examples leave them unread.

        Where the schedule is varied too, ``schedules`` are all that it may be; ``where`` begins the message.

        Raises:
            ArcAffinityError: naming the first such field, and what it is for.
        """
        for name, schedule in OF_A_SCHEDULE.items():
            if name in given and schedule not in (schedules or (self.schedule,)):
                raise ArcAffinityError(f"{where}: {name} is of the schedule {schedule}, and would change nothing here")
        for name, instead in UNREAD_BESIDE.items():
            other = next((other for other in instead if getattr(self, other)), None)
            if name in given and other:
                raise ArcAffinityError(f"{where}: {name} would change nothing beside {other}")

    def overridden(self, values: Mapping[str, Any], where: str = "override") -> Recipe:
        """Return the recipe with some fields changed; those of the model are named ``model.FIELD``.

        Raises:
            ArcAffinityError: an unknown field, or a value of the wrong kind or out of range.
        """
        known = self.flat().keys() - {"name"}
        own: dict[str, Any] = {}
        model: dict[str, Any] = self.model.to_dict()
        for name, value in values.items():
            if name in OF_THE_MACHINE:
                raise ArcAffinityError(f"{where}: {name} is of the machine, not of a recipe; `train` takes --{name}")
            if name not in known:
                raise ArcAffinityError(f"{where}: {unknown('recipe field', str(name)[:60], known)}")
            if name.startswith("model."):
                model[name.removeprefix("model.")] = value
            else:
                own[name] = value
        fitting = fit_fields(own, Recipe, "recipe field", where)
        return replace(self, model=ModelConfig.from_dict(model, where), **fitting)


OF_A_SCHEDULE: Mapping[str, ScheduleName] = {"warmup_steps": "warmup-linear", "restart_steps": "cosine-restarts"}
"""Fields that one schedule alone looks at."""

UNREAD_BESIDE: Mapping[str, tuple[str, ...]] = {
    "tasks": ("examples",),
    "per_task": ("examples",),
    "data_seed": ("examples",),
    "validation_per_task": ("validate_on",),
    "validation_seed": ("examples", "validate_on"),
}
"""Fields that say what is generated, and those in whose place nothing is."""

DECIDING = frozenset(("schedule", *(other for others in UNREAD_BESIDE.values() for other in others)))
"""Fields that decide which others are read."""

OF_THE_DATA = ("tasks", "per_task", "data_seed", "validation_per_task", "validation_seed", "examples", "validate_on")
"""Fields that decide which examples there are."""

OF_THE_MACHINE = ("processes", "threads")
"""Fields that recipes had before what is of the machine was taken out of them."""

_SMALL: dict[str, Any] = {"batch_cells": 6_144, "batch_examples": 64}
"""Batches that keep two cores busy and stay in their caches; the bundled models were trained with them."""

_TRIAL_69: dict[str, Any] = {"restart_steps": 300, "validate_every": 300, **_SMALL}
"""The defaults of `Recipe` are trial 69's (arXiv 2512.07109, 6.1): Adam, its learning rate and beta1, dropout. The
period of its cosine restarts is not published; this one ends every stage at the lowest rate."""

_ROTARY: dict[str, Any] = {
    "model": ModelConfig(positions="sinusoid+rotary", alignment=2.0, encoder_dropout=0.0, decoder_dropout=0.0),
    "optimiser": "adamw",
    "learning_rate": 2e-3,
    "beta1": 0.9,
    "beta2": 0.98,
    "weight_decay": 0.01,
    "schedule": "warmup-linear",
    "warmup_steps": 100,
    "validate_every": 300,
    **_SMALL,
}

_ALL_TASKS: dict[str, Any] = {
    "tasks": "published-train",
    "per_task": 150,
    "validation_per_task": 2,
    "curriculum": ((384, 6), (768, 5)),
    "steps": 6_900,
}

_FOUNDATIONAL: dict[str, Any] = {
    "per_task": 2_000,
    "validation_per_task": 6,
    "curriculum": ((256, 8), (640, 6)),
    "steps": 6_900,
}

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("champion", **_ALL_TASKS, **_TRIAL_69),
        Recipe("champion-foundational", **_FOUNDATIONAL, **_TRIAL_69),
        # The same network and size with 2D rotary positions, trained the way that learns fastest on two cores.
        Recipe("rotary-foundational", **_FOUNDATIONAL, **_ROTARY),
        Recipe("rotary", **_ALL_TASKS, **_ROTARY),
        # So short a course learns only if the rate rises first: at trial 69's the validation loss rises.
        Recipe(
            "smoke",
            per_task=20,
            validation_per_task=2,
            batch_cells=4_096,
            learning_rate=1e-3,
            beta1=0.9,
            schedule="warmup-linear",
            warmup_steps=5,
            steps=20,
            validate_every=10,
        ),
    )
}
"""The named recipes. Steps of the first four are what two CPU cores allow; a GPU affords more by ``--steps``."""
