"""Validation figures, against sums written out by hand."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from arc_affinity.data.batching.batch import IGNORE, collate
from arc_affinity.models.decoding import greedy
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import mean_loss
from arc_affinity.models.storage.folders import forget_pad_weight
from arc_affinity.training.pretraining.module import GridModule
from arc_affinity.training.recipes.recipe import Recipe
from arc_affinity.types import PAD, Example, Grid, Pair


def grid(rows: int, cols: int, seed: int) -> Grid:
    return np.random.default_rng(seed).integers(0, 10, (rows, cols)).astype(np.uint8)


def example(seed: int, rows: int, cols: int) -> Example:
    pairs = [Pair(grid(3, 5, seed + k), grid(rows, cols, seed + k + 1)) for k in range(3)]
    return Example("t", seed, pairs[0], tuple(pairs[1:]))


@pytest.fixture
def module(tiny: Recipe) -> GridModule:
    torch.manual_seed(5)
    model = EncoderDecoder(tiny.model)
    with torch.no_grad():
        model.context_to_logits.bias[PAD] = 9.0  # so that its grids stay small
    return GridModule(model, tiny)


def test_validation_figures(module: GridModule, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = collate([example(seed, 2, 3) for seed in (1, 11, 23)])
    # The outputs that the model would write itself, once PAD's weight is forgotten, are solved by definition.
    module.eval()
    forgetful = copy.deepcopy(module.model)
    forget_pad_weight(forgetful, 4.0)
    written = [decoded.grid for decoded in greedy(forgetful, batch)]
    own = [
        Example(e.task_id, e.index, Pair(e.query.input, g), e.demonstrations)
        for e, g in zip(batch.examples, written, strict=True)
        if g is not None
    ]
    asked = collate([*own, *batch.examples])
    logged: dict[str, tuple[float, int]] = {}
    monkeypatch.setattr(
        module, "log", lambda name, value, batch_size, **_: logged.update({name: (float(value), batch_size)})
    )
    with torch.no_grad():
        module.validation_step(asked, 0)
        logits = module.model(asked)
    logits[..., PAD] -= math.log(4)  # what PAD is trained to be likelier by
    tokens = int((asked.target != IGNORE).sum())
    assert logged["val/loss"] == (pytest.approx(float(mean_loss(logits, asked))), tokens)
    assert logged["val/exact"] == (pytest.approx(len(own) / len(asked)), len(asked))
    cells = int(((asked.target != IGNORE) & (asked.target != PAD)).sum())
    share, counted = logged["val/cell_teacher_forced"]
    assert counted == cells == sum(e.query.output.size for e in asked.examples)
    assert 0 < share <= 1


def test_dropout_depends_on_seed_step_and_process_alone(
    module: GridModule, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = collate([example(1, 2, 3)])

    def drawn(step: int, rank: int = 0, seed: int = 0) -> float:
        module.recipe = tiny.overridden({"seed": seed})
        monkeypatch.setattr(GridModule, "global_step", step)
        monkeypatch.setattr(GridModule, "global_rank", rank)
        torch.rand(step)  # whatever was drawn before
        module.on_train_batch_start(batch, 0)
        return float(torch.rand(()))

    assert drawn(3) == drawn(3)
    assert len({drawn(3), drawn(4), drawn(3, rank=1), drawn(3, seed=1)}) == 4


def test_a_checkpoint_names_its_recipe(module: GridModule, tiny: Recipe) -> None:
    checkpoint: dict[str, object] = {}
    module.on_save_checkpoint(checkpoint)
    assert checkpoint == {"recipe": tiny.to_dict()}
