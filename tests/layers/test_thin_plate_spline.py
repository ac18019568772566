from __future__ import annotations

import pytest
import torch

from fashiongen.layers import ThinPlateSpline, thin_plate_spline
from fashiongen.layers.thin_plate_spline import (
    regular_grid,
    spline_inverse,
    thin_plate_spline_grid,
    unpack_control_points,
    warp,
)


def bent(rows: int, columns: int, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return regular_grid(rows, columns) + 0.2 * torch.randn(batch, rows * columns, 2, generator=generator, dtype=torch.float64)


def test_regular_grid_runs_along_x_first_and_reaches_the_corners() -> None:
    grid = regular_grid(2, 3)
    assert grid.tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 1], [0, 1], [1, 1]]


def test_control_points_of_the_regular_grid_change_nothing() -> None:
    image = torch.rand(2, 3, 24, 18)
    points = regular_grid(4, 5).float().expand(2, -1, -1)
    torch.testing.assert_close(thin_plate_spline(image, points, (4, 5)), image, atol=1e-5, rtol=0)


def test_the_spline_passes_through_its_control_points() -> None:
    # Every second pixel of a 9 x 7 picture is a point of the 5 x 4 grid.
    points = bent(5, 4)
    grid = thin_plate_spline_grid(points, (5, 4), (9, 7))
    torch.testing.assert_close(grid[:, ::2, ::2].flatten(1, 2), points, atol=1e-10, rtol=0)


def test_affine_motions_are_exact() -> None:
    matrix = torch.tensor([[0.8, 0.3], [-0.2, 1.1]], dtype=torch.float64)
    shift = torch.tensor([0.1, -0.3], dtype=torch.float64)
    points = (regular_grid(5, 5) @ matrix.T + shift)[None]
    expected = (regular_grid(8, 6) @ matrix.T + shift).view(1, 8, 6, 2)
    torch.testing.assert_close(thin_plate_spline_grid(points, (5, 5), (8, 6)), expected, atol=1e-10, rtol=0)


def test_the_inverse_is_one_of_the_interpolation_system() -> None:
    inverse = spline_inverse(3, 3)
    weights = inverse[3:, :9] @ torch.randn(9, 2, dtype=torch.float64)
    # Kernel weights are orthogonal to constants, x and y.
    torch.testing.assert_close(weights.sum(0), torch.zeros(2, dtype=torch.float64), atol=1e-10, rtol=0)
    torch.testing.assert_close(regular_grid(3, 3).T @ weights, torch.zeros(2, 2, dtype=torch.float64), atol=1e-10, rtol=0)


def test_outside_the_picture_the_border_is_repeated() -> None:
    image = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    points = regular_grid(2, 2).float()[None] + torch.tensor([5.0, 0.0])
    assert thin_plate_spline(image, points, (2, 2)).eq(3).all()


@pytest.mark.parametrize("size", [None, (12, 10)])
def test_module_and_function_agree(size: tuple[int, int] | None) -> None:
    image, points = torch.rand(2, 3, 16, 12), bent(3, 3).float()
    expected = thin_plate_spline(image, points, (3, 3), size)
    torch.testing.assert_close(ThinPlateSpline((3, 3), size)(image, points), expected)
    torch.testing.assert_close(ThinPlateSpline((3, 3), (16, 12))(image, points, size), expected)


def test_the_matrix_is_not_part_of_the_weights() -> None:
    assert not ThinPlateSpline((3, 3), (8, 8)).state_dict()


def test_gradients_reach_image_and_control_points() -> None:
    image, points = torch.rand(1, 1, 6, 5, dtype=torch.float64), 0.8 * bent(3, 3, 1)
    assert torch.autograd.gradcheck(
        lambda image, points: thin_plate_spline(image, points, (3, 3)), (image.requires_grad_(), points.requires_grad_())
    )


def test_autocast_keeps_the_coordinates_exact() -> None:
    image, points = torch.rand(1, 3, 16, 12), bent(3, 3, 1).float()
    module = ThinPlateSpline((3, 3), (16, 12))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module(image, points), thin_plate_spline(image, points, (3, 3)))
        assert module(image.bfloat16(), points).dtype == torch.bfloat16


def test_inference_mode_does_not_spoil_later_training() -> None:
    image, points = torch.rand(1, 1, 7, 9), bent(3, 4, 1).float()
    with torch.inference_mode():
        thin_plate_spline(image, points, (3, 4))
    points.requires_grad_()
    thin_plate_spline(image, points, (3, 4)).sum().backward()
    assert points.grad is not None


def test_compiles_to_one_graph() -> None:
    image, points = torch.rand(1, 1, 8, 8), bent(3, 3, 1).float()
    module = ThinPlateSpline((3, 3), (8, 8))
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    assert torch.equal(compiled(image, points), module(image, points))


def test_unpack_control_points_of_the_authors_files() -> None:
    columns, rows = torch.arange(3.0).expand(2, 3) / 2, torch.arange(2.0)[:, None].expand(2, 3)
    assert torch.equal(unpack_control_points(torch.stack([columns, rows])), regular_grid(2, 3).float())


def test_warp_at_identity_keeps_the_type() -> None:
    image = torch.rand(1, 2, 5, 4).bfloat16()
    grid = regular_grid(5, 4).float().view(1, 5, 4, 2)
    assert torch.equal(warp(image, grid), image)


@pytest.mark.parametrize("shape", [(1, 8, 2), (9, 2), (1, 9, 3)])
@pytest.mark.parametrize("size", [None, (8, 8)])
def test_wrong_control_points_are_refused(shape: tuple[int, ...], size: tuple[int, int] | None) -> None:
    with pytest.raises(ValueError, match="grid of 3 x 3 needs control points"):
        ThinPlateSpline((3, 3), size)(torch.rand(1, 1, 8, 8), torch.zeros(shape))


def test_a_single_row_of_points_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 x 2"):
        ThinPlateSpline((1, 5), (8, 8))
