"""The three classifiers behind ``classify``, each imported when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arc_affinity.cli.output.bars import Bar
from arc_affinity.data.datasets.choosing import choose_ids, task_named
from arc_affinity.data.datasets.registry import RE_ARC, load_tasks
from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.taxonomy.validation import Agreement, Answer, compare, read_labels
from arc_affinity.types import Task

SHOWN_PRIMITIVES = 5
"""Primitives that a reason names, those told of most."""

SHOWN_TEXT = 160
"""Characters of a found program that a reason shows."""

SECONDS = 3.0
"""How long a task is searched if nothing else is said."""

NOT_FOUND = "not found"
"""The rule of a task that no program was found for."""


@dataclass(frozen=True)
class Answered:
    """Answers by task id, what else each classifier says of a task, and the comparison with labels."""

    answers: Mapping[str, Answer]
    details: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    agreement: Agreement | None = None


def answers(
    by: str,
    tasks: Sequence[str],
    dataset: str | None,
    labels: Path | None,
    data_dir: Path | None,
    seconds: float = SECONDS,
) -> Answered:
    """Return what one classifier says: of ``tasks``, else of those that ``labels`` names, else of all.

    ``seconds`` are what a task is searched for, where programs are to be found.

    Raises:
        ArcAffinityError: an unknown task or dataset, bad labels, a dataset that has no code, or no time to search.
    """
    if not seconds > 0:
        raise ArcAffinityError(f"a task must be searched for more than 0 seconds, not {seconds:g}")
    if by == "grids":
        return _by_grids(_tasks(tasks, dataset, labels, data_dir))
    if by == "program" and searches(tasks, dataset):
        return _by_found(_tasks(tasks, dataset, labels, data_dir), seconds)
    if dataset not in (None, RE_ARC):
        raise ArcAffinityError(f"only {RE_ARC} has generators; classify {dataset} by program or grids")
    return (_by_code if by == "code" else _by_program)(tasks, labels)


def searches(tasks: Sequence[str], dataset: str | None) -> bool:
    """Return whether more than re-arc's code is asked for: where a dataset is named, or a file, or a task re-arc lacks.

    A misspelt id of re-arc's is looked for among all tasks, which tells what it resembles.
    """
    from arc_affinity.data.generation.rearc import task_ids

    if dataset is not None:
        return dataset != RE_ARC
    known = frozenset(task_ids())
    return any(task not in known for task in tasks)


def default_dataset(by: str, tasks: Sequence[str]) -> str | None:
    """Return where the tasks of a classifier are looked for if no dataset is named; None for everywhere."""
    anywhere = by == "grids" or (by == "program" and searches(tasks, None))
    return None if anywhere else "arc-agi-1/training"


def _by_code(tasks: Sequence[str], labels: Path | None) -> Answered:
    from arc_affinity.data.generation.rearc import task_ids
    from arc_affinity.taxonomy.by_code.rules import classify

    wanted, known = _wanted(tasks, labels, task_ids())
    said = {task: classify(task).answer for task in wanted}
    return Answered(said, {}, compare(known, said) if known else None)


def _by_program(tasks: Sequence[str], labels: Path | None) -> Answered:
    from arc_affinity.data.generation.rearc import task_ids
    from arc_affinity.taxonomy.by_program.verifiers import Profile, profile, telling

    def answer(found: Profile) -> Answer:
        category = found.primary or AMBIGUOUS
        share = found.kinds[found.primary] if found.primary else 0.0
        reason = " ".join(telling(found, found.primary)[:SHOWN_PRIMITIVES]) if found.primary else ""
        return Answer(category, None, "largest share of primitives", reason, share)

    wanted, known = _wanted(tasks, labels, task_ids())
    profiles = {task: profile(task) for task in wanted}
    said = {task: answer(found) for task, found in profiles.items()}
    details = {
        task: {
            "length": p.length,
            "depth": p.depth,
            "nesting": p.nesting,
            "level": p.level,
            "loops": p.loops,
            "folds": p.folds,
            "keeps_size": p.keeps_size,
            "kinds": {code: round(share, 4) for code, share in p.kinds.items()},
            "primitives": dict(sorted(p.primitives.items())),
        }
        for task, p in profiles.items()
    }
    return Answered(said, details, compare(known, said) if known else None)


@dataclass(frozen=True)
class _Chosen:
    """Tasks to look at, and their labels if there are any."""

    tasks: Sequence[Task]
    labels: Mapping[str, str]


def _tasks(tasks: Sequence[str], dataset: str | None, labels: Path | None, data_dir: Path | None) -> _Chosen:
    """The tasks named, else those with a label, else all of the dataset."""
    if tasks:
        found = [task_named(task, dataset, data_dir) for task in tasks]
    else:
        found = list(load_tasks(dataset or RE_ARC, data_dir))
    known = read_labels(labels, [task.id for task in found]) if labels is not None else {}
    return _Chosen([task for task in found if not known or task.id in known], known)


def _by_found(chosen: _Chosen, seconds: float) -> Answered:
    from arc_affinity.search.trusted import found_programs
    from arc_affinity.taxonomy.by_program.found import kinds_of

    said: dict[str, Answer] = {}
    details: dict[str, Mapping[str, object]] = {}
    for task_id, program in found_programs(_with_bar(chosen.tasks), seconds).items():
        if program.text is None:
            said[task_id] = Answer(AMBIGUOUS, None, NOT_FOUND, program.reason, 0.0)
            continue
        used = kinds_of(program.text)
        share = used.kinds[used.primary] if used.primary else 0.0
        shown = program.text if len(program.text) <= SHOWN_TEXT else f"{program.text[: SHOWN_TEXT - 1]}…"
        said[task_id] = Answer(used.primary or AMBIGUOUS, None, "largest share of steps", shown, share)
        details[task_id] = {
            "program": program.text,
            "cost": program.cost,
            "kinds": {code: round(part, 4) for code, part in used.kinds.items()},
        }
    return Answered(said, details, compare(chosen.labels, said) if chosen.labels else None)


def _by_grids(given: _Chosen) -> Answered:
    chosen, known = given.tasks, given.labels

    from arc_affinity.taxonomy.by_grids.classifier import classify_all

    guesses = classify_all(_with_bar(chosen))
    said = {}
    for task_id, guess in guesses.items():
        chances = sorted(guess.probabilities.items(), key=lambda each: -each[1])[:2]
        told = ", ".join(f"{code} {chance:.2f}" for code, chance in chances)
        said[task_id] = Answer(guess.category, None, "grids", f"{told}: {guess.reason}", guess.confidence)
    details = {
        task_id: {"best": guess.best, "probabilities": {c: round(p, 4) for c, p in guess.probabilities.items()}}
        for task_id, guess in guesses.items()
    }
    return Answered(said, details, compare(known, said) if known else None)


def _wanted(tasks: Sequence[str], labels: Path | None, ids: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]]:
    """Tasks to classify, and their labels if there are any."""
    if labels is not None:
        known = read_labels(labels, ids)
        return list(known), known
    return choose_ids(ids, tasks), {}


def _with_bar(tasks: Sequence[Task]) -> Iterator[Task]:
    """The tasks, told on stderr how far they are."""
    yield from Bar("Classifying", len(tasks), "tasks").over(tasks)
