"""One order of the candidates of two sources: a network that was adapted, and programs that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arc_affinity.evaluation.ranking import Ranked
from arc_affinity.evaluation.records import Source
from arc_affinity.evaluation.search_answers import Program
from arc_affinity.search import TRUSTED_COST
from arc_affinity.types import Grid


@dataclass(frozen=True)
class Merged:
    """A candidate of either source; what the other source tells of the same grid stands beside it.

    Attributes:
        grid: the output.
        source: who is trusted with it.
        network: what the network says of it, if it wrote it.
        program: the program that gives it, if one was found.
    """

    grid: Grid
    source: Source
    network: Ranked | None
    program: Program | None


def merge(ranked: Sequence[Ranked], programs: Sequence[Program], *, learned: bool = True) -> tuple[Merged, ...]:
    """Order the candidates of one question.

    First the best program, if it reproduces every demonstration and is short enough to be trusted, then the network's
    best: one attempt from each, in the order of how often each is right. Then the rest of the network's, the other
    programs that fit, and last those that fit some demonstrations only. Where both give one grid it comes once.
    A network that has not ``learned`` the task comes after all programs that fit.
    """
    fitting = [program for program in programs if program.fits_all]
    partial = [program for program in programs if not program.fits_all]
    trusted = [program for program in fitting[:1] if program.cost < TRUSTED_COST]
    order: list[Ranked | Program] = [*trusted, *ranked, *fitting, *partial]
    if not learned:
        order = [*fitting, *ranked, *partial]
    by_grid: dict[tuple[tuple[int, ...], bytes], list[Ranked | Program]] = {}
    for each in order:
        by_grid.setdefault((each.grid.shape, each.grid.tobytes()), []).append(each)
    return tuple(_merged(same) for same in by_grid.values())


def _merged(same: Sequence[Ranked | Program]) -> Merged:
    networks: Iterator[Ranked] = (each for each in same if isinstance(each, Ranked))
    programs: Iterator[Program] = (each for each in same if isinstance(each, Program))
    source: Source = "search" if isinstance(same[0], Program) else "network"
    return Merged(same[0].grid, source, next(networks, None), next(programs, None))
