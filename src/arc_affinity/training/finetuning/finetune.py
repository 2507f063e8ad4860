"""Fine-tuning: a trained model and a task's examples in, a specialist and an honest before and after out."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from arc_affinity.data.symmetry.augment import Augmentation
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.files import adapted_digest
from arc_affinity.models.adapters.lora import Adapter, merge
from arc_affinity.models.adapters.lora_stack import LoraStack
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import LoadedModel, digest
from arc_affinity.models.storage.names import ZOO, bundled_models
from arc_affinity.training.finetuning.context_only import best_demonstrations
from arc_affinity.training.finetuning.course import Course, Learner, Point, train
from arc_affinity.training.finetuning.held_out import Scores, Scoring, show_instead
from arc_affinity.training.finetuning.tuning import Feed, Parts, Tuning, divide, views_of
from arc_affinity.types import Pair

FROZEN_IN_FULL = "context_encoder."
"""Left alone by the method "full": it tells tasks apart, and here there is one; its backward pass costs a quarter."""


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned task: what came of it, by protocol, before and after; seconds of the clock.

    ``adapter`` is there for the method lora, ``model`` for full, neither for context-only. ``seconds`` are those of
    training; of tasks trained together, each has its share by the tokens it was trained on. ``digest`` is of the
    weights that answered in the end.
    """

    parts: Parts
    base: Scores
    final: Scores
    digest: str
    seconds: float
    scoring_seconds: float
    curve: tuple[Point, ...] = ()
    best_epoch: int = 0
    stopped_early: bool = False
    adapter: Adapter | None = None
    model: EncoderDecoder | None = None

    @property
    def examples_seen(self) -> int:
        """Examples trained on, repetitions counted."""
        return self.curve[-1].examples if self.curve else 0


class TaskFineTuner:
    """Adapts a model to single tasks; the model itself stays as it is.

    Args:
        loaded: the model to start from.
        tuning: how.
        scoring: which protocols to score by, before and after.
    """

    def __init__(self, loaded: LoadedModel, tuning: Tuning | None = None, scoring: Scoring | None = None) -> None:
        self.loaded, self.tuning = loaded, tuning or Tuning()
        self.scoring = scoring or Scoring()
        self.pairs = loaded.model.config.context_pairs

    def prepare(self, task_id: str, pairs: Sequence[Pair], dataset: str = "examples") -> Parts:
        """Divide a task's examples into training, validation and test parts.

        Queries are shown other training pairs of the task as demonstrations, never themselves.

        Raises:
            ArcAffinityError: there are too few pairs.
        """
        return divide(task_id, pairs, self.tuning, dataset)

    def fine_tune(self, parts: Parts) -> Tuned:
        """Fine-tune one task.

        Raises:
            ArcAffinityError: a layer's pattern or rank does not fit, or training gave no finite numbers.
        """
        return self.fine_tune_together([parts])[0]

    def fine_tune_together(self, many: Sequence[Parts]) -> list[Tuned]:
        """Fine-tune several tasks at once, with the numbers of one after the other within float error.

        Raises:
            ArcAffinityError: as `fine_tune`; or the method is not lora, and there are several.
        """
        if self.tuning.method == "context-only":
            return [self._show_better(parts) for parts in many]
        if self.tuning.method == "lora":
            return self._tune_adapters(many)
        if len(many) > 1:
            raise ArcAffinityError("several tasks are trained together by the method lora alone")
        return [self._tune_whole(many[0])]

    def _tune_adapters(self, many: Sequence[Parts]) -> list[Tuned]:
        feeds = [Feed(parts, self.tuning, self.pairs) for parts in many]
        model = self.loaded.model
        with LoraStack(model, self.tuning.lora, [self.tuning.seed] * len(many)) as stack:
            learner = Learner(model, [list(stack.parameters(k)) for k in range(len(many))], stack.serve)
            courses = train(learner, feeds)
            adapters = [stack.adapter(k, _findable(self.loaded), self.loaded.digest) for k in range(len(many))]
        return [self._with_adapter(course, adapter) for course, adapter in zip(courses, adapters, strict=True)]

    def _with_adapter(self, course: Course, adapter: Adapter) -> Tuned:
        specialist = copy.deepcopy(self.loaded.model)
        merge(specialist, adapter)
        mine = replace(self.loaded, model=specialist, digest=adapted_digest(self.loaded.digest, adapter))
        return replace(self._finish(course, mine), adapter=adapter)

    def _tune_whole(self, parts: Parts) -> Tuned:
        model = copy.deepcopy(self.loaded.model)
        group = [p for name, p in model.named_parameters() if not name.startswith(FROZEN_IN_FULL)]
        frozen = [p for name, p in model.named_parameters() if name.startswith(FROZEN_IN_FULL)]
        for parameter in frozen:
            parameter.requires_grad_(False)
        (course,) = train(Learner(model, [group], lambda _rows: None), [Feed(parts, self.tuning, self.pairs)])
        for parameter in frozen:
            parameter.requires_grad_(True)
        mine = replace(self.loaded, model=model, digest=digest(model))
        return replace(self._finish(course, mine), model=model)

    def _finish(self, course: Course, specialist: LoadedModel) -> Tuned:
        """Score base and specialist on the test part, which nothing before has looked at."""
        parts, views = course.feed.parts, course.feed.views[: self.tuning.votes]
        begun = time.monotonic()
        base = self._score(self.loaded, parts, views)
        final = self._score(specialist, parts, views, self.tuning.method)
        return Tuned(
            parts,
            base,
            final,
            specialist.digest,
            course.seconds,
            time.monotonic() - begun,
            tuple(course.curve),
            course.best_epoch,
            course.stopped_early,
        )

    def _show_better(self, parts: Parts) -> Tuned:
        begun = time.monotonic()
        shown = best_demonstrations(self.loaded.model, parts, self.pairs, self.tuning.seed)
        chosen = time.monotonic()
        views = views_of(parts, self.tuning)[: self.tuning.votes]
        base = self._score(self.loaded, parts, views)
        questions = show_instead(parts.questions(self.pairs, self.scoring.seed), shown)
        final = self.scoring.run(self.loaded, parts, questions, views, "context-only")
        return Tuned(parts, base, final, self.loaded.digest, chosen - begun, time.monotonic() - chosen)

    def _score(
        self, loaded: LoadedModel, parts: Parts, views: Sequence[Augmentation], method: str | None = None
    ) -> Scores:
        questions = parts.questions(self.pairs, self.scoring.seed)
        return self.scoring.run(loaded, parts, questions, views, method)


def _findable(loaded: LoadedModel) -> str:
    """What `find_model` finds the model by again from anywhere: its name if it came with the package, or its place."""
    bundled = loaded.name in bundled_models() and loaded.source == ZOO / loaded.name
    return loaded.name if bundled else str(loaded.source.resolve())
