"""What each classifier answers: by code, by program (a verifier, or one that a search finds), by grids.

Each is imported when it is asked: some need torch, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arc_affinity.taxonomy.categories import AMBIGUOUS
from arc_affinity.taxonomy.validation import Answer, Answered
from arc_affinity.types import Task

SHOWN_PRIMITIVES = 5
"""Primitives that a reason names, those that speak most for the category."""

SHOWN_TEXT = 160
"""Characters of a found program that a reason shows."""

NOT_FOUND = "not found"
"""The rule of a task that no program was found for."""


def by_code(ids: Iterable[str]) -> Answered:
    """Return what the rules over re-arc's generators say of the tasks with these ids."""
    from arc_affinity.taxonomy.by_code.rules import classify

    return Answered({task_id: classify(task_id) for task_id in ids})


def by_program(ids: Iterable[str]) -> Answered:
    """Return the kind that most primitives of each re-arc task's verifier are of."""
    from arc_affinity.taxonomy.by_program.verifiers import profile, telling

    profiles = {task_id: profile(task_id) for task_id in ids}
    said = {
        task_id: Answer(
            found.primary or AMBIGUOUS,
            None,
            "largest share of primitives",
            " ".join(telling(found, found.primary)[:SHOWN_PRIMITIVES]) if found.primary else "",
            found.kinds[found.primary] if found.primary else 0.0,
        )
        for task_id, found in profiles.items()
    }
    names = ("length", "depth", "nesting", "level", "loops", "folds", "keeps_size")
    details = {
        task_id: {
            **{name: getattr(found, name) for name in names},
            "kinds": _rounded(found.kinds),
            "primitives": dict(sorted(found.primitives.items())),
        }
        for task_id, found in profiles.items()
    }
    return Answered(said, details)


def by_search(tasks: Iterable[Task], seconds: float) -> Answered:
    """Return the kind that most steps of the program are of that a search of ``seconds`` finds for each task."""
    from arc_affinity.search.solve import found_program
    from arc_affinity.taxonomy.by_program.found import kinds_of

    said: dict[str, Answer] = {}
    details: dict[str, Mapping[str, object]] = {}
    for task in tasks:
        task_id, program = task.id, found_program(task, seconds)
        if program.text is None:
            said[task_id] = Answer(AMBIGUOUS, None, NOT_FOUND, program.reason, 0.0)
            continue
        used = kinds_of(program.text)
        share = used.kinds[used.primary] if used.primary else 0.0
        shown = program.text if len(program.text) <= SHOWN_TEXT else f"{program.text[: SHOWN_TEXT - 1]}…"
        said[task_id] = Answer(used.primary or AMBIGUOUS, None, "largest share of steps", shown, share)
        details[task_id] = {"program": program.text, "cost": program.cost, "kinds": _rounded(used.kinds)}
    return Answered(said, details)


def by_grids(tasks: Iterable[Task]) -> Answered:
    """Return what the networks say that look at the demonstrations of each task."""
    from arc_affinity.taxonomy.by_grids.classifier import classify_all

    said: dict[str, Answer] = {}
    details: dict[str, Mapping[str, object]] = {}
    for task_id, guess in classify_all(tasks).items():
        likeliest = sorted(guess.probabilities.items(), key=lambda each: -each[1])[:2]
        shown = ", ".join(f"{code} {probability:.2f}" for code, probability in likeliest)
        said[task_id] = Answer(guess.category, None, "grids", f"{shown}: {guess.reason}", guess.confidence)
        details[task_id] = {"best": guess.best, "probabilities": _rounded(guess.probabilities)}
    return Answered(said, details)


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {code: round(share, 4) for code, share in shares.items()}
