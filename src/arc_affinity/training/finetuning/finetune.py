"""Fine-tuning: a trained model and a task's examples in, a specialist and an honest before and after out."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, replace

from arc_affinity.models.adapters.files import adapted_digest
from arc_affinity.models.adapters.lora import Adapter, Factors, laid_over, merge
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

    ``adapter`` is there for the method lora, ``model`` for full. For context-only neither is, as the base itself
    answered, ``trained`` has no curve, and ``demonstrations`` are the places in ``split.train`` of those it was shown.
    ``digest`` is of the weights that answered in the end.
    """

    split: TaskSplit
    trained: Trained
    base: Scores
    final: Scores
    digest: str
    scoring_seconds: float
    adapter: Adapter | None = None
    model: EncoderDecoder | None = None
    demonstrations: tuple[int, ...] | None = None

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
            factors = {
                name: Factors(layer.A.detach().cpu().clone(), layer.B.detach().cpu().clone())
                for name, layer in layers.items()
            }
            # What `find_model` finds the base by again from anywhere: the name of a bundled one, or else its place.
            bundled = loaded.name in bundled_models() and loaded.source == ZOO / loaded.name
            base_name = loaded.name if bundled else str(loaded.source.resolve())
            adapter = Adapter(config.lora, factors, base_name, loaded.digest)
        changed = copy.deepcopy(loaded.model)
        merge(changed, adapter)
        specialist = replace(loaded, model=changed, digest=adapted_digest(loaded.digest, adapter))
    elif config.method == "full":
        changed = copy.deepcopy(loaded.model)
        frozen = [p for name, p in changed.named_parameters() if name.startswith(FROZEN_IN_FULL)]
        for parameter in frozen:
            parameter.requires_grad_(False)
        parameters = [p for p in changed.parameters() if p.requires_grad]
        trained = TaskTrainer(changed, parameters, TaskLoader(split, config, pairs)).train()
        for parameter in frozen:
            parameter.requires_grad_(True)
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
        chosen = tuple(split.train[place] for place in shown)
        examples = [replace(example, demonstrations=chosen) for example in examples]
    final = scoring.run(specialist, split, examples, views, config.method)
    model = specialist.model if config.method == "full" else None
    seconds = time.monotonic() - begun
    return FineTuned(split, trained, base, final, specialist.digest, seconds, adapter, model, shown)
