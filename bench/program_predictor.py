"""How well do programs tell what a specialist will solve? Spearman on 392 tasks of ViTARC, cross-validated.

    python bench/program_predictor.py VITARC_CSV

VITARC_CSV is the published table of specialists (vitarc_400.csv); solve rates are its third column, without its first
8 rows, which hold differences. Categories are the published labels, so tasks published as ambiguous are left out where
categories are asked. Every model is fitted on 9 tenths of the tasks and asked about the last, for 5 shuffles; a model
sees ranks of its own training tasks only. Intervals are percentiles over 2,000 resamplings of the tasks. Models and
features were chosen on half of the tasks (`CHOSEN_ON`); the column "other half" is Spearman over the rest alone. The
predictor that counts is `PREDICTOR`; of programs that solve a task alone, `SOLVER_ALONE`.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.model_selection import KFold

from arc_affinity.data.generation.rearc import generator_source, task_ids
from arc_affinity.paper.audit.vitarc import AS_VERY_LOW
from arc_affinity.paper.published import published_reference
from arc_affinity.taxonomy.by_code.rules import classify_all
from arc_affinity.taxonomy.by_program.verifiers import Profile, primitives, profile
from arc_affinity.taxonomy.categories import BY_CODE, CODES, Affinity
from arc_affinity.taxonomy.listing import Listing

WRONG_ROWS = 8
SEEDS = range(5)
FOLDS = 10
RESAMPLINGS = 2_000
PREDICTOR = "trees on counts of verifier and generator"
SOLVER_ALONE = "trees on counts and numbers of the profile"
CHOSEN_ON = 4
"""Seed of the shuffle whose first half the models were chosen on."""

Vector = np.ndarray
Model = Callable[[int], ExtraTreesRegressor | RandomForestRegressor]
Features = Sequence[Mapping[str, float]]


def solve_rates(path: Path) -> dict[str, float]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["task_id"]: float(row["vitarc_solve_rate"]) for row in rows[WRONG_ROWS:]}


def unseen_half(tasks: Sequence[str]) -> Vector:
    """Which tasks had no part in choosing a model."""
    order = sorted(tasks)
    random.Random(CHOSEN_ON).shuffle(order)
    chosen_on = set(order[: len(order) // 2])
    return np.array([task not in chosen_on for task in tasks])


def matrix(rows: Sequence[Mapping[str, float]]) -> Vector:
    names = sorted({name for row in rows for name in row})
    return np.array([[row.get(name, 0.0) for name in names] for row in rows], dtype=float)


def predicted(features: Vector, rates: Vector, model: Model, ranks: bool, seed: int) -> Vector:
    """Predictions for every task by a model that did not see it."""
    result = np.zeros(len(rates))
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(features):
        target = rankdata(rates[train]) if ranks else rates[train]
        result[test] = model(seed).fit(features[train], target).predict(features[test]) / (len(train) if ranks else 1)
    return result


def correlation(predictions: Sequence[Vector], rates: Vector, chosen: Vector) -> float:
    """Mean Spearman over seeds."""
    return float(np.mean([spearmanr(each[chosen], rates[chosen]).statistic for each in predictions]))


def interval(predictions: Sequence[Vector], rates: Vector) -> tuple[float, float]:
    generator = np.random.default_rng(0)
    draws = (generator.integers(len(rates), size=len(rates)) for _ in range(RESAMPLINGS))
    low, high = np.percentile([correlation(predictions, rates, draw) for draw in draws], [2.5, 97.5])
    return float(low), float(high)


def report(name: str, predictions: Sequence[Vector], rates: Vector, unseen: Vector) -> None:
    everything = np.arange(len(rates))
    low, high = interval(predictions, rates)
    by_seed = " ".join(f"{correlation([each], rates, everything):.3f}" for each in predictions)
    print(
        f"{name:<44} {correlation(predictions, rates, everything):6.3f}  [{low:6.3f}, {high:6.3f}]"
        f"  {correlation(predictions, rates, unseen):6.3f}   {by_seed}",
        flush=True,
    )


def explained(columns: Vector, target: Vector) -> float:
    """R squared of least squares with an intercept."""
    design = np.column_stack([np.ones(len(target)), columns])
    residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(1 - residual.var() / target.var())


def partial(first: Vector, second: Vector, given: Vector) -> float:
    """Spearman's partial correlation: Pearson between residuals of ranks."""
    design = np.column_stack([np.ones(len(given)), rankdata(given)])
    ranks = np.column_stack([rankdata(first), rankdata(second)])
    residuals = ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
    return float(np.corrcoef(residuals.T)[0, 1])


def beyond_length(rates: Vector, levels: Vector, lengths: Vector, groups: Sequence[str]) -> None:
    """What affinity levels and categories still explain once the length of the verifier is known."""
    generator = np.random.default_rng(0)
    draws = [generator.integers(len(rates), size=len(rates)) for _ in range(RESAMPLINGS)]
    resampled = [partial(levels[draw], rates[draw], lengths[draw]) for draw in draws]
    low, high = np.percentile(resampled, [2.5, 97.5])
    print(f"\npartial Spearman of level and rate, length given: {partial(levels, rates, lengths):.3f}"
          f" [{low:.3f}, {high:.3f}]")  # fmt: skip
    target, length = rankdata(rates), rankdata(lengths)[:, None]
    dummies = np.array([[group == code for code in CODES[1:]] for group in groups], dtype=float)
    alone, both = explained(length, target), explained(np.column_stack([length, dummies]), target)
    shuffled = [
        explained(np.column_stack([length, dummies[generator.permutation(len(target))]]), target)
        for _ in range(RESAMPLINGS)
    ]
    chance = (1 + sum(each >= both for each in shuffled)) / (1 + RESAMPLINGS)
    print(
        f"R2 on ranks: categories alone {explained(dummies, target):.3f}, length alone {alone:.3f}, both {both:.3f};"
        f"\n  gained by the nine categories {both - alone:.3f}, by nine shuffled ones {np.mean(shuffled) - alone:.3f}"
        f" (p = {chance:.4f})"
    )


def ranks_of(groups: Sequence[str], very_low: frozenset[str] = frozenset()) -> Vector:
    """The affinity level of each category as a rank; those of ``very_low`` are counted as the lowest."""
    return np.array([(Affinity.VERY_LOW if g in very_low else BY_CODE[g].affinity).rank for g in groups], float)


def by_affinity(tasks: Sequence[str], rates: Vector, unseen: Vector, lengths: Vector) -> None:
    """What the published labels tell, beside the rules' labels of the same tasks; the ambiguous are left out."""
    labels, decisions = published_reference(None, task_ids()).labels or {}, classify_all()
    known = np.array([labels[task] in BY_CODE for task in tasks])
    named = [task for task, each in zip(tasks, known, strict=True) if each]
    groups, by_rules = [labels[task] for task in named], [decisions[task].category for task in named]
    print(f"\n{len(named)} tasks with a category")
    for name, levels in (
        ("(a) affinity level of the category", ranks_of(groups)),
        ("the same, A1 as very low", ranks_of(groups, AS_VERY_LOW)),
        ("the same as (a), labels of our rules", ranks_of(by_rules)),
        ("the same, A1 as very low", ranks_of(by_rules, AS_VERY_LOW)),
        ("(b) on these tasks", -lengths[known]),
    ):
        report(name, [levels], rates[known], unseen[known])
    beyond_length(rates[known], ranks_of(groups), lengths[known], groups)


def forest(seed: int) -> RandomForestRegressor:
    return RandomForestRegressor(200, random_state=seed)


def trees(seed: int) -> ExtraTreesRegressor:
    return ExtraTreesRegressor(200, min_samples_leaf=2, max_features=0.4, random_state=seed)


def together(*parts: Features) -> Features:
    """The features of all parts, task by task."""
    return [{name: value for row in rows for name, value in row.items()} for rows in zip(*parts, strict=True)]


def fitted_models(tasks: Sequence[str], profiles: Sequence[Profile]) -> dict[str, tuple[Features, Model, bool]]:
    """The models that are tried: features, estimator, and whether it learns ranks."""
    solver = [{**p.primitives, "LENGTH": float(p.length)} for p in profiles]
    numbers = [
        {"DEPTH": p.depth, "NESTING": p.nesting, "LOOPS": p.loops, "FOLDS": p.folds, "SIZE": bool(p.keeps_size)}
        for p in profiles
    ]
    drawing = [
        Counter({f"GENERATOR {name}": n for name, n in primitives(Listing.of(generator_source(task))).items()})
        for task in tasks
    ]
    return {
        "(c) forest on primitive counts and length": (solver, forest, False),
        "trees on the same": (solver, trees, True),
        "trees on the profile alone": (together([p.kinds for p in profiles], numbers), trees, True),
        SOLVER_ALONE: (together(solver, numbers), trees, True),
        PREDICTOR: (together(solver, drawing), trees, True),
        "trees on counts of the generator": (drawing, trees, True),
    }


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        print("skipped: name the published solve rates: python bench/program_predictor.py VITARC_CSV")
        return
    by_task = solve_rates(Path(sys.argv[1]))
    tasks = sorted(by_task)
    rates, unseen = np.array([by_task[task] for task in tasks]), unseen_half(tasks)
    profiles = [profile(task) for task in tasks]
    lengths = np.array([p.length for p in profiles], dtype=float)
    print(f"{len(tasks)} tasks, {FOLDS} folds, seeds {list(SEEDS)}")
    print(f"{'':<44} Spearman  95 % interval   other half   by seed")
    report("(b) lines of the verifier, negated", [-lengths], rates, unseen)
    for name in ("depth", "nesting", "loops", "folds"):
        report(f"{name}, negated", [-np.array([getattr(p, name) for p in profiles], float)], rates, unseen)
    for name, (rows, model, ranks) in fitted_models(tasks, profiles).items():
        report(name, [predicted(matrix(rows), rates, model, ranks, seed) for seed in SEEDS], rates, unseen)
    by_affinity(tasks, rates, unseen, lengths)


if __name__ == "__main__":
    main()
