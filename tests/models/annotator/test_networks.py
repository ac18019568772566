import pytest
import torch

from fashiongen.models.annotator.networks import PersonReader, locate


def test_shapes():
    network = PersonReader("resnet18d", (8, 16, 16, 24), 8, joints=18, labels=20)
    reading = network(torch.zeros(2, 3, 64, 96))
    assert reading.joints.shape == (2, 18, 32, 48)
    assert reading.visibility.shape == (2, 18, 3)
    assert reading.parsing.shape == (2, 20, 32, 48)


def test_visibility_looks_at_the_place_of_the_joint():
    torch.manual_seed(0)
    network = PersonReader("resnet18d", (8, 8, 8, 8), 8, joints=2, labels=3).eval()
    reading = network(torch.randn(1, 3, 64, 64))
    with torch.no_grad():
        network.joints.weight.mul_(100)
    assert not torch.allclose(network(torch.randn(1, 3, 64, 64)).visibility, reading.visibility)


@pytest.mark.parametrize("x, y", [(7.5, 3.5), (6.2, 9.9), (0.5, 0.5), (15.5, 11.5)])
def test_a_gaussian_is_located_in_its_middle(x, y):
    columns, rows = torch.arange(16) + 0.5, torch.arange(12) + 0.5
    maps = -((columns - x).square()[None] + (rows - y).square()[:, None]) / (2 * 0.7**2)
    places, share = locate(maps.expand(1, 3, -1, -1), window=3)
    assert places.shape == (1, 3, 2)
    inside = 3 <= x <= 13 and 3 <= y <= 9
    assert torch.allclose(places[0, 0], torch.tensor([x, y]), atol=0.02 if inside else 0.5)
    assert share[0, 0] > 0.99


def test_of_two_places_the_likelier_one_is_taken():
    maps = torch.full((1, 1, 8, 8), -20.0)
    maps[..., 1, 1], maps[..., 6, 5] = 1.0, 0.0
    places, share = locate(maps)
    assert torch.allclose(places[0, 0], torch.tensor([1.5, 1.5]), atol=1e-3)
    assert share[0, 0] == pytest.approx(1 / (1 + torch.e**-1), abs=1e-3)
