"""How many threads torch computes in, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def computing_in(threads: int) -> Iterator[None]:
    """Compute in so many threads; 0 leaves their number alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
