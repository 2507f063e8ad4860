"""Muon's matrices: orthogonal whatever their shape, many as one."""

from __future__ import annotations

import pytest
import torch

from arc_affinity.training.optim import muon
from arc_affinity.training.optim.muon import orthogonalise


@pytest.mark.parametrize(("bfloat16", "astray"), [(False, 0.05), (True, 0.15)], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("rows", "cols"), [(7, 13), (13, 7), (11, 11)])
def test_singular_values_come_near_one_and_vectors_stay(
    rows: int, cols: int, bfloat16: bool, astray: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "computes_bfloat16", lambda _: bfloat16)
    torch.manual_seed(1)
    matrices = torch.randn(3, rows, cols) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    found = orthogonalise(matrices)
    values = torch.linalg.svdvals(found)
    # Jordan's coefficients leave them between these, not at 1; the least of them may lag.
    assert float(values.min()) > 0.3
    assert float(values.max()) < 1.25
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    core = u.mT @ found @ v.mT
    assert float((core - torch.diag_embed(core.diagonal(dim1=1, dim2=2))).abs().max()) < astray


def test_each_as_if_alone() -> None:
    torch.manual_seed(2)
    matrices = torch.randn(5, 8, 12)
    alone = torch.cat([orthogonalise(each[None]) for each in matrices])
    torch.testing.assert_close(orthogonalise(matrices), alone)
