"""From a task to ranked answers: searches over views, rules for cells, and one list for each test output."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from arc_affinity.data.checks import check_task
from arc_affinity.errors import ArcAffinityError
from arc_affinity.search import many
from arc_affinity.search.bases import EXTRA_LAYERS, base_features, best_bases, with_layers
from arc_affinity.search.cell_rules.rules import learn_rules
from arc_affinity.search.compose import Bounds, Node, Search
from arc_affinity.search.functions.library import steps_for
from arc_affinity.search.layers import stacks
from arc_affinity.search.ranking import Candidate, Found, rank, turned_back
from arc_affinity.search.values import grids_in
from arc_affinity.search.views import LatticeView, View, all_views
from arc_affinity.types import Grid, Pair, Task

logger = logging.getLogger(__name__)

FAULTS = (ArithmeticError, LookupError, ValueError, MemoryError)
"""What a grid function raises that fails on an odd grid, and what a task raises that the memory is not enough for: that
costs the task its programs, and no other task's."""

SEARCH_SHARE = 0.65
"""Part of a view's time that goes to compositions; rules for cells have what is left."""

STATES = 50_000
"""Distinct results to keep in each view of a task, unless told otherwise."""

TRUSTED = 5.0
"""Cost of a program that fits, below which no further views are tried."""

TRUSTED_COST = 6.5
"""Cost from which a program that fits all demonstrations is wrong more often than right: 55 of 59 below it were right
on the kept-out tasks, 2 of 20 above (docs/log.md, 17)."""


def solve_task(
    task: Task, *, seconds: float = 3.0, states: int = STATES, clock: Callable[[], float] = time.monotonic
) -> tuple[tuple[Found, ...], ...]:
    """Return, for each test output, the answers found, the most trusted first; none if nothing was found.

    Outputs of test pairs are not looked at; their inputs are.

    Args:
        task: the task.
        seconds: time to spend, about; 0 gives no answers. With ``inf`` the number of states alone ends the search, and
            answers are the same on every machine; a task that is not solved then takes as many states in each of up to
            8 views: of 20,000, a core's 100 seconds where all grids are noise of 30x30, about 40 where they are small.
        states: distinct results to keep, in each view.
        clock: what measures the time; ``time.thread_time`` makes answers depend less on what else is running.

    Raises:
        ArcAffinityError: the task has no demonstrations, one without its output, or what is no grid.
    """
    check_task(task)
    few = len(task.train) < many.FROM
    # Of many demonstrations a program need not reproduce all.
    if seconds <= 0 or (few and contradicts(task.train)):
        return tuple(() for _ in task.test)
    bounds = Bounds(seconds, states, clock=clock)
    return rank((candidates if few else many.candidates)(task, bounds), task)


def contradicts(demonstrations: Sequence[Pair]) -> bool:
    """Whether two demonstrations have one input and different outputs."""
    outputs: dict[tuple[tuple[int, ...], bytes], bytes] = {}
    for pair in demonstrations:
        assert pair.output is not None
        key = pair.input.shape, pair.input.tobytes()
        value = bytes(pair.output.shape) + pair.output.tobytes()
        if outputs.setdefault(key, value) != value:
            return True
    return False


def candidates(task: Task, bounds: Bounds) -> list[Candidate]:
    """Return all programs found within bounds, in no order; see `solve_task`."""
    end = bounds.clock() + bounds.seconds
    inputs = [pair.input for pair in (*task.train, *task.test)]
    views = all_views(task.train, inputs)
    found: list[Candidate] = []
    for number, view in enumerate(views):
        left = end - bounds.clock()
        if left <= 0 or any(each.fits == len(task.train) and each.cost < TRUSTED for each in found):
            break
        share = 0.6 if number == 0 else 1 / (len(views) - number)
        found += _in_view(task, view, replace(bounds, seconds=left * share))
    return found


def fault(error: Exception) -> str:
    """Return one of `FAULTS`, or an error of our own, in words."""
    if isinstance(error, MemoryError):
        # numpy has a class of its own, and Python's says nothing.
        return "not enough memory"
    return str(error) if isinstance(error, ArcAffinityError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class FoundProgram:
    """The program of a task; ``text`` is None, and ``reason`` says why, where there is none to be trusted."""

    text: str | None
    cost: float = 0.0
    reason: str = ""


def found_program(task: Task, seconds: float) -> FoundProgram:
    """Return the most trusted program that gives every demonstration's output; outputs of tests are not looked at.

    Of many demonstrations the first ones alone are looked at, all of which it reproduces.
    """
    try:
        # Without a test, programs are told apart by nothing but their costs: all give a demonstration's output.
        asked = task.test or (Pair(task.train[0].input, None),)
        few = replace(task, train=task.train[: many.FROM - 1], test=asked)
        # Ranked without demonstrations: of a test with the input of one, that one's output would stand for a program.
        programs = [] if contradicts(few.train) else candidates(few, Bounds(seconds, STATES))
        answers = rank(programs, replace(few, train=()))
    except FAULTS as error:
        return FoundProgram(None, reason=f"the search failed ({fault(error)})")
    first = answers[0] if answers else ()
    fitting = [each for each in first if each.fits == len(few.train)]
    if not fitting:
        return FoundProgram(None, reason=f"no program within {seconds:g} s that fits every demonstration")
    # Agreement may put a longer program before.
    trusted = next((each for each in fitting if each.cost < TRUSTED_COST), None)
    if trusted is None:
        least = min(each.cost for each in fitting)
        return FoundProgram(None, reason=f"only programs too long to be trusted, the best of cost {least:.1f}")
    return FoundProgram(trusted.program, trusted.cost)


def _in_view(task: Task, view: View | LatticeView, bounds: Bounds) -> list[Candidate]:
    """The programs found in one view, their answers turned back."""
    pairs = (*task.train, *task.test)
    inputs = [view.apply(pair.input, i) for i, pair in enumerate(pairs)]
    targets = [view.apply(pair.output, i) for i, pair in enumerate(task.train) if pair.output is not None]
    steps = steps_for([Pair(given, wanted) for given, wanted in zip(inputs, targets, strict=False)])
    known = len(targets)
    end = bounds.clock() + bounds.seconds
    finished = Search(inputs, targets, steps).run(replace(bounds, seconds=bounds.seconds * SEARCH_SHARE))
    if finished.stopped in ("states", "memory"):
        count = len(finished.nodes)
        logger.info("task %s: search stopped by its bound on %s after %d states", task.id, finished.stopped, count)
    fitting = [*((known, node) for node in finished.solutions), *finished.partial]
    found = [
        Candidate(grids_in(node.state[known:]), node.text, node.cost, fits, "composition") for fits, node in fitting
    ]
    if not finished.solutions:
        layered = stacks(finished.same_size, targets)
        found += [Candidate(each.grids[known:], each.text, each.cost, known, "stack") for each in layered]
    found += _rules(finished.same_size, inputs, targets, end, bounds.clock)
    return [turned_back(each, view, known) for each in found]


def _rules(
    same_size: Sequence[Node],
    inputs: Sequence[Grid],
    targets: Sequence[Grid],
    end: float,
    clock: Callable[[], float],
) -> list[Candidate]:
    """Rules for cells, learned from the input and from other grids of the outputs' sizes, until the ``end``."""
    found: list[Candidate] = []
    for node in best_bases(same_size, targets):
        if clock() >= end:
            break
        features, texts = base_features(node, inputs), set[str]()
        for layers in ((), same_size[: EXTRA_LAYERS + 1]):
            # Most rules ask no layer, and were learned before there were any.
            table = with_layers(features, node, layers)
            for rule in learn_rules(table, targets, known=texts, over=lambda: clock() >= end):
                texts.add(rule.text)
                cost = node.cost + 1 + 0.4 * rule.size + 2 * (1 - rule.held_out) + (0.5 if layers else 0)
                text = f"{node.text} | cells {rule.text}"
                found.append(Candidate(rule.grids[len(targets) :], text, cost, len(targets), "rule"))
            if clock() >= end:
                break
    return found
