"""The nine categories of arXiv 2512.07109, ``ambiguous`` beside them, and what was published about each.

Every table and plot takes names, order and levels from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Affinity(StrEnum):
    """How well a category suits a small transformer (arXiv 2512.07109); ordered from best to worst."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    VERY_LOW = "very low"

    @property
    def rank(self) -> int:
        """3 for high down to 0 for very low, as rank correlations need it."""
        return 3 - tuple(Affinity).index(self)


EMPIRICAL_BOUNDS = (0.70, 0.85)
"""Zero-shot cell accuracy of the champion, teacher forced: below the first a task's affinity is low, above the
second high, between them medium (arXiv 2512.07109)."""


@dataclass(frozen=True)
class Subtype:
    """A part of a category that was reported apart; ``published_tasks`` is its published size."""

    code: str
    definition: str
    published_tasks: int


@dataclass(frozen=True)
class Category:
    """One of the nine kinds of reasoning.

    Attributes:
        code: two characters, as in every file and table.
        name: two or three words.
        definition: what puts a task here, in our words.
        affinity: published level.
        published_tasks: how many of the 400 re-arc tasks the published rules put here.
        subtypes: parts reported apart.
    """

    code: str
    name: str
    definition: str
    affinity: Affinity
    published_tasks: int
    subtypes: tuple[Subtype, ...] = ()


CATEGORIES: tuple[Category, ...] = (
    Category(
        "S1",
        "geometric transform",
        "The whole grid, or one thing in it, is mirrored, rotated, transposed or moved: one step.",
        Affinity.MEDIUM,
        52,
    ),
    Category(
        "S2",
        "geometric composition",
        "The output is put together from copies of the input or of a pattern: concatenated, tiled, repeated.",
        Affinity.MEDIUM,
        38,
    ),
    Category(
        "S3",
        "topology",
        "What is drawn follows from how cells lie to each other: connected, enclosed, bordering, in line of sight.",
        Affinity.LOW,
        108,
        (
            Subtype("S3-A", "A pattern around a cell or a box decides: a frame, a line, a ray.", 77),
            Subtype("S3-B", "Connection is followed from cell to cell: a region grows by its neighbours.", 31),
        ),
    ),
    Category(
        "C1",
        "colour transform",
        "Cells stay where they are and change colour: recoloured, filtered, filled.",
        Affinity.HIGH,
        99,
    ),
    Category(
        "C2",
        "pattern matching",
        "The pattern of one region is found again, or applied, in another.",
        Affinity.MEDIUM,
        28,
    ),
    Category(
        "K1",
        "scaling",
        "The output is the input, or a part of it, made larger or smaller.",
        Affinity.MEDIUM,
        7,
    ),
    Category(
        "L1",
        "set logic",
        "Regions are combined as sets: intersection, union, difference.",
        Affinity.MEDIUM,
        21,
    ),
    Category(
        "A1",
        "iterative refinement",
        "A step is repeated until a condition holds, so the number of steps depends on the grid.",
        Affinity.LOW,
        5,
    ),
    Category(
        "A2",
        "packing",
        "Things are placed under constraints: where one may go depends on the others.",
        Affinity.VERY_LOW,
        28,
    ),
)
"""In the order of every table: space, colour, scale, logic, search."""

CODES: tuple[str, ...] = tuple(category.code for category in CATEGORIES)

AMBIGUOUS = "ambiguous"
"""Label of the tasks that the published rules left undecided."""

PUBLISHED_AMBIGUOUS = 14

BY_CODE: Mapping[str, Category] = MappingProxyType({category.code: category for category in CATEGORIES})

LOW_AFFINITY: frozenset[str] = frozenset(
    category.code for category in CATEGORIES if category.affinity in (Affinity.LOW, Affinity.VERY_LOW)
)
"""Codes whose tasks the paper counts as of low affinity: 141 of 400, 35.3 %."""

SUBTYPES: tuple[str, ...] = tuple(subtype.code for category in CATEGORIES for subtype in category.subtypes)


def category_of(label: str) -> str:
    """Return the category that a subtype is part of; any other label is its own."""
    return label.partition("-")[0] if label in SUBTYPES else label


def empirical_affinity(cell_accuracy: float) -> Affinity:
    """Return the level that a zero-shot cell accuracy (0 to 1, teacher forced) stands for."""
    low, high = EMPIRICAL_BOUNDS
    if cell_accuracy < low:
        return Affinity.LOW
    return Affinity.HIGH if cell_accuracy > high else Affinity.MEDIUM
