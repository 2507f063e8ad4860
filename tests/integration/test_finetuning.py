"""The published package's promise: from a checkpoint and 400 examples of a task to a specialist that is better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import arc_affinity as aa
from arc_affinity.data.batching.batch import collate
from arc_affinity.data.generation.rearc import generate_task, input_key
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.adapters.files import load_adapter, save_adapter
from arc_affinity.models.storage.folders import find_model
from arc_affinity.training.finetuning.config import FineTuneConfig
from arc_affinity.training.finetuning.finetune import FineTuned, fine_tune
from arc_affinity.training.finetuning.held_out import Scoring
from arc_affinity.training.finetuning.split import TaskSplit, split_pairs

TASK, EXAMPLES = "d511f180", 24
"""Two colours change places; the bundled model has seen 150 of its examples, this test asks about others."""


@pytest.fixture(scope="module")
def tuned() -> tuple[TaskSplit, FineTuned]:
    """The bundled model, fine-tuned on examples that it was not trained on; small and few for the sake of time."""
    known = {input_key(pair.input) for pair in generate_task(TASK, 150, 0).pairs}
    drawn = generate_task(TASK, 200, 7, known).pairs
    small = [pair for pair in drawn if pair.input.size <= 64][:EXAMPLES]
    config = FineTuneConfig(steps=24, batch_examples=12, test=5, validation=3)
    split = split_pairs(TASK, small, config, "examples")
    assert split.train and split.validation and split.test
    return split, fine_tune(find_model("rotary"), split, config, Scoring((Protocol.SIZED,)))


@pytest.mark.many_steps
def test_finetuning(tuned: tuple[TaskSplit, FineTuned], tmp_path: Path) -> None:
    """It improves on the base, on examples that it never saw and that decided nothing."""
    _, made = tuned
    assert made.trained.curve[-1].train_loss < made.trained.curve[0].train_loss
    before, after = (scores.by_protocol["sized"] for scores in (made.base, made.final))
    assert after.exact > before.exact and after.cells > before.cells
    assert made.adapter is not None and made.adapter.size == 102_400
    save_adapter(made.adapter, tmp_path)
    assert load_adapter(tmp_path).base_digest == find_model("rotary").digest
    assert find_model(str(tmp_path)).adapter == tmp_path.name


@pytest.mark.slow
@pytest.mark.many_steps
def test_peft_lays_a_specialist_over_the_base(tuned: tuple[TaskSplit, FineTuned], tmp_path: Path) -> None:
    """The same logits, and the same answers by our own decoding."""
    split, made = tuned
    save_adapter(made.adapter, tmp_path)
    base, adapted = find_model("rotary"), find_model(str(tmp_path))
    peft = pytest.importorskip("peft")
    theirs = peft.PeftModel.from_pretrained(find_model("rotary").model, tmp_path).eval()
    batch = collate(split.test_examples(adapted.model.config.context_pairs, 0))
    with torch.no_grad():
        torch.testing.assert_close(theirs(batch), adapted.model(batch), rtol=1e-4, atol=1e-3)
        assert not torch.allclose(theirs(batch), base.model(batch), atol=0.1)
    tasks = [split.task(split.test[:2])]
    answers = [aa.predict(each, tasks) for each in (adapted, replace(adapted, model=theirs.base_model.model))]
    ours, those = ([record.prediction.tolist() for record in each.records] for each in answers)
    assert ours == those
