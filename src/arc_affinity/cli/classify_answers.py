"""The three classifiers behind ``classify``, each imported when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import track

from arc_affinity.cli.terminal import Console
from arc_affinity.data.arc import RE_ARC, find_task, load_tasks
from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.taxonomy.validation import Agreement, Answer, compare, read_labels
from arc_affinity.types import Task

SHOWN_PRIMITIVES = 5
"""Primitives that a reason names, those told of most."""


@dataclass(frozen=True)
class Answered:
    """Answers by task id, what else each classifier says of a task, and the comparison with labels."""

    answers: Mapping[str, Answer]
    details: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    agreement: Agreement | None = None


def answers(by: str, tasks: Sequence[str], dataset: str | None, labels: Path | None, data_dir: Path | None) -> Answered:
    """Return what one classifier says: of ``tasks``, else of those that ``labels`` names, else of all.

    Raises:
        ArcAffinityError: an unknown task or dataset, bad labels, or a dataset that has no code.
    """
    if by == "grids":
        found = _by_grids(tasks, dataset, labels, data_dir)
    else:
        if dataset not in (None, RE_ARC):
            raise ArcAffinityError(f"only {RE_ARC} has programs; classify {dataset} by grids")
        found = (_by_code if by == "code" else _by_program)(tasks, labels)
    return found


def default_dataset(by: str) -> str | None:
    """Return where the tasks of a classifier are looked for if no dataset is named; for grids, everywhere."""
    return None if by == "grids" else "arc-agi-1/training"


def _by_code(tasks: Sequence[str], labels: Path | None) -> Answered:
    from arc_affinity.data.rearc import task_ids
    from arc_affinity.taxonomy.code import classify

    wanted, known = _wanted(tasks, labels, task_ids())
    decided = {task: classify(task) for task in wanted}
    said = {t: Answer(d.category, d.subtype, d.rule, d.evidence, d.confidence) for t, d in decided.items()}
    return Answered(said, {}, compare(known, said) if known else None)


def _by_program(tasks: Sequence[str], labels: Path | None) -> Answered:
    from arc_affinity.data.rearc import task_ids
    from arc_affinity.taxonomy.program import Profile, profile, telling

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


def _by_grids(tasks: Sequence[str], dataset: str | None, labels: Path | None, data_dir: Path | None) -> Answered:
    if tasks:
        found = [_find(task, dataset, data_dir) for task in tasks]
    else:
        found = list(load_tasks(dataset or RE_ARC, data_dir))
    known = read_labels(labels, [task.id for task in found]) if labels is not None else {}
    chosen = [task for task in found if not known or task.id in known]

    from arc_affinity.taxonomy.visual import classify_all

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
    for task in tasks:
        if task not in ids:
            raise unknown("task", task, ids)
    return tasks or ids, {}


def _find(task: str, dataset: str | None, data_dir: Path | None) -> Task:
    """The task that an id or the path of its file stands for."""
    if dataset is not None or not Path(task).is_file():
        return find_task(task, dataset, data_dir)
    held = load_tasks(task)
    if len(held) != 1:
        raise ArcAffinityError(f"{task} holds {len(held)} tasks; give --all --dataset {task}")
    return held[0]


def _with_bar(tasks: Sequence[Task]) -> Iterator[Task]:
    """The tasks, with a bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    yield from track(tasks, "Classifying", console=console, disable=not console.is_terminal)
