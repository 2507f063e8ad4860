"""Training a model from scratch, in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arc_affinity.models.storage.folders import LoadedModel, find_model
from arc_affinity.notebook.tabular import Rows, Tabular
from arc_affinity.training.hardware import find_machine
from arc_affinity.training.pretraining.pretrain import train as train_by
from arc_affinity.training.pretraining.trainer import quiet_lightning
from arc_affinity.training.recipes.files import is_run, load_recipe, refuse_unread_in_file


@dataclass(frozen=True)
class Trained(Tabular):
    """What a training run left.

    Attributes:
        model: the best of the run by validation loss, for `predict` and `finetune`.
        metrics: the last figures that were logged; ``metrics.csv`` in the run's folder has all of them.
    """

    model: LoadedModel
    metrics: Mapping[str, float]

    def _rows(self) -> Rows:
        return Rows(("figure", "last"), [(name, f"{value:.4f}") for name, value in sorted(self.metrics.items())])


def train(
    recipe: str | Path, out: Path | str, *, changes: Mapping[str, Any] | None = None, resume: bool = False
) -> Trained:
    """Train a model by a recipe in the folder ``out``, in one process.

    Args:
        recipe: a named recipe (champion, champion-foundational, rotary, rotary-foundational, smoke) or a TOML
            file of one.
        out: folder of the run, as the command ``train`` writes it.
        changes: fields that differ, those of the network as ``model.FIELD``.
        resume: go on with an interrupted run.

    Raises:
        ArcAffinityError: no such recipe, an unknown field or a value out of range, or the folder holds something else.

    Example:
        >>> import arc_affinity as aa
        >>> aa.train("smoke", "out/smoke", changes={"stepz": 5})
        Traceback (most recent call last):
        arc_affinity.errors.ArcAffinityError: override: unknown recipe field 'stepz'; did you mean 'steps'?
    """
    chosen = load_recipe(str(recipe)).overridden(changes or {})
    if not (resume and is_run(Path(out))):
        chosen.refuse_ignored(changes or {}, "override")
        refuse_unread_in_file(str(recipe), chosen, changes or {})
    quiet_lightning()
    # Several processes would start the notebook's own program again.
    machine = find_machine(chosen.batch_cells, processes=1)
    outcome = train_by(chosen, Path(out), resume=resume, progress=False, machine=machine)
    return Trained(find_model(str(outcome.model)), outcome.metrics)
