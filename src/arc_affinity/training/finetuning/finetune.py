"""Fine-tuning: a trained model and a task's examples in, a specialist and an honest before and after out."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from arc_affinity.models.adapters.files import adapted_digest
from arc_affinity.models.adapters.lora import Adapter, Factors, LoraLinear, laid_over, merge
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import LoadedModel, digest, refuse_adapted
from arc_affinity.models.storage.names import ZOO, bundled_models
from arc_affinity.training.finetuning.config import FineTuneConfig
from arc_affinity.training.finetuning.context_only import best_demonstrations
from arc_affinity.training.finetuning.held_out import Scores, Scoring
from arc_affinity.training.finetuning.loader import TaskLoader, views_of
from arc_affinity.training.finetuning.split import TaskSplit
from arc_affinity.training.finetuning.task_trainer import TaskTrainer, Trained

FROZEN_IN_FULL = "context_encoder."
"""Left alone by the method "full": it tells tasks apart, and here there is one; its backward pass costs a quarter."""


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned task: what came of it, by protocol, before and after; seconds of the clock.

    ``adapter`` is there for the method lora, ``model`` for full, neither for context-only, whose ``trained`` has no
    curve. ``digest`` is of the weights that answered in the end.
    """

    split: TaskSplit
    trained: Trained
    base: Scores
    final: Scores
    digest: str
    scoring_seconds: float
    adapter: Adapter | None = None
    model: EncoderDecoder | None = None

    @property
    def examples_seen(self) -> int:
        """Examples trained on, repetitions counted."""
        return self.trained.curve[-1].examples if self.trained.curve else 0


def fine_tune(
    loaded: LoadedModel, split: TaskSplit, config: FineTuneConfig | None = None, scoring: Scoring | None = None
) -> FineTuned:
    """Adapt ``loaded`` to one task and score it on the test part before and after; ``loaded`` stays as it is.

    Args:
        loaded: the model to start from.
        split: the task's examples.
        config: how; lora's settings unless given.
        scoring: which protocols to score by; all three unless given.

    Raises:
        ArcAffinityError: ``loaded`` has an adapter already, a layer's pattern or rank does not fit, or training gave no
            finite numbers.
    """
    refuse_adapted(loaded)
    config, scoring = config or FineTuneConfig(), scoring or Scoring()
    pairs = loaded.model.config.context_pairs
    specialist, adapter, shown = loaded, None, None
    if config.method == "lora":
        with laid_over(loaded.model, config.lora, config.seed) as layers:
            parameters = [matrix for layer in layers.values() for matrix in (layer.A, layer.B)]
            trained = TaskTrainer(loaded.model, parameters, TaskLoader(split, config, pairs)).train()
            adapter = Adapter(config.lora, _copied(layers), _findable(loaded), loaded.digest)
        changed = copy.deepcopy(loaded.model)
        merge(changed, adapter)
        specialist = replace(loaded, model=changed, digest=adapted_digest(loaded.digest, adapter))
    elif config.method == "full":
        trained, changed = _train_whole(loaded.model, TaskLoader(split, config, pairs))
        specialist = replace(loaded, model=changed, digest=digest(changed))
    else:
        begun = time.monotonic()
        shown = best_demonstrations(loaded.model, split, pairs, config.seed)
        trained = Trained((), 0, False, time.monotonic() - begun)
    # Only now is the test part looked at.
    begun = time.monotonic()
    views = views_of(split, config)[: config.votes]
    examples = split.test_examples(pairs, scoring.seed)
    base = scoring.run(loaded, split, examples, views)
    if shown is not None:
        examples = [replace(example, demonstrations=shown) for example in examples]
    final = scoring.run(specialist, split, examples, views, config.method)
    model = specialist.model if config.method == "full" else None
    return FineTuned(split, trained, base, final, specialist.digest, time.monotonic() - begun, adapter, model)


def _train_whole(base: EncoderDecoder, loader: TaskLoader) -> tuple[Trained, EncoderDecoder]:
    """Train a copy of ``base``, all but its context encoder."""
    model = copy.deepcopy(base)
    frozen: Sequence[nn.Parameter] = [p for name, p in model.named_parameters() if name.startswith(FROZEN_IN_FULL)]
    for parameter in frozen:
        parameter.requires_grad_(False)
    trained = TaskTrainer(model, [p for p in model.parameters() if p.requires_grad], loader).train()
    for parameter in frozen:
        parameter.requires_grad_(True)
    return trained, model


def _copied(layers: dict[str, LoraLinear]) -> dict[str, Factors]:
    """The matrices of an adapter as they are now."""
    return {
        name: Factors(layer.A.detach().cpu().clone(), layer.B.detach().cpu().clone()) for name, layer in layers.items()
    }


def _findable(loaded: LoadedModel) -> str:
    """What `find_model` finds the model by again from anywhere: its name if it came with the package, or its place."""
    bundled = loaded.name in bundled_models() and loaded.source == ZOO / loaded.name
    return loaded.name if bundled else str(loaded.source.resolve())
