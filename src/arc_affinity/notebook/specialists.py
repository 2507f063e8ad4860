"""Adapting a model to one task, in a notebook."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arc_affinity.data.checks import check_task
from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.lora import merge
from arc_affinity.models.pair_transformer.storage import LoadedSolver
from arc_affinity.models.storage.folders import LoadedModel
from arc_affinity.notebook.answering import UNNAMED, computing_on, find_model
from arc_affinity.notebook.answers import Answers
from arc_affinity.notebook.tabular import Rows, Tabular
from arc_affinity.text import percent
from arc_affinity.training.finetuning.config import UNREAD_BY_DEMONSTRATIONS, Method, config_for, refuse_unread
from arc_affinity.training.finetuning.finetune import FineTuned, fine_tune
from arc_affinity.training.finetuning.split import split_task
from arc_affinity.types import Task


@dataclass(frozen=True)
class Specialist(Tabular):
    """A model that was adapted to one task.

    ``model`` is for `predict`; ``tuned`` holds scores by protocol before and after, the curve, seconds. By the method
    context-only ``model`` is the base as it was, and ``tuned.demonstrations`` are the places of the demonstrations that
    helped it most.
    """

    model: LoadedModel
    task: Task
    tuned: FineTuned

    @property
    def before(self) -> Answers:
        """What the model answered before, by every protocol; ``before.by("arc_prize")`` takes those by one."""
        return Answers(self.tuned.base.records, (self.task,))

    @property
    def after(self) -> Answers:
        """What it answers now, by every protocol; ``after.by("arc_prize")`` takes those by one."""
        return Answers(self.tuned.final.records, (self.task,))

    def _rows(self) -> Rows:
        before, after = self.tuned.base.by_protocol, self.tuned.final.by_protocol
        rows = [
            (f"{name}, {what}", percent(getattr(before[name], what)), percent(getattr(after[name], what)))
            for name in after
            for what in ("solved", "cells")
        ]
        return Rows((f"task {self.task.id}", "before", "after"), rows)


def finetune(
    model: LoadedModel | LoadedSolver | str | Path,
    task: Task,
    *,
    method: Method | None = None,
    device: str | None = None,
    **settings: Any,
) -> Specialist:
    """Return ``model`` adapted to the demonstrations of ``task``; the model itself stays as it is.

    Args:
        model: an encoder-decoder, as `find_model` returns it, or what that takes; `solve` adapts its own kind.
        task: its tests are answered before and after, and never trained on.
        method: lora, full, or context-only; unless given full by the settings for demonstrations alone, which the
            command `finetune` takes for such tasks too.
        device: cpu or cuda; a GPU where there is one unless given. A model that is given goes there and comes back.
        settings: other fields of `training.finetuning.config.FineTuneConfig`, such as ``steps`` and ``votes``.

    Raises:
        ArcAffinityError: the task has fewer than two demonstrations, one without its output, or something that is no
            grid; a setting is unknown, out of range, or left unread by another one or by a task's demonstrations; there
            is no such device; or the model is of the kind that `solve` adapts.

    Example:
        >>> import arc_affinity as aa
        >>> (task,) = [task for task in aa.load_tasks("arc-agi-1/training") if task.id == "25ff71a9"]
        >>> made = aa.finetune(aa.find_model("rotary"), task, steps=1)
        >>> made.tuned.examples_seen > 0
        True
    """
    model = find_model(model) if isinstance(model, str | Path) else model
    if isinstance(model, LoadedSolver):
        raise ArcAffinityError(f"{model.name} is adapted by `solve`, to all tasks asked at once")
    try:
        config = replace(config_for(method, by_demonstrations=True), **settings)
    except TypeError as error:
        raise ArcAffinityError(f"no such setting: {error}") from error
    refuse_unread(settings, config, dict.fromkeys(UNREAD_BY_DEMONSTRATIONS, "a task's own demonstrations"))
    task = check_task(task)
    split = replace(split_task(task, config, task.dataset or UNNAMED), edition=edition_of([task]))
    with computing_on(model.model, device):
        tuned = fine_tune(model, split, config)
    if tuned.model is not None:
        # It was made where there was computed, and goes where its base is.
        tuned.model.to(model.model.device)
    return Specialist(_adapted(model, tuned), task, tuned)


def _adapted(model: LoadedModel, tuned: FineTuned) -> LoadedModel:
    """The specialist, named after its task as the command `finetune` names it."""
    task_id = tuned.split.task_id
    if tuned.model is not None:
        return replace(model, model=tuned.model, digest=tuned.digest, adapter=task_id)
    if tuned.adapter is None:
        return model
    changed = copy.deepcopy(model.model)
    merge(changed, tuned.adapter)
    return replace(model, model=changed, digest=tuned.digest, adapter=task_id)
