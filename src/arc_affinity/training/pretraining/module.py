"""The one LightningModule: teacher-forced cross-entropy on the output, exact match while validating."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from arc_affinity.data.batching.batch import IGNORE, Batch
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import mean_loss, steps_right
from arc_affinity.training.optim.optimisers import make_optimiser, schedule
from arc_affinity.training.recipes.recipe import Recipe
from arc_affinity.types import PAD


class GridModule(LightningModule):
    """Trains a model by a recipe; logs loss, exact match and cell accuracy."""

    def __init__(self, model: EncoderDecoder, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Let dropout depend on (seed, step, process) alone, so that a resumed run repeats an unbroken one."""
        place = np.random.SeedSequence([self.recipe.seed, self.global_step, self.global_rank])
        torch.manual_seed(int(place.generate_state(1)[0]))

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the loss of a batch."""
        loss = mean_loss(self.model(batch), batch, self.recipe.pad_weight)
        self.log("train/loss", loss, batch_size=len(batch))
        return loss

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Log loss (nats a token), exact match (greedy and teacher forced alike) and teacher-forced cell accuracy.

        Every process sees all examples, so there is nothing to add up over processes.
        """
        logits = self.model(batch).float()
        logits[..., PAD] -= math.log(self.recipe.pad_weight)
        right = steps_right(logits, batch)
        target = batch.target
        assert target is not None
        cells = (target != IGNORE) & (target != PAD)
        # Each figure weighs a batch by what it is a mean of, so that none depends on how examples are cut into batches.
        tokens = int((target != IGNORE).sum())
        self.log("val/loss", mean_loss(logits, batch), batch_size=tokens, prog_bar=True)
        self.log("val/exact", right.all(dim=1).float().mean(), batch_size=len(batch), prog_bar=True)
        self.log("val/cell_teacher_forced", right[cells].float().mean(), batch_size=int(cells.sum()), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the recipe's optimiser, and its schedule stepped once a batch."""
        r = self.recipe
        optimiser = make_optimiser(
            r.optimiser,
            self.model,
            lr=r.learning_rate,
            betas=(r.beta1, r.beta2),
            weight_decay=r.weight_decay,
        )
        factor = schedule(r.schedule, steps=r.steps, warmup=r.warmup_steps, period=r.restart_steps, floor=r.floor)
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": LambdaLR(optimiser, factor), "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the recipe beside the training state, so that a run can only be resumed as itself."""
        checkpoint["recipe"] = self.recipe.to_dict()
