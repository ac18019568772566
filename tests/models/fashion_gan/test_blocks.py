import pytest
import torch
from torch import nn

from fashiongen.models.fashion_gan.blocks import Norm, convolution, growth, halvings, initialize, running_as


def test_each_sample_by_its_own_statistics():
    torch.manual_seed(0)
    norm = Norm(3)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    batch = torch.randn(4, 3, 5, 5)
    alone = torch.cat([norm.train()(each[None]) for each in batch])
    before = norm.running_mean.clone()
    norm.eval()
    with running_as(norm, per_sample=True, dropout=False):
        torch.testing.assert_close(norm(batch), alone)
    assert torch.equal(norm.running_mean, before)
    assert not torch.allclose(norm(batch), alone, atol=1e-2)


def test_modes_come_back_even_after_an_error():
    network = nn.Sequential(Norm(2), nn.Dropout()).eval()
    with pytest.raises(RuntimeError, match="stop"), running_as(network, per_sample=True, dropout=True):
        assert network[0].per_sample and network[1].training and not network[0].training
        raise RuntimeError("stop")
    assert not network[0].per_sample and not network[1].training


def test_blocks_change_the_size():
    image = torch.rand(2, 3, 16, 16)
    assert convolution(3, 4, 3, 1, 1)(image).shape == (2, 4, 16, 16)
    assert growth(3, 4)(image).shape == (2, 4, 32, 32)
    assert halvings(3, 8, 3, norm_first=False, bias=True)(image).shape == (2, 8, 2, 2)
    with pytest.raises(ValueError, match="3 halvings to 2 channels"):
        halvings(3, 2, 3, norm_first=False, bias=True)


def test_initial_values():
    torch.manual_seed(0)
    block = convolution(64, 64, 3, 1, 1, bias=True)
    initialize(block, 0.02)
    assert block[0].weight.std().item() == pytest.approx(0.02, rel=0.05) and (block[0].bias == 0).all()
    assert block[1].weight.mean().item() == pytest.approx(1, abs=0.02) and (block[1].bias == 0).all()
