import pytest
import torch
from torch import nn

from fashiongen.models.fashion_gan.training import weights_as_they_are_then, zero_conv_biases


def test_gradients_follow_the_weights_of_their_time():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.LeakyReLU(0.2), nn.Conv2d(3, 1, 3))
    image = torch.randn(1, 2, 8, 8, requires_grad=True)

    def slope(on):
        with weights_as_they_are_then(on):
            value = network(image).sum()
        with torch.no_grad():
            network[2].weight.mul_(-2)
        return torch.autograd.grad(value, image)[0]

    before = torch.autograd.grad(network(image).sum(), image)[0]
    torch.testing.assert_close(slope(on=True), -2 * before)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        slope(on=False)


def test_only_biases_of_convolutions_become_zero():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ConvTranspose2d(2, 1, 3), nn.Conv2d(1, 1, 1, bias=False))
    nn.init.ones_(network[1].bias)
    weight = network[0].weight.clone()
    zero_conv_biases(network)
    assert not network[0].bias.any() and not network[2].bias.any()
    assert network[1].bias.all() and torch.equal(network[0].weight, weight)
