"""Results as tables of pandas, where that is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from arc_affinity.errors import ArcAffinityError


def data_frame(rows: Iterable[Mapping[str, object]]) -> Any:
    """Return a ``pandas.DataFrame`` with a row each.

    Raises:
        ArcAffinityError: pandas is not installed.
    """
    try:
        pandas: Any = importlib.import_module("pandas")
    except ImportError as error:
        raise ArcAffinityError("pandas is not installed; pip install 'arc-affinity[notebook]' brings it") from error
    return pandas.DataFrame(list(rows))
