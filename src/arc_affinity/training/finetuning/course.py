"""The training of one task among others: batches, optimiser, curve, early stopping; dropout is off throughout.

The loop is plain torch. Lightning's Trainer is for runs of hours: building one, starting it and calling
its hooks costs a good part of a task that takes seconds, and here one loop trains the adapters of many tasks together,
each with its own optimiser, schedule and end, for which a Trainer has no place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from arc_affinity.data.batching.batch import IGNORE, collate
from arc_affinity.data.batching.sampling import BatchRules, plan_batches
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.decoding import teacher_forced_right
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.training.finetuning.tuning import Feed, counts_of
from arc_affinity.training.hardware import mixed_precision
from arc_affinity.training.optim.optimisers import make_optimiser, schedule
from arc_affinity.training.pretraining.module import example_losses, output_loss
from arc_affinity.types import Example

PERFECT = 3
"""Validations running without an error after which there is nothing left to learn from them."""


@dataclass(frozen=True)
class Point:
    """One validation: the epoch is a stretch between two. Losses in nats a token, teacher forced."""

    epoch: int
    steps: int
    examples: int
    train_loss: float
    validation_loss: float | None
    validation_exact: float | None


@dataclass(frozen=True)
class Learner:
    """What is trained: a group of parameters a task, and whom to tell which example is of which task."""

    model: EncoderDecoder
    groups: Sequence[Sequence[nn.Parameter]]
    serve: Callable[[Int[Tensor, "batch"]], None]


@dataclass
class _Best:
    """The best parameters so far: more exact outputs, then a lower loss; ``loss`` is the lowest of any epoch."""

    key: tuple[float, float] = (-1.0, 0.0)
    loss: float = float("inf")
    epoch: int | None = None
    parameters: list[Tensor] = field(default_factory=list)


class Course:
    """The training of one task among others: its batches, optimiser, curve and end."""

    def __init__(self, which: int, feed: Feed, learner: Learner) -> None:
        self.which, self.feed, self.learner = which, feed, learner
        self.group = list(learner.groups[which])
        tuning = feed.tuning
        self.optimiser = make_optimiser(
            tuning.optimiser,
            nn.ParameterList(self.group),
            lr=tuning.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=tuning.weight_decay,
        )
        warmup = min(tuning.warmup_steps, feed.steps // 4)
        factor = schedule("warmup-linear", steps=feed.steps, warmup=warmup, period=1, floor=0.0)
        self.schedule = LambdaLR(self.optimiser, factor)
        self.batches = iter(feed)
        self.checks = feed.validation()
        self.steps = self.examples = self.tokens = 0
        self.seconds = 0.0
        self.curve: list[Point] = []
        self.losses: list[Tensor] = []
        self.best, self.idle, self.perfect = _Best(), 0, 0
        self.over = self.stopped_early = False

    @property
    def best_epoch(self) -> int:
        """The epoch whose parameters are kept, 0 for the base's; the last one where nothing could be validated."""
        return len(self.curve) if self.best.epoch is None else self.best.epoch

    def begin(self) -> None:
        """Let the base compete, so that a task which training makes worse keeps what it had."""
        if self.checks:
            begun = time.monotonic()
            loss, exact = self._check()
            self._keep((exact, -loss), 0)
            self.seconds += time.monotonic() - begun

    def take(self) -> list[Example]:
        """Return the next batch."""
        examples = next(self.batches)
        self.examples += len(examples)
        self.tokens = sum(example.query.input.size for example in examples)
        return examples

    def note(self, loss: Float[Tensor, ""]) -> None:
        """Remember a loss."""
        self.losses.append(loss.detach())

    def end_step(self) -> None:
        """Update the parameters, and validate at the end of a stretch.

        Raises:
            ArcAffinityError: the loss is no number any more.
        """
        nn.utils.clip_grad_norm_(self.group, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.schedule.step()
        self.steps += 1
        if self.steps in self.feed.validate_at:
            begun = time.monotonic()
            self._validate()
            self.seconds += time.monotonic() - begun
        self.over = self.stopped_early or self.steps >= self.feed.steps

    def _validate(self) -> None:
        train = float(torch.stack(self.losses).mean())
        if not torch.isfinite(torch.tensor(train)):
            raise ArcAffinityError(f"task {self.feed.parts.task_id}: the loss is {train} after {self.steps} steps")
        self.losses.clear()
        found = self._check() if self.checks else None
        epoch = len(self.curve) + 1
        loss, exact = found or (None, None)
        self.curve.append(Point(epoch, self.steps, self.examples, train, loss, exact))
        if found is None:
            return
        better_loss, key = found[0] < self.best.loss, (found[1], -found[0])
        self.best.loss = min(found[0], self.best.loss)
        if key > self.best.key:
            self._keep(key, epoch)
        self.idle = 0 if better_loss or self.best.epoch == epoch else self.idle + 1
        self.perfect = self.perfect + 1 if found[1] == 1.0 else 0
        finished = self.idle >= self.feed.tuning.patience or self.perfect >= PERFECT
        self.stopped_early = finished and self.steps < self.feed.steps

    def _keep(self, key: tuple[float, float], epoch: int) -> None:
        """Call the parameters as they are now the best."""
        self.best.key, self.best.epoch = key, epoch
        self.best.parameters = [parameter.detach().clone() for parameter in self.group]

    @torch.no_grad()
    def _check(self) -> tuple[float, float]:
        """Loss (nats a token) and exact match on the validation part."""
        total, tokens, solved, asked = 0.0, 0, 0, 0
        for examples in self.checks:
            batch = collate(examples).to(self.learner.model.device)
            self.learner.serve(torch.full((len(batch),), self.which, device=batch.query.tokens.device))
            with mixed_precision(self.learner.model.device):
                logits = self.learner.model(batch)
            assert batch.target is not None
            steps = int((batch.target != IGNORE).sum())
            total, tokens = total + float(output_loss(logits, batch)) * steps, tokens + steps
            solved += int(teacher_forced_right(logits.float(), batch).all(dim=1).sum())
            asked += len(batch)
        return total / tokens, solved / asked

    @torch.no_grad()
    def restore_best(self) -> None:
        """Put the best parameters back."""
        for parameter, best in zip(self.group, self.best.parameters, strict=bool(self.best.parameters)):
            parameter.copy_(best)


def train(learner: Learner, feeds: Sequence[Feed]) -> list[Course]:
    """Train all tasks to their ends, one batch of each at a time, and put each one's best parameters back.

    Raises:
        ArcAffinityError: a loss is no number any more.
    """
    learner.model.eval()
    courses = [Course(k, feed, learner) for k, feed in enumerate(feeds)]
    for course in courses:
        course.begin()
    running = list(courses)
    while running:
        begun = time.monotonic()
        _step(learner, running)
        spent = time.monotonic() - begun
        tokens = sum(course.tokens for course in running)
        for course in running:
            course.seconds += spent * course.tokens / tokens
            course.end_step()
        running = [course for course in running if not course.over]
    for course in courses:
        course.restore_best()
    return courses


def _step(learner: Learner, running: Sequence[Course]) -> None:
    """One pass forward and back over the next batch of every running task."""
    model = learner.model
    taken = [course.take() for course in running]
    examples = [example for part in taken for example in part]
    task = np.repeat(np.arange(len(taken)), [len(part) for part in taken])
    counts = counts_of([example.query for example in examples])
    tokens = np.bincount(task, counts[:, 1])
    losses = torch.zeros(len(running), device=model.device)
    for places in _alike(counts, running, model.device):
        batch = collate([examples[i] for i in places]).to(model.device)
        learner.serve(torch.tensor([running[task[i]].which for i in places], device=model.device))
        with mixed_precision(model.device):
            logits = model(batch)
        # Of a task's mean loss over its tokens, what each example adds.
        shares = example_losses(logits, batch) / torch.tensor(tokens[task[places]], device=model.device).float()
        torch.autograd.backward(shares.sum())
        losses.index_add_(0, torch.tensor(task[places], device=model.device), shares.detach())
    for course, loss in zip(running, losses, strict=True):
        course.note(loss)


def _alike(counts: Int[np.ndarray, "examples 2"], running: Sequence[Course], device: torch.device) -> list[list[int]]:
    """Cut the examples of all tasks into batches of like size: tasks differ, and padding would cost more than is won.

    One task's are of like size already. A GPU takes as much at once as there are tasks, a CPU gains nothing by it.
    """
    if len(running) == 1:
        return [list(range(len(counts)))]
    tuning = running[0].feed.tuning
    times = 1 if device.type == "cpu" else len(running)
    return plan_batches(counts, BatchRules(times * tuning.batch_cells, len(counts), tuning.seed), 0)
