"""The bridge against torch's Sequential, and its two forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from arc_affinity.models.parts.bridge import Bridge

WIDTH, CONTEXT, BATCH, CELLS = 7, 3, 2, 5


@pytest.mark.parametrize("residual", [True, False])
def test_concatenate_project_relu_normalise(residual: bool) -> None:
    bridge = Bridge(WIDTH, CONTEXT, residual=residual)
    published = nn.Sequential(nn.Linear(WIDTH + CONTEXT, WIDTH), nn.ReLU(), nn.LayerNorm(WIDTH))
    published.load_state_dict(bridge.state_dict())
    stream, context = torch.randn(BATCH, CELLS, WIDTH), torch.randn(BATCH, CONTEXT)
    for b in range(BATCH):
        for t in range(CELLS):
            mixed = published(torch.cat([stream[b, t], context[b]]))
            expected = stream[b, t] + mixed if residual else mixed
            assert torch.allclose(bridge(stream, context)[b, t], expected, atol=1e-6)
