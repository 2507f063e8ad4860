"""Training a model from scratch, in a notebook."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from arc_affinity.documents import fit
from arc_affinity.files import as_name
from arc_affinity.models.storage.folders import LoadedModel, find_model
from arc_affinity.notebook.tabular import Rows, Tabular
from arc_affinity.training.hardware import find_machine
from arc_affinity.training.pretraining.pretrain import train as train_by
from arc_affinity.training.pretraining.trainer import quiet_lightning
from arc_affinity.training.recipes.files import is_run, load_recipe, recipe_to_go_on, refuse_unread_in_file

logger = logging.getLogger(__name__)


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
    recipe: str | Path,
    out: Path | str,
    *,
    changes: Mapping[str, Any] | None = None,
    resume: bool = False,
    workers: int = 1,
) -> Trained:
    """Train a model by a recipe in the folder ``out``, in one process.

    Args:
        recipe: a named recipe (champion, champion-foundational, rotary, rotary-foundational, smoke) or a TOML
            file of one.
        out: folder of the run, as the command ``train`` writes it.
        changes: fields that differ, those of the network as ``model.FIELD``.
        resume: go on with an interrupted run, by the recipe that it began with: changes need not be given again.
        workers: processes that make the recipe's examples before. Several import the script that calls this anew, so a
            script calls it below ``if __name__ == "__main__":`` then; a notebook needs no such care.

    Raises:
        ArcAffinityError: no such recipe, an unknown field or a value out of range, there is not one worker at least, or
            the folder holds something else.

    Example:
        >>> import arc_affinity as aa
        >>> aa.train("smoke", "out/smoke", changes={"stepz": 5})
        Traceback (most recent call last):
        arc_affinity.errors.ArcAffinityError: override: unknown recipe field 'stepz'; did you mean 'steps'?
    """
    fit(workers, Annotated[int, Meta(ge=1)], "workers")
    given, folder, name = changes or {}, Path(out), as_name(recipe)
    chosen = load_recipe(name).overridden(given)
    if resume:
        chosen, told = recipe_to_go_on(chosen, given, folder)
        if told:
            logger.warning(told)
    if not (resume and is_run(folder)):
        chosen.refuse_ignored(given, "override")
        refuse_unread_in_file(name, chosen, given)
    quiet_lightning()
    # Several processes would start the notebook's own program again.
    machine = find_machine(chosen.batch_cells, processes=1)
    outcome = train_by(chosen, folder, resume=resume, progress=False, machine=machine, workers=workers)
    return Trained(find_model(str(outcome.model)), outcome.metrics)
