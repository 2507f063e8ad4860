"""Where the examples come from to fine-tune to; nothing here needs torch, so that a typo is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arc_affinity.data.datasets.choosing import choose_tasks
from arc_affinity.data.datasets.registry import RE_ARC
from arc_affinity.data.generation import rearc
from arc_affinity.data.store.files import is_store
from arc_affinity.training.finetuning.config import UNREAD_BY_DEMONSTRATIONS, FineTuneConfig
from arc_affinity.training.finetuning.reading import read_dataset
from arc_affinity.training.finetuning.split import TaskSplit, split_pairs, split_rearc, split_task


@dataclass(frozen=True)
class Source:
    """Where a task's examples come from: re-arc's generators, an example store, or the tasks of a dataset."""

    dataset: str = RE_ARC
    data_dir: Path | None = None

    @property
    def is_store(self) -> bool:
        """Whether it is an example store."""
        return is_store(Path(self.dataset))

    @property
    def by_demonstrations(self) -> bool:
        """Whether a task's demonstrations are all that there is to adapt to it by."""
        return self.dataset != RE_ARC and not self.is_store

    @property
    def unread(self) -> tuple[str, ...]:
        """The settings of `FineTuneConfig` that its examples leave unread."""
        if self.by_demonstrations:
            return UNREAD_BY_DEMONSTRATIONS
        return ("data_seed",) if self.is_store else ()

    def known(self) -> tuple[str, ...]:
        """Return the ids of its tasks."""
        return rearc.task_ids() if self.dataset == RE_ARC else read_dataset(self.dataset, self.data_dir).ids

    def splits(self, task_ids: Sequence[str], config: FineTuneConfig) -> list[TaskSplit]:
        """Return the examples of some tasks, each split in three parts.

        Raises:
            ArcAffinityError: there is no such task, or it has too few examples.
        """
        if self.dataset == RE_ARC:
            return [split_rearc(task, config) for task in task_ids]
        read = read_dataset(self.dataset, self.data_dir)
        if read.store is not None:
            firsts = {task: read.store.indices(task).start for task in task_ids}
            splits = [split_pairs(task, read.pairs(task), config, self.dataset, at) for task, at in firsts.items()]
        else:
            tasks = {task.id: task for task in choose_tasks(tuple(read.tasks.values()), task_ids)}
            splits = [split_task(tasks[task_id], config, self.dataset) for task_id in task_ids]
        return [replace(split, edition=read.edition) for split in splits]
