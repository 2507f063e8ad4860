"""The training itself: one step after the other, its state on disk every minute."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_bytes
from arc_affinity.models.pair_transformer.layout import IGNORE, Sequences, lay_out
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
class Batch:
    """What a process does of a step: its shards, and of the whole batch the tokens that are learned and all tokens."""

    shards: Sequence[Sequences]
    asked: int
    tokens: int


@dataclass
class Trainer:
    """One of the processes that train together; all of them hold the same weights at every step.

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
        self.average = [p.detach().clone() for p in self.trained]
        self.steps = self.passes = self.done = self.tokens = 0
        self.seconds = 0.0
        self.loss = float("nan")
        self._resume()
        if (self.job.budget.seconds or 0.0) >= WORTH_COMPILING:
            compile_layers(self.model.layers, self.device)

    @property
    def state_path(self) -> Path:
        """The file with the state."""
        return self.job.folder / STATE

    def run(self, report: Callable[[Progress], None]) -> PairTransformer:
        """Train until the budget is spent and return the model with averaged weights, in evaluation mode."""
        saved = begun = time.monotonic()
        before = self.seconds
        with ThreadPoolExecutor(1) as ahead:
            for batch in self._batches(ahead):
                self.seconds = before + time.monotonic() - begun
                if self._step(batch) >= 1:
                    break
                report(self.progress())
                if self.rank == 0 and time.monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = time.monotonic()
        if self.rank == 0:
            self.save()
        return self.averaged()

    def progress(self) -> Progress:
        """Return where the training is."""
        spent = self.job.budget.spent(self.steps, self.seconds)
        return Progress(self.steps, self.passes, spent, self.loss, self.tokens, self.seconds)

    def averaged(self) -> PairTransformer:
        """Put the average in the model's place and return it."""
        with torch.no_grad():
            for parameter, mean in zip(self.trained, self.average, strict=True):
                parameter.copy_(mean)
        return self.model.eval()

    def _batches(self, ahead: Executor) -> Iterator[Batch]:
        """The batches from where the training is, pass after pass; the next is laid out while one is trained on."""
        while True:
            batches = self.job.corpus.batches(self.passes, self.job.recipe.batch_tokens)
            if not batches:
                raise ArcAffinityError("there is nothing to train on: no pair is short enough")
            number = self.passes
            coming: Future[Batch] | None = None
            for at in range(self.done, len(batches)):
                batch = self._laid_out(batches[at], number) if coming is None else coming.result()
                following = batches[at + 1 : at + 2]
                coming = ahead.submit(self._laid_out, following[0], number) if following else None
                yield batch
            self.passes, self.done = self.passes + 1, 0

    def _laid_out(self, items: Sequence[Item], number: int) -> Batch:
        """The shards of this process."""
        corpus, cut = self.job.corpus, self.job.recipe.shards
        mine = [items[shard::cut] for shard in range(self.rank, cut, self.world)]
        return Batch(
            [lay_out([corpus.view(item, number) for item in shard]) for shard in mine if shard],
            sum(_asked(corpus, item) for item in items),
            sum(length_of(corpus.pair(item)) for item in items),
        )

    def _step(self, batch: Batch) -> float:
        """Train on a batch; return the share of the budget that was spent before. At 1 nothing is done any more."""
        loss = torch.zeros((), device=self.device)
        for parameter in self.trained:
            parameter.grad = torch.zeros_like(parameter)
        for shard in batch.shards:
            part = self._loss(shard) / batch.asked
            part.backward()  # type: ignore[no-untyped-call]
            loss += part.detach()
        spent = self._together(loss)
        if spent >= 1:
            return spent
        rate = self.job.recipe.rate(self.steps, spent)
        for group in (*self.muon.param_groups, *self.adamw.param_groups):
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self.trained, self.job.recipe.clip)
        self.muon.step()
        self.adamw.step()
        keep = self.job.recipe.keep(self.steps)
        torch._foreach_lerp_(self.average, [p.detach() for p in self.trained], 1 - keep)
        self.steps, self.done = self.steps + 1, self.done + 1
        self.tokens += batch.tokens
        return spent

    def _loss(self, shard: Sequences) -> Tensor:
        """Return the sum of the cross-entropies, in nats, of what the outputs of ``shard`` hold."""
        sequences = shard.to(self.device)
        with mixed_precision(self.device):
            logits = self.model(sequences)
        return F.cross_entropy(logits.float(), sequences.labels[sequences.labels != IGNORE], reduction="sum")

    def _together(self, loss: Tensor) -> float:
        """Add up gradients and losses of all processes; return the share of the budget spent by the first's clock."""
        clock = self.job.budget.spent(self.steps, self.seconds)
        if self.world == 1:
            self.loss = float(loss)
            return clock
        extra = torch.tensor([float(loss), clock if self.rank == 0 else 0.0], dtype=torch.float64)
        gradients = [p.grad for p in self.trained if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        dist.all_reduce(extra)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        self.loss = float(extra[0])
        return float(extra[1])

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
        }
        # In memory first: torch would tell of a full disk in words of its own.
        content = io.BytesIO()
        torch.save(state, content)
        write_bytes(self.state_path, content.getvalue())

    def _resume(self) -> None:
        if not self.state_path.exists():
            return
        state = read_state(self.state_path)
        if state["job"] != self.job.digest:
            raise ArcAffinityError(
                f"{self.state_path} is of a training on other data or with other settings; delete it to begin again, "
                "or write elsewhere"
            )
        self.model.load_state_dict(state["model"])
        self.average = [mean.to(self.device) for mean in state["average"]]
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
        self.steps, self.passes, self.done, self.tokens = state["counts"]
        self.seconds = state["seconds"]


def read_state(path: Path) -> dict[str, Any]:
    """Read the state of a training.

    Raises:
        ArcAffinityError: it is damaged.
    """
    state = read_checkpoint(path)
    missing = {"job", "model", "average", "muon", "adamw", "counts", "seconds"} - state.keys()
    if missing:
        raise ArcAffinityError(f"{path} is no state of a joint training: no {', '.join(sorted(missing))}")
    return state


def _asked(corpus: Corpus, item: Item) -> int:
    """Tokens of the output that are learned."""
    output = corpus.pair(item).output
    assert output is not None
    return output.size + 2
