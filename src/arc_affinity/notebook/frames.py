"""Results as tables of pandas, where that is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arc_affinity.errors import optional


def data_frame(rows: Iterable[Mapping[str, object]]) -> Any:
    """Return a ``pandas.DataFrame`` with a row each.

    Raises:
        ArcAffinityError: pandas is not installed.
    """
    return optional("pandas", "notebook").DataFrame(list(rows))
