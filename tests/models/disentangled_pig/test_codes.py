import math

import pytest
import torch

from fashiongen.models.disentangled_pig.codes import Codes, linear_path, regions_named, spherical_path


def test_a_straight_line():
    low, high = torch.zeros(4, 3), torch.ones(4, 3)
    walk = linear_path(low, high, torch.linspace(0, 1, 5))
    assert walk.shape == (5, 4, 3) and torch.equal(walk[:, 0, 0], torch.linspace(0, 1, 5))


def test_an_arc_keeps_unit_vectors_unit_and_turns_evenly():
    low, high = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    walk = spherical_path(low, high, torch.linspace(0, 1, 4))
    assert torch.allclose(walk.norm(dim=-1), torch.ones(4))
    angles = torch.atan2(walk[:, 1], walk[:, 0])
    assert torch.allclose(angles, torch.linspace(0, math.pi / 2, 4), atol=1e-6)


def test_an_arc_between_parallel_vectors_is_a_straight_line():
    low = torch.tensor([[1.0, 2.0], [1.0, 0.0]])
    high = torch.tensor([[2.0, 4.0], [-1.0, 0.0]])
    walk = spherical_path(low, high, torch.tensor([0.0, 0.25, 1.0]))
    assert walk.isfinite().all() and torch.allclose(walk[:, 0], low[0] * torch.tensor([[1.0], [1.25], [2.0]]))


def test_regions_by_name():
    assert regions_named("legs") == (2,)
    assert regions_named("bottom") == (2, 5, 6) and regions_named("top") == (1, 3, 4)
    with pytest.raises(ValueError, match="no body region 'hat'; choose from head, upper_body"):
        regions_named("hat")


def test_the_foreground_region_by_region():
    codes = Codes(torch.arange(28.0).view(1, 28), None, torch.zeros(1, 3))
    assert codes.regions().shape == (1, 7, 4) and codes.regions()[0, 2].tolist() == [8, 9, 10, 11]
