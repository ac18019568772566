from __future__ import annotations

import pytest
import torch

from fashiongen.layers import composite
from fashiongen.models.viton.networks import CoarseGenerator, RefinementNetwork


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_of_the_published_networks() -> None:
    with torch.device("meta"):
        assert count(CoarseGenerator()) == 29_269_632
        assert count(CoarseGenerator(width=4)) == 116_712
        assert count(RefinementNetwork()) == 77_633


@pytest.mark.parametrize("levels, height, width", [(6, 128, 64), (5, 64, 96), (2, 8, 4)])
def test_shapes_and_ranges(levels: int, height: int, width: int) -> None:
    coarse = CoarseGenerator(width=4, levels=levels).eval()(torch.rand(2, 3, height, width), torch.rand(2, 22, height, width))
    assert coarse.mask.shape == (2, 1, height, width)
    assert coarse.image.shape == (2, 3, height, width)
    assert coarse.image.abs().max() <= 1
    alpha = RefinementNetwork(width=4)(torch.rand(2, 3, height, width), coarse.image)
    assert alpha.shape == (2, 1, height, width)
    assert alpha.min() > 0 and alpha.max() < 1


def test_other_sizes_are_refused_with_the_multiple_that_is_needed() -> None:
    with pytest.raises(ValueError, match="multiples of 16, not 128x40"):
        CoarseGenerator(width=4, levels=4)(torch.rand(1, 3, 128, 40), torch.rand(1, 22, 128, 40))


def test_one_level_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 levels"):
        CoarseGenerator(levels=1)


def test_dropout_acts_in_training_alone() -> None:
    network = CoarseGenerator(width=4, levels=3)
    garment, person = torch.rand(2, 3, 16, 16), torch.rand(2, 22, 16, 16)
    assert not torch.equal(network(garment, person).image, network(garment, person).image)
    network.eval()
    assert torch.equal(network(garment, person).image, network(garment, person).image)


def test_the_refinement_normalises_over_channels_and_map_together() -> None:
    network = RefinementNetwork(width=4)
    features = network.layers[:2](torch.rand(2, 6, 8, 8))
    torch.testing.assert_close(features.mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.var(dim=(1, 2, 3), correction=0), torch.ones(2), atol=1e-4, rtol=0)


def test_where_alpha_is_zero_the_coarse_picture_stays_bit_for_bit() -> None:
    warped, coarse = torch.rand(1, 3, 16, 16) * 2 - 1, torch.rand(1, 3, 16, 16) * 2 - 1
    region = torch.zeros(1, 1, 16, 16)
    region[..., :5] = 1
    result = composite(warped, coarse, region * RefinementNetwork(width=4)(warped, coarse))
    assert torch.equal(result[..., 5:], coarse[..., 5:])
    assert not torch.equal(result[..., :5], coarse[..., :5])


def test_gradients_reach_every_weight() -> None:
    coarse, refinement = CoarseGenerator(width=4, levels=3), RefinementNetwork(width=4)
    garment = torch.rand(2, 3, 16, 16)
    output = coarse(garment, torch.rand(2, 22, 16, 16))
    (refinement(garment, output.image).square().sum() + output.mask.sum()).backward()
    for network in (coarse, refinement):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("mode", [True, False])
def test_compiles_to_one_graph_under_autocast(mode: bool) -> None:
    network = CoarseGenerator(width=4, levels=3, dropout=0.0).train(mode)
    inputs = torch.rand(2, 3, 16, 16), torch.rand(2, 22, 16, 16)
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(compiled(*inputs).image, network(*inputs).image)
        assert torch.isfinite(RefinementNetwork(width=4)(inputs[0], inputs[0])).all()


def test_channels_last_gives_the_same() -> None:
    network = CoarseGenerator(width=4, levels=3).eval()
    garment, person = torch.rand(2, 3, 16, 16), torch.rand(2, 22, 16, 16)
    expected = network(garment, person).image
    network.to(memory_format=torch.channels_last)
    last = network(garment.contiguous(memory_format=torch.channels_last), person.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last.image, expected, atol=1e-5, rtol=1e-4)
