"""How right one predicted grid is: pure functions over grids, and the protocols that say how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool

from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.types import Grid


class Protocol(StrEnum):
    """What a model was told when it predicted; no number is given without it."""

    ARC_PRIZE = "arc_prize"
    """Free-running, the output's size predicted as well: the rules of ARC Prize, and the default."""

    SIZED = "sized"
    """Free-running, the true size of the output given."""

    TEACHER_FORCED = "teacher_forced"
    """Every cell predicted from the true cells before it: the protocol of arXiv 2512.07109."""

    @classmethod
    def named(cls, name: str) -> Protocol:
        """Return the protocol called ``name``.

        Raises:
            ArcAffinityError: there is none; the nearest is suggested.
        """
        try:
            return cls(name)
        except ValueError as error:
            raise unknown("protocol", name, [each.value for each in cls]) from error


@dataclass(frozen=True)
class Metrics:
    """Every metric of one prediction; None is "undefined", and never stands for 0."""

    exact: bool | None
    cell_accuracy: float | None
    size_match: bool | None
    copy_accuracy: float | None
    change_accuracy: float | None


@dataclass(frozen=True)
class ButFirst:
    """How right a grid is but for its first cell, 0-1: what arXiv 2512.07109 measured.

    Its decoder was given the first cell and scored on those after it. Where there are none, both are None: the paper
    does not say what it made of such grids.
    """

    exact: bool | None
    cell_accuracy: float | None


def exact_match(prediction: Grid | None, target: Grid) -> bool:
    """Whether the prediction equals the target in size and in every cell (Chollet 2019, section III.1)."""
    return prediction is not None and np.array_equal(prediction, target)


def size_match(prediction: Grid | None, target: Grid) -> bool:
    """Whether the prediction has the target's rows and columns (ours)."""
    return prediction is not None and prediction.shape == target.shape


def cell_accuracy(prediction: Grid | None, target: Grid) -> float:
    """Share of the target's cells that are right, 0-1 (ours; that of arXiv 2512.07109 where the sizes agree).

    Cells that the prediction lacks are wrong; cells that it has beyond the target do not count, since
    :func:`size_match` tells them.
    """
    return float(_right_cells(prediction, target).mean())


def copy_accuracy(prediction: Grid | None, query: Grid, target: Grid) -> float | None:
    """Share right, 0-1, of the target cells that equal the input's cell at the same place.

    Defined only where the input ``query`` and ``target`` have the same size and some cell is kept; None
    elsewhere. Source: copy accuracy of the package of arXiv 2512.07109.
    """
    return _share(_right_cells(prediction, target), _kept_cells(query, target))


def change_accuracy(prediction: Grid | None, query: Grid, target: Grid) -> float | None:
    """Share right, 0-1, of the target cells that differ from the input's cell at the same place.

    Defined only where the input ``query`` and ``target`` have the same size and some cell changes; None
    elsewhere. Source: change accuracy of the package of arXiv 2512.07109.
    """
    kept = _kept_cells(query, target)
    return None if kept is None else _share(_right_cells(prediction, target), ~kept)


def measure(prediction: Grid | None, query: Grid, target: Grid | None) -> Metrics:
    """Return every metric of ``prediction`` for the input ``query``; all None if ``target`` is withheld."""
    if target is None:
        return Metrics(None, None, None, None, None)
    return Metrics(
        exact=exact_match(prediction, target),
        cell_accuracy=cell_accuracy(prediction, target),
        size_match=size_match(prediction, target),
        copy_accuracy=copy_accuracy(prediction, query, target),
        change_accuracy=change_accuracy(prediction, query, target),
    )


def measure_but_first(prediction: Grid | None, target: Grid) -> ButFirst:
    """Return the published measurement of ``prediction``; with the first cell it is what :func:`measure` says."""
    right = _right_cells(prediction, target).ravel()[1:]
    if not right.size:
        return ButFirst(None, None)
    return ButFirst(size_match(prediction, target) and bool(right.all()), float(right.mean()))


def pass_at_k(exact: Sequence[bool], k: int) -> bool:
    """Whether one of the first ``k`` ranked attempts is exact (ARC Prize's rule, where ``k`` is 2).

    It can only grow with ``k``. This is no estimate from samples: attempt 1 is the one the solver prefers.

    Raises:
        ArcAffinityError: ``k`` is below 1.
    """
    if k < 1:
        raise ArcAffinityError(f"attempts must be 1 or more, not {k}")
    return any(exact[:k])


def _right_cells(prediction: Grid | None, target: Grid) -> Bool[np.ndarray, "_ _"]:
    right = np.zeros(target.shape, dtype=bool)
    if prediction is not None:
        rows, cols = np.minimum(prediction.shape, target.shape)
        right[:rows, :cols] = prediction[:rows, :cols] == target[:rows, :cols]
    return right


def _kept_cells(query: Grid, target: Grid) -> Bool[np.ndarray, "_ _"] | None:
    """Which of the target's cells equal the input's; None where the sizes differ."""
    return query == target if query.shape == target.shape else None


def _share(right: Bool[np.ndarray, "_ _"], among: Bool[np.ndarray, "_ _"] | None) -> float | None:
    return None if among is None or not among.any() else float(right[among].mean())
