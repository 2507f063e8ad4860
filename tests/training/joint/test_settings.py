"""What a run of `solve` decides before it trains: where task vectors begin, how far is searched, what answers take."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.candidates.answering import questions_of
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.layout import FRAME
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.training.joint import plan, processes
from arc_affinity.training.joint.adapting import FEWEST_BATCHES, adapting_corpus, with_new_tasks
from arc_affinity.training.joint.corpus import demonstrations_of
from arc_affinity.training.joint.plan import LEAST_SHARE, MARGIN, MOST_SHARE, STARTING, seconds_to_answer
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.settings import (
    ALONE_LIMIT,
    ALONE_SHARE,
    SEARCH_LIMIT,
    SEARCH_SECONDS,
    SEARCH_SHARE,
    SolveSettings,
    Where,
)
from arc_affinity.types import Pair, Task


def task(name: str, *outputs: tuple[int, int], tests: int = 1) -> Task:
    """Inputs of a cell, outputs of so many rows and columns."""
    cell = np.ones((1, 1), np.uint8)
    pairs = tuple(Pair(cell, np.ones(shape, np.uint8)) for shape in outputs)
    return Task(name, pairs, (Pair(cell, None),) * tests)


def test_new_tasks_begin_at_the_mean() -> None:
    torch.manual_seed(5)
    model = PairTransformer(PairConfig(width=8, heads=2, layers=1, hidden=8, tasks=3))
    made = with_new_tasks(model, 2)
    assert made.config == replace(model.config, tasks=2)
    assert all(torch.allclose(vector, model.tasks.weight.mean(0)) for vector in made.tasks.weight)
    assert torch.equal(made.tokens.weight, model.tokens.weight)
    assert torch.equal(made.head.weight, model.head.weight)


@pytest.mark.parametrize("batch", [1, 20, 100, 1000])
def test_few_demonstrations_come_as_often_as_fills_some_batches(batch: int) -> None:
    recipe = JointRecipe(batch_tokens=batch)
    tasks = (task("a", (2, 3), (1, 1)), task("b", (5, 7)))
    tokens = (6 + 1 + 2 * FRAME - 1) + (1 + 1 + 2 * FRAME - 1) + (35 + 1 + 2 * FRAME - 1)
    copies = adapting_corpus(tasks, recipe, 3).copies
    assert copies * tokens >= FEWEST_BATCHES * batch and (copies == 1 or (copies - 1) * tokens < FEWEST_BATCHES * batch)
    some = adapting_corpus(tasks, recipe, 3, frozenset("b"))
    assert [len(lesson.pairs) for lesson in some.lessons] == [0, 1] and some.seed == 3
    none = adapting_corpus(tasks, recipe, 3, frozenset())
    assert none.copies == FEWEST_BATCHES * batch


def test_a_search_takes_its_share_of_a_budget_in_time_or_is_bounded_by_states() -> None:
    steps, seconds = SolveSettings(Budget(steps=5)), SolveSettings(Budget(seconds=1000.0))
    assert steps.search_seconds(7, 2) == math.inf
    assert steps.search_limit is None and seconds.search_limit == SEARCH_LIMIT * 1000
    assert seconds.search_seconds(400, 2) == pytest.approx(SEARCH_SHARE * 1000 * 2 / 400)
    assert seconds.search_seconds(10, 2) == SEARCH_SECONDS
    # Three tasks of two workers come one after the other in one of them.
    assert seconds.search_seconds(3, 2) == SEARCH_SECONDS
    assert SolveSettings(Budget(seconds=10.0)).search_seconds(3, 2) == pytest.approx(SEARCH_SHARE * 10 / 2)
    alone = replace(seconds, sources="search")
    assert alone.search_seconds(10, 2) == pytest.approx(ALONE_SHARE * 1000 * 2 / 10)
    assert alone.search_limit == ALONE_LIMIT * 1000 and replace(steps, sources="search").search_limit is None
    # Seven workers search two tasks no faster than two do.
    assert SolveSettings(Budget(seconds=10.0)).search_seconds(2, 7) == pytest.approx(SEARCH_SHARE * 10)


def test_seconds_kept_back_for_answers_by_hand() -> None:
    settings = SolveSettings(Budget(seconds=1000.0), views=5, shared=3)
    tasks = (task("a", (2, 3), (2, 1), tests=2), task("b", (5, 7)))
    # Four cells in the mean, two tests, 5 views and 4 times 3 judged; of b one view.
    cells = 4 * 2 * 17 + 35
    assert seconds_to_answer(1.0, tasks, frozenset("a"), settings) == pytest.approx(MARGIN * cells)
    assert seconds_to_answer(0.01, tasks, frozenset("a"), settings) == LEAST_SHARE * 1000
    assert seconds_to_answer(9.0, tasks, frozenset("a"), settings) == MOST_SHARE * 1000
    shared = seconds_to_answer(1.0, tasks, frozenset("a"), settings, 2)
    assert shared == pytest.approx(STARTING + MARGIN * cells / 2)
    # What is done sooner than others start is done alone.
    short = replace(settings, budget=Budget(seconds=0.1 * STARTING / LEAST_SHARE))
    a_cell = 0.2 * STARTING / (MARGIN * cells)
    assert seconds_to_answer(a_cell, tasks, frozenset("a"), short, 7) == pytest.approx(0.2 * STARTING)


def test_trials_of_the_machine_count_cells_and_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([3.0, 10.0])
    asked: list[int] = []
    monkeypatch.setattr(plan.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(plan, "write", lambda model, written, most: asked.append(len(written)))
    tasks = [task(f"t{number}", (2, 3), tests=2) for number in range(40)]
    questions = questions_of(tasks, {each.task_id: number for number, each in enumerate(map(demonstrations_of, tasks))})
    model = PairTransformer(PairConfig(width=8, heads=2, layers=1, hidden=8, tasks=1))
    settings = SolveSettings(Budget(seconds=9.0))
    # Of 80 questions 64 are tried, 20 cells of each.
    assert plan.seconds_a_cell(model, tasks, questions, settings, torch.device("cpu")) == pytest.approx(7 / (64 * 20))
    # The first warms up.
    assert asked == [1, 64]
    clock = iter([5.0, 7.0])
    monkeypatch.setattr(plan.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(plan, "BATCH_OF_TRIAL", 40)
    monkeypatch.setattr(plan, "BATCHES_OF_TRIAL", 2)
    # A pair has this many tokens; two fill a batch of 40.
    tokens = 6 + 1 + 2 * FRAME - 1
    each = 40 // tokens
    speed = plan.tokens_a_second(model, tasks, torch.device("cpu"), 3)
    assert speed == pytest.approx(0.7 * 3 * 2 * each * tokens / 2)


def test_rates_rise_stay_and_fall() -> None:
    recipe = JointRecipe(learning_rate=8.0, warm_up=10, flat=0.75, average=0.9)
    assert [recipe.rate(step, 0.0) for step in (0, 4, 9, 20)] == [0.8, 4.0, 8.0, 8.0]
    # A tenth of the budget, where that is shorter than the steps of rising rate.
    assert recipe.rate(0, 0.05) == 4.0
    assert [recipe.rate(99, spent) for spent in (0.75, 0.875, 1.0, 1.5)] == [8.0, 4.0, 0.0, 0.0]
    assert [recipe.keep(step) for step in (0, 8, 500)] == [0.1, 0.5, 0.9]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"steps": 1, "seconds": 1.0},
        {"steps": 0},
        {"steps": 1.5},
        {"steps": "3"},
        {"steps": True},
        {"seconds": 0.0},
        {"seconds": math.inf},
        {"seconds": math.nan},
        {"seconds": "3"},
    ],
)
def test_what_is_no_budget_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArcAffinityError, match="budget"):
        Budget(**wrong)


def test_a_budget_is_spent_by_steps_or_seconds() -> None:
    assert [Budget(steps=4).spent(n, 99.0) for n in (0, 1, 4, 5)] == [0, 0.25, 1, 1]
    assert [Budget(seconds=4.0).spent(99, n) for n in (0.0, 1.0, 5.0)] == [0, 0.25, 1]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sources": "serch"}, 'sources must be one of network, search, both, not "serch"'),
        ({"views": 0}, "views must be .* 1 or more, not 0"),
        ({"views": 1001}, "views must be .* at most 1000, not 1001"),
        ({"views": -2}, "views"),
        ({"shared": -1}, "shared"),
        ({"seed": -1}, "seed must be a whole number of 0 or more, not -1"),
        ({"seed": 0.5}, "seed"),
        ({"seed": 2**63}, "seed must be a whole number"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ArcAffinityError, match=words):
        SolveSettings(Budget(1), **wrong)


def test_a_budget_is_of_a_number_that_can_be_read_again() -> None:
    assert Budget(2**63 - 1).steps == 2**63 - 1
    with pytest.raises(ArcAffinityError, match="budget: steps must be a whole number"):
        Budget(2**63)


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2"])
def test_one_process_at_least_is_needed(workers: Any) -> None:
    with pytest.raises(ArcAffinityError, match="workers must be a whole number"):
        Where(Path(), torch.device("cpu"), workers)


@pytest.mark.parametrize(
    ("device", "shards", "cores", "workers", "used"),
    [
        # Searching, training, answering; of two cores, and two shards, all take two.
        ("cpu", 2, 2, None, (2, 2, 2)),
        ("cpu", 2, 7, None, (7, 2, 7)),
        ("cpu", 5, 3, None, (3, 3, 3)),
        ("cpu", 2, 3, 5, (5, 2, 5)),
        ("cuda", 5, 3, None, (3, 1, 1)),
        ("cuda", 2, 3, 2, (2, 1, 2)),
    ],
)
def test_a_process_a_core_to_search_and_answer_and_a_shard_to_train(
    device: str, shards: int, cores: int, workers: int | None, used: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "cores", lambda: cores)
    assert processes.processes_for(torch.device(device), shards, workers) == processes.Processes(*used)


@pytest.mark.parametrize(
    ("workers", "seconds", "worth"), [(2, 7.9, 1), (2, 8.1, 2), (3, 5.9, 1), (3, 6.1, 3), (1, 9, 1)]
)
def test_processes_are_started_where_they_do_more_than_one(
    workers: int, seconds: float, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STARTING", 4.0)
    assert processes.worth_starting(workers, seconds) == worth


@pytest.mark.parametrize(("shards", "cores", "threads"), [(2, 7, 3), (5, 3, 1), (3, 3, 1)])
def test_cores_are_shared_among_the_shards(
    shards: int, cores: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "cores", lambda: cores)
    assert processes.threads_of(JointRecipe(shards=shards)) == threads
