from __future__ import annotations

import pytest
import torch

from fashiongen.layers.polygons import fill_polygons, segment_quads

SQUARE = torch.tensor([[1.0, 1], [4, 1], [4, 3], [1, 3]]).double()


def test_convention_each_edge_holds_one_of_its_ends() -> None:
    vertical = fill_polygons(SQUARE, 6, 6)
    assert vertical.nonzero().tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]
    assert torch.equal(fill_polygons(SQUARE.flip(0), 6, 6), vertical)
    diamond = torch.tensor([[2.0, 0], [4, 2], [2, 4], [0, 2]]).double()
    horizontal = fill_polygons(diamond, 5, 5, rays="horizontal")
    assert torch.equal(horizontal, fill_polygons(diamond.flip(-1), 5, 5).T)


def test_a_batch_of_polygons() -> None:
    both = fill_polygons(torch.stack([SQUARE, SQUARE + 1]), 6, 6)
    assert torch.equal(both[1, 1:, 1:], both[0, :-1, :-1])


@pytest.mark.parametrize("vertices", [SQUARE[:1].expand(4, 2), SQUARE[[0, 2, 0, 2]], SQUARE * torch.nan, SQUARE + 100])
def test_polygons_without_area_or_outside_cover_nothing(vertices: torch.Tensor) -> None:
    assert not fill_polygons(vertices, 6, 6).any()


def test_segment_quads() -> None:
    quad = segment_quads(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 5.0]), 2.0)
    assert quad.tolist() == [[2, 0], [-2, 0], [-2, 5], [2, 5]]
    point = torch.tensor([3.0, 4.0])
    assert segment_quads(point, point, 2.0).tolist() == [[3, 4]] * 4


def test_unknown_direction() -> None:
    with pytest.raises(ValueError, match="vertical"):
        fill_polygons(SQUARE, 6, 6, rays="diagonal")
