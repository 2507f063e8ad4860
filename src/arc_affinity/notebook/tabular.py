"""Results that a notebook draws as a table, and that print as one where there is no notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from arc_affinity.notebook.html import table


class Rows(NamedTuple):
    """A table: a name for each column, and rows of as many values."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


class Tabular(ABC):
    """A result that is best read as a table."""

    @abstractmethod
    def _rows(self) -> Rows:
        """Return what the table says."""

    def _repr_html_(self) -> str:
        return table(*self._rows())

    def __str__(self) -> str:
        """Return the table as lines of text, columns two spaces apart."""
        heads, rows = self._rows()
        lines = [heads, *([str(value) for value in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        told = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
        return "\n".join(line.rstrip() for line in told)
