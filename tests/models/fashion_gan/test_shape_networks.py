import pytest
import torch

from fashiongen.models.fashion_gan.shape_networks import ShapeDiscriminator, ShapeGenerator


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_shapes(size):
    generator, discriminator = ShapeGenerator(size, 2, code=6, noise=4), ShapeDiscriminator(size, 2, code=6)
    layout, code, noise = torch.rand(2, 4, 8, 8), torch.rand(2, 6), torch.rand(2, 4)
    maps = generator(layout, code, noise)
    assert maps.shape == (2, 7, size, size)
    assert discriminator(maps, layout, code).shape == (2, 1, 1, 1)


def test_the_published_sizes():
    assert count(ShapeGenerator()) == 18_114_512
    assert count(ShapeDiscriminator()) == 13_086_456


def test_maps_are_judged_after_a_softmax():
    discriminator = ShapeDiscriminator(32, 2, code=6).eval()
    maps, layout, code = torch.randn(2, 7, 32, 32), torch.rand(2, 4, 8, 8), torch.rand(2, 6)
    torch.testing.assert_close(discriminator(maps + 5, layout, code), discriminator(maps, layout, code))
