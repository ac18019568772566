from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashiongen.layers.contours import boundary_points, garment_silhouette, label_region, soft_region


def disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.indices(size)
    return ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2).astype(float)


def test_silhouette_is_filled_and_without_specks() -> None:
    image = np.full((40, 30, 3), 255, np.uint8)
    image[8:32, 6:24] = (200, 10, 10)
    image[18:20, 14:16] = 255
    image[2, 2] = 0
    silhouette = garment_silhouette(image, (40, 30))
    assert silhouette[18:20, 14:16].all()
    assert silhouette[2, 2] == 0
    assert silhouette[8:32, 6:24].sum() == 24 * 18 - 4  # the median takes the four corners
    assert silhouette.sum() == 24 * 18 - 4


def test_one_channel_at_white_is_background() -> None:
    image = np.full((12, 12, 3), 255, np.uint8)
    image[2:10, 2:10, :2] = 0
    assert garment_silhouette(image, (12, 12)).sum() == 0


def test_white_threshold() -> None:
    image = np.full((12, 12, 3), 252, np.uint8)
    assert garment_silhouette(image, (12, 12)).any()
    assert not garment_silhouette(image, (12, 12), white=251).any()


@pytest.mark.parametrize("size", [(64, 48), (31, 17)])
def test_label_region_samples_like_pillow(size: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).integers(0, 20, (201, 133)).astype(np.uint8)
    nearest = np.asarray(Image.fromarray(labels).resize(size[::-1], Image.Resampling.NEAREST))
    np.testing.assert_array_equal(label_region(labels, size, ids={5, 6}), np.isin(nearest, [5, 6]))


def test_soft_region_is_not_thresholded() -> None:
    region = soft_region(np.full((32, 24), 0.3, np.float32), (8, 6))
    np.testing.assert_allclose(region, 0.3, atol=1e-7)


def test_closed_contour_repeats_its_first_point() -> None:
    points, tangents = boundary_points(disc((32, 24), (15, 11), 7))
    np.testing.assert_array_equal(points[0], points[-1])
    assert tangents.shape == (len(points),)


def test_points_are_one_based_crossings_of_the_pixel_grid() -> None:
    region = np.zeros((5, 6))
    region[2, 3] = 1
    points, _ = boundary_points(region)
    assert {tuple(point) for point in points.tolist()} == {(4.0, 2.5), (4.5, 3.0), (4.0, 3.5), (3.5, 3.0)}


def test_level_is_interpolated_and_tangent_is_a_quarter_turn_from_the_gradient() -> None:
    points, tangents = boundary_points(np.tile([0.0, 0.0, 0.8, 0.8], (5, 1)))
    np.testing.assert_allclose(points[:, 0], 2 + 0.5 / 0.8)
    np.testing.assert_allclose(tangents, np.pi / 2)


def test_several_contours_are_listed_in_row_major_order() -> None:
    region = np.maximum(disc((40, 40), (30, 8), 4), disc((40, 40), (10, 30), 4))
    points, _ = boundary_points(region)
    assert points[0, 1] < 20 < points[-1, 1]


def test_no_boundary() -> None:
    points, tangents = boundary_points(np.ones((8, 8)))
    assert points.shape == (0, 2)
    assert tangents.shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boundary_points(np.full((8, 8), np.nan)), "finite"),
        (lambda: boundary_points(np.zeros((1, 8))), "2x2"),
        (lambda: garment_silhouette(np.zeros((8, 8, 3)), (4, 4)), "uint8"),
        (lambda: label_region(np.zeros((8, 8, 3), np.uint8), (4, 4)), "two axes"),
        (lambda: soft_region(np.zeros(8), (4, 4)), "two axes"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
