"""The network of the classifier: what goes into its one hidden layer, by hand."""

from __future__ import annotations

import torch
from torch import nn

from arc_affinity.taxonomy.by_grids.images import CHANNELS, SIDE
from arc_affinity.taxonomy.by_grids.network import CLIP, SEEN, ClassifierNetwork
from arc_affinity.taxonomy.categories import CODES


def test_features_are_standardised_and_cut_off_and_pairs_come_down_to_mean_and_maximum() -> None:
    network = ClassifierNetwork(4, hidden=7).eval()
    network.mean.fill_(2.0)
    network.deviation.fill_(4.0)
    network.think = nn.Sequential()
    seen = torch.arange(3 * SEEN, dtype=torch.float32).reshape(1, 3, SEEN) - 5
    found = network.thought(torch.tensor([[2.0, 6.0, 100.0, -100.0]]), seen)
    assert found[0, :4].tolist() == [0.0, 1.0, CLIP, -CLIP]
    assert torch.equal(found[0, 4 : 4 + SEEN], seen[0, 1])
    assert torch.equal(found[0, 4 + SEEN :], seen[0, 2])


def test_the_order_of_pairs_does_not_matter() -> None:
    torch.manual_seed(3)
    network = ClassifierNetwork(5, hidden=7).eval()
    features, images = torch.randn(2, 5), torch.rand(2, 3, CHANNELS, SIDE, SIDE)
    with torch.no_grad():
        logits = network(features, images)
        assert network.seen(images).shape == (2, 3, SEEN) and logits.shape == (2, len(CODES))
        torch.testing.assert_close(network(features, images.flip(1)), logits)
        assert not torch.allclose(network(features, images.flip(0)), logits)


def test_half_as_much_of_the_features_is_left_out() -> None:
    network = ClassifierNetwork(5, hidden=7, dropout=0.5)
    assert [each.p for each in network.modules() if isinstance(each, nn.Dropout)] == [0.5, 0.25]
