"""Fine-tuning one task with each demonstration read once, against reading it each time that it is shown.

    python bench/finetuning.py [TASK [STEPS]]

The method lora on ``rotary`` as `finetune` trains it: 400 examples of re-arc's TASK (d511f180), STEPS (60) optimiser
steps, one thread; the training alone, validations included, in seconds of the processor, so that other work counts
little. Each in turn, twice; the shorter one counts.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace

import torch

from arc_affinity.models.adapters.lora import laid_over
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import find_model
from arc_affinity.training.finetuning.config import CONFIGS, FineTuneConfig
from arc_affinity.training.finetuning.loader import TaskLoader
from arc_affinity.training.finetuning.split import TaskSplit, split_rearc
from arc_affinity.training.finetuning.task_trainer import TaskTrainer


class EachTime(EncoderDecoder):
    """Reads every demonstration each time."""

    def reading_once(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


def timed(split: TaskSplit, config: FineTuneConfig, kind: type[EncoderDecoder]) -> tuple[float, float]:
    """Return seconds and the last loss on the validation part."""
    model = find_model("rotary").model
    model.__class__ = kind
    with laid_over(model, config.lora, config.seed) as layers:
        matrices = [matrix for layer in layers.values() for matrix in (layer.A, layer.B)]
        trainer = TaskTrainer(model, matrices, TaskLoader(split, config, model.config.context_pairs))
        begun = time.process_time()
        curve = trainer.train().curve
        seconds = time.process_time() - begun
    assert curve[-1].validation_loss is not None
    return seconds, curve[-1].validation_loss


def main() -> None:
    task, steps = [*sys.argv[1:], *["d511f180", "60"][len(sys.argv) - 1 :]]
    torch.set_num_threads(1)
    config = replace(CONFIGS["lora"], steps=int(steps))
    split = split_rearc(task, config)
    once, each = zip(
        *[[timed(split, config, kind) for kind in (EncoderDecoder, EachTime)] for _ in range(2)], strict=True
    )
    for name, found in (("read once", once), ("read each time", each)):
        print(f"{name:16} {min(found)[0]:8.2f} s   validation loss {found[0][1]:.6f}")
    print(f"{'ratio':16} {min(each)[0] / min(once)[0]:7.2f}x ({task}, {steps} steps)")


if __name__ == "__main__":
    main()
