"""One order of the candidates of two sources: a network that was adapted, and programs that were found.

Each candidate stands where its reliability puts it: how often such a one was right on the 100 tasks kept out of
training, asked of both sources at once (docs/log.md, 19). Nothing was chosen on evaluation tasks; a score on these
100 is of the tasks that the order was chosen on, and should be told as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from arc_affinity.evaluation.candidates.programs import Program
from arc_affinity.evaluation.predicting.voting import Choice
from arc_affinity.evaluation.records.record import Source
from arc_affinity.types import Grid


class Seen(NamedTuple):
    """How many candidates of a kind were right, of how many."""

    right: int
    asked: int

    @property
    def reliability(self) -> float:
        """Probability that the next one is right (Laplace's rule of succession): never 0 or 1 from a few."""
        return (self.right + 1) / (self.asked + 2)


BEST_BY_VOTES = MappingProxyType({0.5: Seen(14, 22), 0.1: Seen(6, 31), 0.0: Seen(4, 50)})
"""The network's best candidate, by the share of views that gave it, at least."""

NEXT_OF_NETWORK, REST_OF_NETWORK = Seen(9, 100), Seen(8, 741)
"""Its second candidate, and the others."""

BEST_BY_COST = MappingProxyType({5.0: Seen(58, 60), 8.0: Seen(6, 10), float("inf"): Seen(0, 11)})
"""The best program that reproduces every demonstration, by its cost, below."""

NEXT_PROGRAM, OTHER_PROGRAMS = Seen(1, 67), Seen(0, 150)
"""The second such program, and the others."""

UNLEARNED, PARTIAL = 0.002, 0.001
"""Of a network that has not learned the task, and of programs that reproduce some demonstrations only: none was right,
of 1 and of 14, so they come last; the numbers only say in which order."""


@dataclass(frozen=True)
class Merged:
    """A candidate of either source; what the other source tells of the same grid stands beside it.

    ``source`` is who is trusted with the grid; ``network`` and ``program`` are there if they gave it.
    """

    grid: Grid
    source: Source
    network: Choice | None
    program: Program | None


def merge(ranked: Sequence[Choice], programs: Sequence[Program], *, learned: bool = True) -> tuple[Merged, ...]:
    """Order the candidates of one question by their reliability, the best first.

    A grid that both sources give comes once, and is as reliable as if they erred independently. Those of one source
    alone stay in its order.

    Args:
        ranked: the network's, the best first.
        programs: the search's, the best first.
        learned: whether the network was trained on the task's demonstrations.
    """
    fitting = [program for program in programs if program.fits_all or program.judged]
    partial = [program for program in programs if not (program.fits_all or program.judged)]
    # No reliability above one before it: a source's own order stands.
    of_programs = accumulate(map(_of_program, range(len(fitting)), fitting), min)
    of_network = accumulate((_of_network(at, each, learned) for at, each in enumerate(ranked)), min)
    given: list[tuple[Choice | Program, float]] = [
        *zip(fitting, of_programs, strict=True),
        *zip(ranked, of_network, strict=True),
        *((each, PARTIAL) for each in partial),
    ]
    by_grid: dict[tuple[tuple[int, ...], bytes], list[tuple[Choice | Program, float]]] = {}
    for each, reliability in given:
        by_grid.setdefault((each.grid.shape, each.grid.tobytes()), []).append((each, reliability))
    # The probability that a grid is wrong: all who give it err.
    wrong = {grid: math.prod(1 - reliability for _, reliability in same) for grid, same in by_grid.items()}
    return tuple(_merged(by_grid[grid]) for grid in sorted(by_grid, key=lambda grid: wrong[grid]))


def _of_network(rank: int, candidate: Choice, learned: bool) -> float:
    """Reliability of the network's candidate at ``rank``, from 0."""
    if not learned:
        return UNLEARNED
    if rank:
        return (NEXT_OF_NETWORK if rank == 1 else REST_OF_NETWORK).reliability
    share = candidate.votes / max(1, candidate.views)
    return next(seen for least, seen in BEST_BY_VOTES.items() if share >= least).reliability


def _of_program(rank: int, program: Program) -> float:
    """Reliability of the program at ``rank`` of those that reproduce every demonstration, from 0.

    One that demonstrations judged which it was not made from has what they say.
    """
    if program.judged:
        return Seen(program.fits, program.shown).reliability
    if rank:
        return (NEXT_PROGRAM if rank == 1 else OTHER_PROGRAMS).reliability
    return next(seen for bound, seen in BEST_BY_COST.items() if program.cost < bound).reliability


def _merged(same: Sequence[tuple[Choice | Program, float]]) -> Merged:
    networks: Iterator[Choice] = (each for each, _ in same if isinstance(each, Choice))
    programs: Iterator[Program] = (each for each, _ in same if isinstance(each, Program))
    trusted, _ = max(same, key=lambda each: each[1])
    source: Source = "search" if isinstance(trusted, Program) else "network"
    return Merged(trusted.grid, source, next(networks, None), next(programs, None))
