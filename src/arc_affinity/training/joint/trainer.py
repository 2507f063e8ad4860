"""The training itself: one step after the other, its state on disk every minute."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_bytes
from arc_affinity.models.pair_transformer.layout import FRAME, IGNORE, Sequences, lay_out
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.storage.folders import read_checkpoint
from arc_affinity.training.hardware import compile_layers, mixed_precision
from arc_affinity.training.joint.corpus import Corpus, Item, length_of
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.optim.muon import Muon

STATE = "training.pt"
WORTH_COMPILING = 600.0
"""Seconds of a budget from which compiled layers gain more than compiling takes (20 to 60 seconds). Not for a budget in
steps: the same steps are to give the same bytes with and without a compiler."""

SAVE_EVERY = 45.0
"""Seconds between two states on disk: a kill loses less than a minute."""


@dataclass(frozen=True)
class Progress:
    """Where a training is: steps and passes done, share of the budget spent, the last loss (nats a token), tokens
    trained on, and seconds."""

    steps: int
    passes: int
    spent: float
    loss: float
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Job:
    """A training to do: from ``model`` as it stands, on ``corpus``; its state is kept in ``folder``."""

    model: PairTransformer
    corpus: Corpus
    recipe: JointRecipe
    budget: Budget
    folder: Path

    @property
    def digest(self) -> str:
        """Identity of what decides the numbers, the first weights excepted."""
        return f"{self.corpus.digest}-{self.recipe.digest}-{self.budget.steps}"


@dataclass(frozen=True)
class Share:
    """What a process does of a step.

    ``shards`` of the batch are its own; of the whole batch there are so many ``tokens``, and ``labels``: tokens of
    outputs, which are predicted.
    """

    shards: Sequence[Sequences]
    labels: int
    tokens: int


@dataclass
class Trainer:
    """One of the processes that train together; all of them hold the same weights at every step.

    A batch is always cut into the same shards, whatever the number of processes; one process alone computes them one
    after the other. A sum of floats depends on how it is grouped, so only the same shards give the same bytes.

    Attributes:
        job: what to do.
        rank, world: number of this process, and of all.
        device: where to compute.
    """

    job: Job
    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        self.model = self.job.model.to(self.device).train()
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        matrices = [p for p in self.model.layers.parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.trained if id(p) not in chosen]
        recipe = self.job.recipe
        self.muon = Muon(matrices, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.adamw = torch.optim.AdamW(others, lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
        # What is kept in the end is a moving average of the weights: with it a rate that is still high does no harm.
        self.average = [p.detach().clone() for p in self.trained]
        self.steps = self.passes = self.done = self.tokens = 0
        self.seconds = 0.0
        self.loss = float("nan")
        self._resume()
        if (self.job.budget.seconds or 0.0) >= WORTH_COMPILING:
            compile_layers(self.model.layers, self.device)

    def run(self, report: Callable[[Progress], None]) -> PairTransformer:
        """Train until the budget is spent and return the model with averaged weights, in evaluation mode.

        ``report`` is called after each step, and first of all where a training goes on: there may be no step left.
        """
        saved = begun = time.monotonic()
        before = self.seconds
        if self.steps:
            report(self._progress())
        with ThreadPoolExecutor(1) as ahead:
            for share in self._shares(ahead):
                self.seconds = before + time.monotonic() - begun
                if self._step(share) >= 1:
                    break
                report(self._progress())
                if self.rank == 0 and time.monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = time.monotonic()
        if self.rank == 0:
            self.save()
        with torch.no_grad():
            for parameter, mean in zip(self.trained, self.average, strict=True):
                parameter.copy_(mean)
        return self.model.eval()

    def _progress(self) -> Progress:
        spent = self.job.budget.spent(self.steps, self.seconds)
        return Progress(self.steps, self.passes, spent, self.loss, self.tokens, self.seconds)

    def _shares(self, ahead: Executor) -> Iterator[Share]:
        """What this process does of each batch, pass after pass; the next is laid out while one is trained on."""
        corpus, cut = self.job.corpus, self.job.recipe.shards

        def lay_out_share(items: Sequence[Item], number: int) -> Share:
            mine = [items[shard::cut] for shard in range(self.rank, cut, self.world)]
            pairs = [corpus.pair(item) for item in items]
            return Share(
                [lay_out([corpus.view(item, number) for item in shard]) for shard in mine if shard],
                sum(pair.output.size + FRAME for pair in pairs if pair.output is not None),
                sum(map(length_of, pairs)),
            )

        while True:
            batches = corpus.batches(self.passes, self.job.recipe.batch_tokens)
            if not batches:
                raise ArcAffinityError("there is nothing to train on: no pair is short enough")
            number = self.passes
            coming: Future[Share] | None = None
            # A training that goes on amid a pass begins with the batch that it had not done.
            for at in range(self.done, len(batches)):
                share = lay_out_share(batches[at], number) if coming is None else coming.result()
                following = batches[at + 1 : at + 2]
                coming = ahead.submit(lay_out_share, following[0], number) if following else None
                yield share
            self.passes, self.done = self.passes + 1, 0

    def _step(self, share: Share) -> float:
        """Train on a batch; return the share of the budget that was spent before. At 1 nothing is done any more."""
        spent = self.job.budget.spent(self.steps, self.seconds)
        # Several find out together, by one clock.
        if self.world == 1 and spent >= 1:
            return spent
        loss = torch.zeros((), device=self.device)
        # Zeros, not None: a process may have no shard of a small batch, and all must add up the same gradients.
        for parameter in self.trained:
            parameter.grad = torch.zeros_like(parameter)
        for shard in share.shards:
            sequences = shard.to(self.device)
            with mixed_precision(self.device):
                logits = self.model(sequences)
            labels = sequences.labels[sequences.labels != IGNORE]
            # Over the labels of the whole batch, so that the shards' gradients add up to that of the batch's mean.
            part = F.cross_entropy(logits.float(), labels, reduction="sum") / share.labels
            part.backward()  # type: ignore[no-untyped-call]
            loss += part.detach()
        spent, total = self._add_up(loss)
        if spent >= 1:
            return spent
        self.loss = total
        recipe = self.job.recipe
        for group in (*self.muon.param_groups, *self.adamw.param_groups):
            group["lr"] = recipe.rate(self.steps, spent)
        torch.nn.utils.clip_grad_norm_(self.trained, recipe.clip)
        self.muon.step()
        self.adamw.step()
        torch._foreach_lerp_(self.average, [p.detach() for p in self.trained], 1 - recipe.keep(self.steps))
        self.steps, self.done = self.steps + 1, self.done + 1
        self.tokens += share.tokens
        return spent

    def _add_up(self, loss: Tensor) -> tuple[float, float]:
        """Add up gradients and losses of all processes; return the share of the budget spent by the first's clock, and
        the loss."""
        clock = self.job.budget.spent(self.steps, self.seconds)
        if self.world == 1:
            return clock, float(loss)
        # One clock for all: by its own each process would end, and set its rate, a little sooner or later.
        extra = torch.tensor([float(loss), clock if self.rank == 0 else 0.0], dtype=torch.float64)
        gradients = [p.grad for p in self.trained if p.grad is not None]
        # In one piece: sending two hundred small tensors takes longer than computing them.
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        dist.all_reduce(extra)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        return float(extra[1]), float(extra[0])

    def save(self) -> None:
        """Write the state, in one step.

        Raises:
            ArcAffinityError: the folder cannot be written or the disk is full; the last state stays.
        """
        state = {
            "job": self.job.digest,
            "model": self.model.state_dict(),
            "average": self.average,
            "muon": self.muon.state_dict(),
            "adamw": self.adamw.state_dict(),
            "counts": [self.steps, self.passes, self.done, self.tokens],
            "seconds": self.seconds,
            "loss": self.loss,
        }
        # In memory first: torch would tell of a full disk in words of its own.
        content = io.BytesIO()
        torch.save(state, content)
        write_bytes(self.job.folder / STATE, content.getvalue())

    def _resume(self) -> None:
        path = self.job.folder / STATE
        if not path.exists():
            return
        state = read_checkpoint(path)
        missing = {"job", "model", "average", "muon", "adamw", "counts", "seconds"} - state.keys()
        if missing:
            raise ArcAffinityError(f"{path} is no state of a joint training: no {', '.join(sorted(missing))}")
        if state["job"] != self.job.digest:
            raise ArcAffinityError(
                f"{path} is of a training on other data or with other settings; delete it to begin again, "
                "or write elsewhere"
            )
        # What torch raises on a state that was tampered with, or half of another version's.
        try:
            self.model.load_state_dict(state["model"])
            self.muon.load_state_dict(state["muon"])
            self.adamw.load_state_dict(state["adamw"])
            for mean, saved in zip(self.average, state["average"], strict=True):
                mean.copy_(saved)
            self.steps, self.passes, self.done, self.tokens = map(int, state["counts"])
            self.seconds = float(state["seconds"])
            # States of earlier versions have none.
            self.loss = float(state.get("loss", 0.0))
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ArcAffinityError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from error
