"""Threads for a while."""

from __future__ import annotations

import torch

from arc_affinity.models.parts.threads import computing_in


def test_threads_are_as_before_when_the_work_is_done() -> None:
    before = torch.get_num_threads()
    with computing_in(before + 2):
        assert torch.get_num_threads() == before + 2
        with computing_in(0):
            assert torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before
