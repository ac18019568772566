import pytest
import torch

from fashiongen.models.disentangled_pig.layered import Backdrop, LayeredGenerator, draw_exchanged
from fashiongen.models.disentangled_pig.networks import Generator

SIZE, FOREGROUND, BACKGROUND = (16, 8), 6, 5


def inputs(count=3):
    torch.manual_seed(1)
    return torch.randn(count, FOREGROUND), torch.randn(count, BACKGROUND), torch.randn(count, 18, *SIZE).sign()


def layered(modulated=True):
    torch.manual_seed(0)
    network = LayeredGenerator(SIZE, FOREGROUND, BACKGROUND, 3, 4, 3, modulated)
    for linear in network.person.modulation:
        torch.nn.init.normal_(linear.weight)
    return network


@pytest.mark.parametrize("modulated", [False, True])
def test_neither_layer_depends_on_the_code_of_the_other(modulated):
    network = layered(modulated)
    foreground, background, pose = inputs()
    person, backdrop, matte = network.layers(torch.cat([foreground, background], dim=1), pose)
    assert person.shape == backdrop.shape == (3, 3, *SIZE) and matte.shape == (3, 1, *SIZE)
    other = network.layers(torch.cat([foreground, background.flip(0)], dim=1), pose)
    assert torch.equal(other[0], person) and torch.equal(other[2], matte) and not torch.allclose(other[1], backdrop)
    other = network.layers(torch.cat([foreground.flip(0), background], dim=1), pose.flip(3))
    assert torch.equal(other[1], backdrop) and not torch.allclose(other[0], person)


def test_the_person_lies_over_the_background():
    network = layered()
    foreground, background, pose = inputs()
    codes = torch.cat([foreground, background], dim=1)
    person, backdrop, matte = network.layers(codes, pose)
    assert torch.allclose(network(codes, pose), backdrop + matte.sigmoid() * (person - backdrop), atol=1e-6)


@pytest.mark.parametrize(
    "network", [layered(), Generator(SIZE, FOREGROUND + BACKGROUND, 3, 4, 3)], ids=["two layers", "one network"]
)
def test_backgrounds_are_exchanged_with_the_one_before(network):
    foreground, background, pose = inputs()
    drawn, exchanged, *layers = draw_exchanged(network, foreground, background, pose, torch.ones(3, 1, *SIZE))
    assert torch.allclose(drawn, network(torch.cat([foreground, background], dim=1), pose), atol=1e-6)
    assert torch.allclose(exchanged, network(torch.cat([foreground, background.roll(1, 0)], dim=1), pose), atol=1e-6)
    assert all((layer is None) == isinstance(network, Generator) for layer in layers)


def test_backgrounds_learn_nothing_from_what_shows_through_bodies():
    network = layered(modulated=False)
    foreground, background, pose = inputs()
    mask = torch.zeros(3, 1, *SIZE)
    mask[0, :, :, :3] = mask[1, :, :, 5:] = mask[2, :, 4:8] = 1
    seen = []
    network.backdrop.register_forward_hook(lambda module, inputs, output: output.retain_grad() or seen.append(output))
    for picture in range(2):
        draw_exchanged(network, foreground, background, pose, mask)[picture].sum().backward()
    (own, other) = (backdrop.grad != 0 for backdrop in seen)
    assert torch.equal(own.any(dim=1, keepdim=True), mask == 0)
    assert torch.equal(other.roll(1, 0).any(dim=1, keepdim=True), (mask == 0) & (mask.roll(1, 0) == 0))


def test_a_backdrop_starts_at_the_deepest_level():
    network = Backdrop((32, 16), 5, 3, 4)
    assert network.grid == (4, 2) and network.from_code.out_features == 4 * 2 * 12
    assert network(torch.randn(2, 5)).shape == (2, 3, 32, 16)
