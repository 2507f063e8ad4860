"""Stores behind Lightning's data hooks: examples with drawn demonstrations, in batches of like size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import collate
from arc_affinity.data.batching.sampling import BatchRules, BatchStream, Key, plan_batches, smaller, token_counts
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.augment import TrainingViews, drawn_view
from arc_affinity.types import Example

VALIDATION_TURN = 2**31
"""Stands for the pass in a validation example's draw, so that no training example shares it."""


VIEW = 1
"""Keeps the draw of an example's view apart from that of its demonstrations."""


class StoreExamples(Dataset[Example]):
    """The examples of a store by (pass, index), each with demonstrations drawn for it, and a view of them all."""

    def __init__(
        self,
        store: ExampleStore,
        pairs: int,
        seed: int,
        policy: context.ContextPolicy = "drawn",
        augment: TrainingViews = "none",
    ) -> None:
        self.store, self.pairs, self.seed, self.policy, self.augment = store, pairs, seed, policy, augment

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, key: Key) -> Example:
        turn, index = key
        example = context.from_store(
            self.store, index, pairs=self.pairs, seed=self.seed, epoch=turn, policy=self.policy
        )
        if self.augment == "none":
            return example
        view = drawn_view(example, np.random.default_rng([self.seed, turn, index, VIEW]))
        return view.apply_example(example)


@dataclass(frozen=True)
class Feeding:
    """How stores become batches.

    ``steps`` is the number of batches between two validations, ``workers`` that of processes which make batches beside
    this one (the batches are the same). ``stages`` come first, stretches of training on small examples alone: at most
    so many query and output tokens together, for so many validations.
    """

    pairs: int
    rules: BatchRules
    steps: int
    policy: context.ContextPolicy = "drawn"
    augment: TrainingViews = "none"
    workers: int = 0
    stages: tuple[tuple[int, int], ...] = ()


class StoreDataModule(LightningDataModule):
    """Training batches from one store, validation batches from another."""

    def __init__(self, train: ExampleStore, validation: ExampleStore, feeding: Feeding) -> None:
        super().__init__()
        self.train, self.validation, self.feeding = train, validation, feeding
        self._stage: tuple[ExampleStore, BatchStream] | None = None

    def train_dataloader(self) -> DataLoader[Example]:
        """Return this process's share of the stream of training batches."""
        trainer = self.trainer
        epoch, rank, ranks = (trainer.current_epoch, trainer.global_rank, trainer.world_size) if trainer else (0, 0, 1)
        begun, cells = self._begun(epoch)
        # A stage's stream is kept, as it remembers where the next slice begins.
        if self._stage is None or self._stage[1].begun != begun:
            store = self.train if cells is None else smaller(self.train, cells)
            rules, steps = self.feeding.rules, self.feeding.steps
            self._stage = store, BatchStream(store.sizes, rules, steps, begun=begun, rank=rank, ranks=ranks)
        store, stream = self._stage
        # Lightning sets the epoch of samplers only, and a batch sampler is none to it.
        stream.set_epoch(epoch)
        return self._loader(store, stream, self.feeding.policy, self.feeding.augment)

    def _begun(self, epoch: int) -> tuple[int, int | None]:
        """Return the epoch at which the stage of ``epoch`` began, and its limit of tokens."""
        begun = 0
        for cells, validations in self.feeding.stages:
            if epoch < begun + validations:
                return begun, cells
            begun += validations
        return begun, None

    def val_dataloader(self) -> DataLoader[Example]:
        """Return the validation batches, the same every time and for every process; none shows a query's own answer."""
        plan = plan_batches(token_counts(self.validation.sizes), self.feeding.rules, VALIDATION_TURN)
        batches = [[(VALIDATION_TURN, i) for i in batch] for batch in plan]
        return self._loader(self.validation, batches, "drawn", "none")

    def _loader(
        self,
        store: ExampleStore,
        batches: BatchStream | list[list[Key]],
        policy: context.ContextPolicy,
        augment: TrainingViews,
    ) -> DataLoader[Example]:
        feeding = self.feeding
        return DataLoader(
            StoreExamples(store, feeding.pairs, feeding.rules.seed, policy, augment),
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=feeding.workers,
        )
