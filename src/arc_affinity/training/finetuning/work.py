"""The fine-tuning of one task, done wherever an executor puts it: plain values in, plain values and bytes out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta

from arc_affinity.data.datasets.registry import RE_ARC
from arc_affinity.data.generation import rearc
from arc_affinity.documents import WHOLE_ID, Count, Seconds
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.adapters.files import save_adapter
from arc_affinity.models.storage.folders import find_model, save_model
from arc_affinity.models.storage.names import RESULT
from arc_affinity.processes import cores
from arc_affinity.training.finetuning.config import FineTuneConfig
from arc_affinity.training.finetuning.finetune import FineTuned, fine_tune
from arc_affinity.training.finetuning.held_out import Measured, Scoring
from arc_affinity.training.finetuning.source import Source

RECORDS = "records.jsonl.gz"
"""A file of every finished task, besides its `RESULT` and its adapter or model."""


@dataclass(frozen=True)
class ManyTasks:
    """Which tasks to fine-tune, and all that their results depend on; small, since it is sent to other processes.

    ``model`` is what finds the model, ``name`` and ``digest`` are the model's own. ``threads`` are those of the process
    that does the work; 0 leaves their number alone.
    """

    tasks: tuple[str, ...]
    model: str
    name: str
    digest: str
    config: FineTuneConfig
    source: Source = field(default_factory=Source)
    protocols: tuple[Protocol, ...] = Scoring.protocols
    threads: int = 0

    def settings(self) -> dict[str, Any]:
        """Return what a task's result depends on, as JSON values."""
        return {
            "model": self.model,
            "model_digest": self.digest,
            "dataset": self.source.dataset,
            "protocols": [str(protocol) for protocol in self.protocols],
            "tuning": asdict(self.config),
            # What its generators make depends on these.
            **({"versions": rearc.versions()} if self.source.dataset == RE_ARC else {}),
        }


@dataclass(frozen=True)
class TaskFiles:
    """What a finished task leaves: its files by name, and what `RESULT` holds."""

    task_id: str
    files: Mapping[str, bytes]
    result: Mapping[str, Any]


def workers_for(tasks: int) -> int:
    """Return how many processes fine-tune so many tasks: one a GPU where there are some, or else one a core."""
    return min(torch.cuda.device_count() or cores(), tasks)


def device_of(place: int) -> torch.device:
    """Return the device of the worker at ``place``, counted from 0: its own GPU as far as there are as many."""
    gpus = torch.cuda.device_count()
    return torch.device("cuda", place % gpus) if gpus else torch.device("cpu")


def work(many: ManyTasks, task: str, place: int = 0) -> TaskFiles:
    """Fine-tune one of ``many`` tasks; no other one is fine-tuned at the same ``place`` at the same time.

    Raises:
        ArcAffinityError: the model is another one by now, or the task cannot be fine-tuned.
    """
    if many.threads:
        torch.set_num_threads(many.threads)
    loaded = find_model(many.model)
    if loaded.digest != many.digest:
        raise ArcAffinityError(f"{many.model} is {loaded.digest} here, not {many.digest}")
    loaded.model.to(device_of(place))
    [split] = many.source.splits([task], many.config)
    tuned = fine_tune(loaded, split, many.config, Scoring(many.protocols))
    result = result_of(tuned, many)
    # The writers write files: everything goes to a temporary folder and is read back.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if tuned.adapter is not None:
            save_adapter(tuned.adapter, folder)
        if tuned.model is not None:
            save_model(tuned.model, folder)
        write_records(folder / RECORDS, [*tuned.base.records, *tuned.final.records])
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    files[RESULT] = (json.dumps(result, indent=1) + "\n").encode()
    return TaskFiles(task, files, result)


@dataclass(frozen=True)
class PartSizes:
    """How many examples each part has."""

    train: Count
    validation: Count
    test: Count


@dataclass(frozen=True)
class Result:
    """What of `RESULT` is read again."""

    task: Annotated[str, Meta(pattern=WHOLE_ID)]
    method: str
    parts: PartSizes
    examples_seen: Count
    epochs: Count
    stopped_early: bool
    seconds: Seconds
    scoring_seconds: Seconds
    base: dict[str, Measured]
    final: dict[str, Measured]
    examples_digest: str | None = None


def result_of(tuned: FineTuned, many: ManyTasks) -> dict[str, Any]:
    """Return what is told of a finished task, as JSON values; shares are 0-1, times in seconds."""
    split, trained = tuned.split, tuned.trained
    return {
        "task": split.task_id,
        "dataset": split.dataset,
        "examples_digest": split.digest,
        "model": many.model,
        "model_digest": many.digest,
        "digest": tuned.digest,
        "method": many.config.method,
        "parts": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        "largest_output": max(pair.output.size for pair in split.train if pair.output is not None),
        "examples_seen": tuned.examples_seen,
        "steps": trained.curve[-1].steps if trained.curve else 0,
        "epochs": len(trained.curve),
        "best_epoch": trained.best_epoch,
        "stopped_early": trained.stopped_early,
        "seconds": round(trained.seconds, 2),
        "scoring_seconds": round(tuned.scoring_seconds, 2),
        "adapter_values": tuned.adapter.size if tuned.adapter else None,
        # Places in the training part, which the same settings make again.
        "demonstrations": tuned.demonstrations and list(tuned.demonstrations),
        "base": {name: _known(mean) for name, mean in tuned.base.by_protocol.items()},
        "final": {name: _known(mean) for name, mean in tuned.final.by_protocol.items()},
        "curve": [asdict(point) for point in trained.curve],
    }


def _known(measured: Measured) -> dict[str, float]:
    return {name: share for name, share in asdict(measured).items() if share is not None}
