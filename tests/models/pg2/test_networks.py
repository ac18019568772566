import pytest
import torch
import torch.nn.functional as F

from fashiongen.models.pg2.networks import CoarseGenerator, DifferenceGenerator


@pytest.mark.parametrize(
    "size, blocks, coarse, difference",
    [((128, 64), 5, 70_795_075, 6_058_883), ((256, 256), 6, 122_103_235, 12_696_067)],
)
def test_sizes_of_the_paper(size, blocks, coarse, difference):
    with torch.device("meta"):
        first = CoarseGenerator(size, blocks=blocks)
        second = DifferenceGenerator(blocks=blocks - 2, finest_skip=blocks == 6)
        image = torch.empty(2, 3, *size)
        assert first(image, torch.empty(2, 18, *size)).shape == second(image, image).shape == image.shape
    assert sum(parameter.numel() for parameter in first.parameters()) == coarse
    assert sum(parameter.numel() for parameter in second.parameters()) == difference


def test_the_coarse_generator_sees_picture_and_pose_everywhere():
    torch.manual_seed(0)
    network = CoarseGenerator((32, 16), width=4, code=4, blocks=3)
    image, pose = torch.rand(1, 3, 32, 16, requires_grad=True), torch.rand(1, 18, 32, 16, requires_grad=True)
    network(image, pose)[0, :, 0, 0].sum().backward()
    assert image.grad.abs().sum(1).gt(0).float().mean() > 0.9
    assert pose.grad.abs().sum((0, 2, 3)).gt(0).all()


def test_the_order_of_1x1_convolution_and_doubling_does_not_matter():
    network = CoarseGenerator((32, 16), width=4, code=4, blocks=3)
    layer = network.up[0]
    features = torch.rand(2, layer.in_channels, 8, 4)
    ours = F.interpolate(F.relu(layer(features)), scale_factor=2)
    authors = F.relu(layer(F.interpolate(features, scale_factor=2)))
    assert torch.allclose(ours, authors, atol=1e-6)


def test_memory_layouts_agree():
    torch.manual_seed(0)
    network = CoarseGenerator((32, 16), width=4, code=4, blocks=3)
    image, pose = torch.rand(2, 3, 32, 16), torch.rand(2, 18, 32, 16)
    expected = network(image, pose)
    network = network.to(memory_format=torch.channels_last)
    last = {"memory_format": torch.channels_last}
    assert torch.allclose(network(image.contiguous(**last), pose.contiguous(**last)), expected, atol=1e-5)


def test_the_difference_generator_takes_any_size():
    network = DifferenceGenerator(width=4, blocks=3)
    assert network(torch.rand(1, 3, 24, 40), torch.rand(1, 3, 24, 40)).shape == (1, 3, 24, 40)
    with pytest.raises(ValueError, match="multiples of 4, not 22x40"):
        network(torch.rand(1, 3, 22, 40), torch.rand(1, 3, 22, 40))


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="multiples of 16, not 120x64"):
        CoarseGenerator((120, 64))
    network = CoarseGenerator((32, 16), width=4, code=4, blocks=3)
    with pytest.raises(ValueError, match="draws 32x16, not 64x32"):
        network(torch.rand(1, 3, 64, 32), torch.rand(1, 18, 64, 32))
