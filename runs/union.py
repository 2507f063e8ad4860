"""Who solves what, by category: python runs/union.py NETWORK SEARCH CATEGORIES [--both RECORDS].

NETWORK and SEARCH are the records of two runs of `solve` on the same tasks, by one source each; RECORDS those of a run
by both. CATEGORIES is what `classify --out` wrote for their dataset; where it holds probabilities the likeliest counts,
abstained or not. A task is solved if every output of it is, by one of two attempts. Shares have Wilson's intervals;
whether the published affinity tells who wins is asked by rank correlations, a rank test and an odds ratio.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from arc_affinity.evaluation.records.record import read_records
from arc_affinity.statistics import Estimate, Tested, mann_whitney, odds_ratio, share, spearman
from arc_affinity.taxonomy.categories import BY_CODE, CATEGORIES, LOW_AFFINITY, Affinity

ATTEMPTS = 2
WHO = ("search only", "network only", "both", "neither")


def solved(path: Path) -> dict[str, bool]:
    """By task: whether the first attempts solve all of its outputs."""
    outputs: dict[tuple[str, int], bool] = {}
    for record in read_records(path):
        key = record.task_id, record.test_index
        outputs[key] = outputs.get(key, False) or (record.attempt <= ATTEMPTS and bool(record.exact))
    tasks: dict[str, bool] = {}
    for (task, _), right in outputs.items():
        tasks[task] = tasks.get(task, True) and right
    return tasks


def read_categories(path: Path) -> dict[str, str]:
    """Category by task, from what `classify` wrote; tasks without one are left out."""
    said = {task: told.get("best", told["category"]) for task, told in json.loads(path.read_text()).items()}
    return {task: code for task, code in said.items() if code in BY_CODE}


def who(network: bool, search: bool) -> str:
    """Which of the sources solves a task."""
    return {(False, True): WHO[0], (True, False): WHO[1], (True, True): WHO[2], (False, False): WHO[3]}[network, search]


def percent(found: Estimate) -> str:
    """A share with its interval."""
    if found.value is None or found.low is None or found.high is None:
        return "-"
    return f"{100 * found.value:.0f} ({100 * found.low:.0f}-{100 * found.high:.0f})"


def row(name: str, tasks: Sequence[str], winner: Mapping[str, str], both: Mapping[str, bool] | None) -> str:
    """One row of the table."""
    shares = [share(sum(winner[task] == each for task in tasks), len(tasks)) for each in WHO]
    merged = [] if both is None else [share(sum(both[task] for task in tasks), len(tasks))]
    return f"| {name} | {len(tasks)} | " + " | ".join(percent(each) for each in (*shares, *merged)) + " |"


def table(winner: Mapping[str, str], category: Mapping[str, str], both: Mapping[str, bool] | None) -> None:
    """Print shares by category, by level of affinity, and of all."""
    print(f"| category | tasks | {' | '.join(WHO)} |" + (" `solve` with both |" if both is not None else ""))
    print("|---" * (6 + (both is not None)) + "|")
    for each in CATEGORIES:
        tasks = [task for task in winner if category.get(task) == each.code]
        if tasks:
            print(row(f"{each.code} {each.name}", tasks, winner, both))
    for level in Affinity:
        tasks = [task for task in winner if task in category and BY_CODE[category[task]].affinity == level]
        if tasks:
            print(row(f"affinity {level.value}", tasks, winner, both))
    print(row("all", list(winner), winner, both))


def tests(winner: Mapping[str, str], category: Mapping[str, str]) -> None:
    """Print whether affinity tells who wins."""
    tasks = [task for task in winner if task in category]
    rank = [BY_CODE[category[task]].affinity.rank for task in tasks]
    for name, wins in (("network", ("network only", "both")), ("search", ("search only", "both"))):
        right = [float(winner[task] in wins) for task in tasks]
        print(f"affinity and whether the {name} solves a task: Spearman {told(spearman(rank, right))}")
    better = [float(winner[task] == "network only") - float(winner[task] == "search only") for task in tasks]
    print(f"affinity and who wins (network 1, search -1, else 0): Spearman {told(spearman(rank, better))}")
    groups = [[r for t, r in zip(tasks, rank, strict=True) if winner[t] == each] for each in ("network only", WHO[0])]
    ranks = mann_whitney(*groups)
    print(f"of a task of the network alone and one of the search alone, the first has more affinity: {told(ranks)}")
    low = [sum(winner[task] == each and category[task] in LOW_AFFINITY for task in tasks) for each in WHO[:2]]
    other = [sum(winner[task] == each and category[task] not in LOW_AFFINITY for task in tasks) for each in WHO[:2]]
    counts = f"low affinity {low[0]}:{low[1]}, other {other[0]}:{other[1]}"
    print(f"search alone : network alone, {counts}, odds ratio {told(odds_ratio(*low, *other))}")


def told(found: Tested) -> str:
    """An effect with its interval and p."""
    effect = found.effect
    if effect.value is None:
        return f"undefined ({found.reason}), p {'-' if found.p is None else f'{found.p:.2f}'}"
    interval = f" ({effect.low:.2f} to {effect.high:.2f})" if effect.low is not None and effect.high is not None else ""
    return f"{effect.value:.2f}{interval}, p {'-' if found.p is None else f'{found.p:.2f}'}, {effect.n} tasks"


def main() -> None:
    """Print the table and the tests."""
    parser = argparse.ArgumentParser()
    for name in ("network", "search", "categories"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--both", type=Path)
    options = parser.parse_args()
    network, search = solved(options.network), solved(options.search)
    both = solved(options.both) if options.both else None
    tasks = sorted(network.keys() & search.keys() & (both.keys() if both is not None else network.keys()))
    winner = {task: who(network[task], search[task]) for task in tasks}
    category = {task: code for task, code in read_categories(options.categories).items() if task in winner}
    table(winner, category, both)
    tests(winner, category)


if __name__ == "__main__":
    main()
