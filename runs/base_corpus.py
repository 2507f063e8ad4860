"""What the bundled base of `solve` is trained on: every public task that nobody will be asked about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.data.symmetry.canonical import pair_key
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver
from arc_affinity.training.joint.adapting import with_new_tasks
from arc_affinity.training.joint.corpus import Corpus, Lesson, length_of, whole_lesson
from arc_affinity.types import Pair

TRAINED_ON = ("arc-agi-1/training", "concept-arc", "concept-arc/minimal", "arc-agi-2/training")
ASKED = ("arc-agi-1/evaluation", "arc-agi-2/evaluation")


@dataclass(frozen=True)
class BaseCorpus:
    """The corpus, and how many lessons were left out since a pair of theirs is of an asked or kept-out task, or since
    an earlier lesson has it."""

    corpus: Corpus
    leaks: int
    repeats: int


def base_corpus(
    data_dir: Path | None, examples: ExampleStore | None, *, longest: int, drawn: int, seed: int
) -> BaseCorpus:
    """Return the lessons of the datasets `TRAINED_ON`, with generated ``examples`` of the same rules.

    No pair of an evaluation task (`ASKED`, demonstrations included) or of a task kept out for choosing is among them,
    up to views and colours. Generated examples are from a re-arc store, ``drawn`` pairs of each task in a pass; pairs
    of more than ``longest`` tokens are left out. ``seed`` is of all draws.

    Raises:
        ArcAffinityError: a dataset is not here.
    """
    training = load_tasks("arc-agi-1/training")
    kept = set(kept_out_tasks(training))
    asked = [task for name in ASKED for task in load_tasks(name, data_dir)]
    kept_out = [task for task in training if task.id in kept]
    # A test pair whose output is withheld has a key of its input alone.
    forbidden = frozenset(pair_key(pair) for task in (*asked, *kept_out) for pair in (*task.train, *task.test))
    lessons: list[Lesson] = []
    leaks = repeats = 0
    seen: set[bytes] = set()
    for name in TRAINED_ON:
        generated: dict[str, Sequence[Pair]] = {}
        if name == TRAINED_ON[0] and examples is not None:
            generated = {task: [examples.pair(i) for i in examples.indices(task)] for task in examples.tasks}
        found = [whole_lesson(task, generated.get(task.id, ())) for task in load_tasks(name, data_dir)]
        clean, leaked = without_leaks(found, forbidden)
        fresh, known = without_leaks(clean, frozenset(seen))
        leaks, repeats = leaks + len(leaked), repeats + len(known)
        seen |= {pair_key(pair) for lesson in fresh for pair in lesson.pairs}
        lessons += [replace(lesson, task_id=f"{name}/{lesson.task_id}") for lesson in fresh]
    # Without their long pairs, so that draws are not wasted on them.
    short = [replace(each, pairs=_short(each.pairs, longest), more=_short(each.more, longest)) for each in lessons]
    return BaseCorpus(Corpus(tuple(each for each in short if each.pairs), drawn, longest, seed), leaks, repeats)


def with_tasks(base: LoadedSolver, task_ids: Sequence[str]) -> PairTransformer:
    """Return a copy of ``base`` for the tasks ``task_ids``: those that it knows keep their vectors, the others begin
    at the mean."""
    model = with_new_tasks(base.model, len(task_ids))
    at = {task_id: number for number, task_id in enumerate(base.task_ids)}
    with torch.no_grad():
        for number, task_id in enumerate(task_ids):
            if task_id in at:
                model.tasks.weight[number] = base.model.tasks.weight[at[task_id]]
    return model


def without_leaks(lessons: Sequence[Lesson], forbidden: frozenset[bytes]) -> tuple[list[Lesson], list[str]]:
    """Return the lessons none of whose pairs is ``forbidden``, and the ids of the others.

    ``forbidden`` has keys of `data.symmetry.canonical`. A whole lesson goes for one pair: the rest of it follows the
    same rule. Pairs are compared up to views and colours, by input and output together, and by the input alone for keys
    of withheld outputs.
    """
    kept: list[Lesson] = []
    dropped: list[str] = []
    for lesson in lessons:
        keys = {pair_key(each) for pair in lesson.pairs for each in (pair, Pair(pair.input, None))}
        if keys & forbidden:
            dropped.append(lesson.task_id)
        else:
            kept.append(lesson)
    return kept, dropped


def _short(pairs: Iterable[Pair], longest: int) -> tuple[Pair, ...]:
    return tuple(pair for pair in pairs if length_of(pair) <= longest)
