import pytest
import torch
import torch.nn.functional as F

from fashiongen.models.disentangled_pig.networks import (
    REGIONS,
    AppearanceEncoder,
    CodeCritic,
    Generator,
    PoseDecoder,
    Trunk,
    VectorEncoder,
)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    "size, levels, region, background, encoder, generator",
    [((128, 64), 5, 48, 128, 47_352_736, 71_197_123), ((256, 256), 7, 64, 0, 58_140_832, 82_088_387)],
)
def test_sizes_of_the_paper(size, levels, region, background, encoder, generator):
    with torch.device("meta"):
        first, second = AppearanceEncoder(size, 128, levels, region, 32, background), Generator(size, 224 + background)
        image, boxes = torch.empty(2, 3, *size), torch.empty(2, 7, 4)
        foreground, behind = first(image, boxes, torch.empty(2, 7), torch.empty(2, 1, *size))
        assert foreground.shape == (2, 224)
        assert behind is None if not background else behind.shape == (2, background)
        assert second(torch.empty(2, 224 + background), torch.empty(2, 18, *size)).shape == image.shape
    assert (count(first), count(second)) == (encoder, generator)


def test_sizes_of_the_vectors_of_the_paper():
    with torch.device("meta"):
        assert count(VectorEncoder(54, 512, 32)) == 2_145_824 and count(PoseDecoder(32, 512)) == 2_145_846
        mappers = [count(VectorEncoder(code, hidden, code)) for code, hidden in ((224, 512), (128, 256), (32, 512))]
        assert mappers == [2_331_360, 592_256, 2_134_560]
        assert [count(CodeCritic(code, 512)) for code in (224, 128, 32)] == [903_681, 854_529, 805_377]


def test_codes_on_every_pixel_are_the_same_as_the_short_way():
    torch.manual_seed(0)
    network = Generator((16, 8), 5, width=3, bottleneck=4, levels=3)
    codes, pose = torch.randn(2, 5), torch.randn(2, 18, 16, 8)
    tiled = torch.cat([codes[:, :, None, None].expand(-1, -1, 16, 8), pose], dim=1)
    torch.testing.assert_close(network._first(codes, pose), network.stem(tiled), rtol=1e-5, atol=1e-5)


def test_the_order_of_1x1_convolution_and_doubling_does_not_matter():
    layer = Generator((16, 8), 5, width=3, bottleneck=4, levels=3).up[0]
    features = torch.rand(2, layer.in_channels, 4, 2)
    authors = F.relu(layer(F.interpolate(features, scale_factor=2)))
    assert torch.allclose(F.interpolate(F.relu(layer(features)), scale_factor=2), authors, atol=1e-6)


def test_foreground_and_background_do_not_see_each_other():
    torch.manual_seed(0)
    network = AppearanceEncoder((32, 16), 3, 3, 8, 4, 5)
    mask = torch.zeros(1, 1, 32, 16)
    mask[..., :16, :] = 1
    boxes = torch.tensor([[[2, 2, 12, 12]] * len(REGIONS)])
    visible = torch.ones(1, len(REGIONS))
    image = torch.randn(1, 3, 32, 16)
    above, below = image.clone(), image.clone()
    above[..., :10, :] += 1
    below[..., 20:, :] += 1  # beyond the three pixels that the stem sees

    codes, higher, lower = (network(each, boxes, visible, mask) for each in (image, above, below))
    assert torch.equal(codes[0], lower[0]) and not torch.equal(codes[1], lower[1])
    assert torch.equal(codes[1], higher[1]) and not torch.equal(codes[0], higher[0])
    codes, lower = (network(each, boxes, visible, mask, hidden=torch.ones_like(mask)) for each in (image, below))
    assert torch.equal(codes[1], lower[1])  # nothing is left to see


def test_what_is_not_seen_has_the_code_0():
    network = AppearanceEncoder((32, 16), 3, 3, 8, 4, 0)
    visible = torch.tensor([[1, 0, 1, 1, 0, 1, 1]])
    boxes = torch.tensor([[[2, 2, 12, 12]] * len(REGIONS)])
    codes, background = network(torch.randn(1, 3, 32, 16), boxes, visible, torch.zeros(1, 1, 32, 16))
    assert background is None
    assert torch.equal(codes.unflatten(1, (7, 4)).ne(0).any(dim=-1), visible.bool())


def test_a_trunk_takes_maps_whose_halvings_end_alike():
    trunk = Trunk((64, 64), 2, 7, 3)
    assert trunk(torch.randn(2, 2, 64, 64)).shape == trunk(torch.randn(2, 2, 48, 48)).shape == (2, 3)
    odd = Trunk((13, 7), 2, 3, 3)
    assert odd(torch.randn(1, 2, 13, 7)).shape == (1, 3)


def test_rounded_visibility_lets_gradients_pass():
    torch.manual_seed(0)
    network = PoseDecoder(6, 8)
    pose = network(torch.randn(5, 6))
    assert pose.shape == (5, 18, 3) and set(pose[..., 2].unique().tolist()) <= {0.0, 1.0}
    pose[..., 2].sum().backward()
    assert network.visibility.weight.grad.abs().sum() > 0
    assert network.places.weight.grad.abs().sum() == 0


def test_memory_layouts_agree():
    torch.manual_seed(0)
    network = Generator((16, 8), 5, width=3, bottleneck=4, levels=3)
    codes, pose = torch.randn(2, 5), torch.randn(2, 18, 16, 8)
    expected = network(codes, pose)
    last = network.to(memory_format=torch.channels_last)(codes, pose.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-5)


def test_modulation_starts_as_the_network_without_it_and_carries_codes_past_the_first_convolution():
    torch.manual_seed(0)
    network = Generator((16, 8), 5, width=3, bottleneck=4, levels=3, modulated=True)
    plain = Generator((16, 8), 5, width=3, bottleneck=4, levels=3)
    kept = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("modulation")}
    plain.load_state_dict(kept)
    codes, pose = torch.randn(2, 5), torch.randn(2, 18, 16, 8)
    assert torch.equal(network(codes, pose), plain(codes, pose))
    with torch.no_grad():
        network.stem.weight[:, :5] = 0
        same = network(codes, pose)
        for linear in network.modulation:
            linear.weight.normal_()
        other = network(codes, pose)
    assert torch.equal(network.stem.weight[:, :5], torch.zeros(3, 5, 3, 3)) and not torch.allclose(same, other)
    assert [linear.out_features for linear in network.modulation] == [2 * block.first.in_channels for block in network.decoder]


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="multiples of 16, not 120x64"):
        Generator((120, 64), 5)
