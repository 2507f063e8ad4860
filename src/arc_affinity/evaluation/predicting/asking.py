"""What a model is asked, and how: examples as questions, the demonstrations that are shown, the views."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle
from typing import Annotated

from msgspec import Meta

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.augment import Augmentation, views
from arc_affinity.documents import Seed, fit
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Try
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.types import Example, Task


@dataclass(frozen=True)
class Asking:
    """How a model is questioned.

    ``attempts`` a question; ``views`` of it that are decoded and vote; ``seed`` of the views and of the draws of
    demonstrations; ``batch_cells`` tokens a batch, ``batch_examples`` examples.

    Raises:
        ArcAffinityError: attempts, views or seed are no whole number, or out of range.
    """

    protocol: Protocol = Protocol.ARC_PRIZE
    attempts: int = 2
    views: int = 1
    seed: int = 0
    batch_cells: int = 32_768
    batch_examples: int = 64

    def __post_init__(self) -> None:
        for name, kind in (("attempts", Try), ("views", Annotated[int, Meta(ge=1)]), ("seed", Seed)):
            fit(getattr(self, name), kind, name)

    def seen(self) -> list[Augmentation]:
        """Return the views, symmetries and colours of the grids; the identity first.

        Raises:
            ArcAffinityError: there are not so many.
        """
        return list(views(self.views, self.seed))


Question = tuple[Example, ...]
"""One query under each view, the identity first, and each with a draw of demonstrations of its own."""


def questions_of_tasks(
    tasks: Iterable[Task],
    pairs: int,
    asking: Asking,
    policy: context.AskedContext = "drawn",
    chosen: Collection[str] | None = None,
) -> list[Question]:
    """Return one question for each test input of ``tasks``, or of the ``chosen`` ones; which are chosen changes none.

    Raises:
        ArcAffinityError: there are not so many views, or no other task whose demonstrations could be shown.
    """
    looked_at = _looked_at(policy, chosen)
    return _questions(
        (
            [context.from_task(task, i, pairs=pairs, seed=asking.seed, round=r) for r in range(asking.views)]
            for task in tasks
            if looked_at is None or task.id in looked_at
            for i in range(len(task.test))
        ),
        asking,
        policy,
        chosen,
    )


def questions_of_store(
    store: ExampleStore,
    pairs: int,
    asking: Asking,
    policy: context.AskedContext = "drawn",
    chosen: Collection[str] | None = None,
) -> list[Question]:
    """Return one question for each example of ``store``, shown other examples of its task, or of another.

    Raises:
        ArcAffinityError: as in `questions_of_tasks`.
    """
    own: context.ContextPolicy = "first" if policy == "first" else "drawn"
    looked_at = _looked_at(policy, chosen)
    return _questions(
        (
            [
                context.from_store(store, i, pairs=pairs, seed=asking.seed, epoch=r, policy=own)
                for r in range(asking.views)
            ]
            for task_id in store.tasks
            if looked_at is None or task_id in looked_at
            for i in store.indices(task_id)
        ),
        asking,
        policy,
        chosen,
    )


def _looked_at(policy: context.AskedContext, chosen: Collection[str] | None) -> Collection[str] | None:
    """The tasks whose demonstrations are looked at; None for all, as other tasks' may be those of any."""
    return None if policy == "others" or chosen is None else frozenset(chosen)


def _questions(
    asked: Iterable[Sequence[Example]],
    asking: Asking,
    policy: context.AskedContext,
    chosen: Collection[str] | None,
) -> list[Question]:
    """Each example of a chosen task, drawn as often as there are views, under one after the other."""
    seen, each = asking.seen(), list(asked)
    if policy == "others":
        each = _shown_others(each, asking.seed)
    if policy == "others" and chosen is not None:
        # The others were drawn for what they show alone.
        wanted = frozenset(chosen)
        each = [draws for draws in each if draws[0].task_id in wanted]
    return [tuple(view.apply_example(e) for view, e in zip(seen, draws, strict=True)) for draws in each]


def _shown_others(asked: Sequence[Sequence[Example]], seed: int) -> list[Sequence[Example]]:
    """The same questions; those of a task are shown, one after the other, what another task's were shown."""
    by_task: dict[str, list[Sequence[Example]]] = {}
    for draws in asked:
        by_task.setdefault(draws[0].task_id, []).append(draws)
    stranger = context.strangers(list(by_task), seed)
    found: list[Sequence[Example]] = []
    for task_id, questions in by_task.items():
        others = cycle(by_task[stranger[task_id]])
        found += [
            [replace(own, demonstrations=other.demonstrations) for own, other in zip(*pair, strict=True)]
            for pair in zip(questions, others, strict=False)
        ]
    return found


def check_answerable(questions: Iterable[Question], protocol: Protocol) -> None:
    """Make sure that ``protocol`` can be followed.

    Raises:
        ArcAffinityError: it tells the model something of an answer that is withheld.
    """
    if protocol is Protocol.ARC_PRIZE:
        return
    for question in questions:
        if question[0].query.output is None:
            where = f"task {question[0].task_id} output {question[0].index}"
            raise ArcAffinityError(f"{where} has no true output, which protocol {protocol} needs")


def digest(questions: Iterable[Question]) -> str:
    """Return the first 12 hex digits of the SHA-256 of all that ``questions`` ask and show."""
    state = hashlib.sha256()
    for example in chain.from_iterable(questions):
        state.update(f"{example.task_id} {example.index}".encode())
        for pair in (example.query, *example.demonstrations):
            for grid in (pair.input, pair.output):
                state.update(b"withheld" if grid is None else bytes(grid.shape) + grid.tobytes())
    return state.hexdigest()[:12]


PER_VIEW = 2
"""Answers of one view that vote, where there are several views; with more a view would vote for what it disbelieves."""


def answers_to(questions: Collection[Question], asking: Asking) -> int:
    """Return how many answers are written to questions: of each view its own, before they vote."""
    each = 1 if asking.protocol is Protocol.TEACHER_FORCED else asking.views * per_view(asking)
    return len(questions) * each


def per_view(asking: Asking) -> int:
    """Return how many answers are written under each view."""
    return asking.attempts if asking.views == 1 else min(PER_VIEW, asking.attempts)
