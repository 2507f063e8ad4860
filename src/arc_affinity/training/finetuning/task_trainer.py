"""The training of a model on one task: optimiser, validations, early stopping; dropout is off throughout.

The loop is plain torch. Lightning's Trainer is for runs of hours: building one, starting it and calling its hooks costs
a good part of a task that takes seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from arc_affinity.data.batching.batch import Batch, collate
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import TeacherForced, mean_loss, teacher_forced
from arc_affinity.training.finetuning.loader import TaskLoader
from arc_affinity.training.hardware import mixed_precision
from arc_affinity.training.optim.optimisers import make_optimiser, schedule
from arc_affinity.types import Example

PERFECT = 3
"""Validations running without an error after which there is nothing left to learn from them."""


@dataclass(frozen=True)
class CurvePoint:
    """One validation: the epoch is a stretch between two. Losses in nats a token, teacher forced."""

    epoch: int
    steps: int
    examples: int
    train_loss: float
    validation_loss: float | None
    validation_exact: float | None


@dataclass(frozen=True)
class Trained:
    """What a training came to; the model holds the parameters of ``best_epoch`` (0: those that it began with)."""

    curve: tuple[CurvePoint, ...]
    best_epoch: int
    stopped_early: bool
    seconds: float


class TaskTrainer:
    """Trains some parameters of a model on the batches of one task.

    The parameters kept are those of the validation with most exact outputs, then the lowest loss. The base competes as
    epoch 0, so that a task which training makes worse keeps what it had; without a validation part the last are kept.
    """

    def __init__(self, model: EncoderDecoder, parameters: Sequence[nn.Parameter], loader: TaskLoader) -> None:
        self.model, self.parameters, self.loader = model, list(parameters), loader
        config = loader.config
        self.optimiser = make_optimiser(
            config.optimiser,
            nn.ParameterList(self.parameters),
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
        )
        warmup = min(config.warmup_steps, loader.steps // 4)
        factor = schedule("warmup-linear", steps=loader.steps, warmup=warmup, period=1, floor=0.0)
        self.schedule = LambdaLR(self.optimiser, factor)

    def train(self) -> Trained:
        """Train to the end, or until nothing gets better, and put the best parameters back.

        Raises:
            ArcAffinityError: a loss is no number any more.
        """
        with self.model.reading_once():
            return self._train()

    def _train(self) -> Trained:
        begun = time.monotonic()
        self.model.eval()
        validation = [batch.to(self.model.device) for batch in self.loader.validation()]
        best_epoch, best_key, best = 0, (-1.0, 0.0), list[Tensor]()
        if validation:
            found = self.validate(validation)
            best_key, best = (found.exact, -found.loss), self._copy()
        curve = list[CurvePoint]()
        losses = list[Tensor]()
        examples = idle = perfect = 0
        lowest, stopped_early = float("inf"), False
        for step, batch in enumerate(self.loader, 1):
            losses.append(self.step(batch))
            examples += len(batch)
            if step not in self.loader.validate_at:
                continue
            # The losses stay on the device until here: to look at each would make a GPU wait.
            train_loss = float(torch.stack(losses).mean())
            losses.clear()
            if not math.isfinite(train_loss):
                raise ArcAffinityError(f"task {self.loader.split.task_id}: the loss is {train_loss} after {step} steps")
            epoch = len(curve) + 1
            if not validation:
                curve.append(CurvePoint(epoch, step, examples, train_loss, None, None))
                best_epoch = epoch
                continue
            found = self.validate(validation)
            curve.append(CurvePoint(epoch, step, examples, train_loss, found.loss, found.exact))
            better = (found.exact, -found.loss) > best_key
            if better:
                best_epoch, best_key, best = epoch, (found.exact, -found.loss), self._copy()
            # A loss lower than ever is progress too, even where fewer outputs are right.
            idle = 0 if better or found.loss < lowest else idle + 1
            lowest = min(lowest, found.loss)
            perfect = perfect + 1 if found.exact == 1.0 else 0
            if step < self.loader.steps and (idle >= self.loader.config.patience or perfect >= PERFECT):
                stopped_early = True
                break
        with torch.no_grad():
            for parameter, kept in zip(self.parameters, best, strict=bool(best)):
                parameter.copy_(kept)
        return Trained(tuple(curve), best_epoch, stopped_early, time.monotonic() - begun)

    def step(self, examples: Sequence[Example]) -> Float[Tensor, ""]:
        """Take one optimiser step on a batch and return its loss (nats a token)."""
        batch = collate(examples).to(self.model.device)
        with mixed_precision(self.model.device):
            logits = self.model(batch)
        loss = mean_loss(logits, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        # Of so few examples some gradients are far too long.
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.schedule.step()
        return loss.detach()

    def validate(self, batches: Sequence[Batch]) -> TeacherForced:
        """Return the loss (nats a token) and the exact match on the validation part."""
        with mixed_precision(self.model.device):
            return teacher_forced(self.model, batches, self.model.device)

    def _copy(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self.parameters]
