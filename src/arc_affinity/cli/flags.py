"""Kinds of flags that several commands take; what is no value of theirs is refused as wrong usage."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter


def _check_executor(_kind: Any, name: str) -> None:
    """Refuse what `training.executors` has none of, before any work."""
    kind, _, address = name.partition(":")
    if name != "processes" and not (kind == "dask" and address):
        raise ValueError("Take processes, dask:local or dask:ADDRESS.")


ExecutorName = Annotated[str, Parameter(validator=_check_executor)]
"""Where work that is done task by task is done."""
