from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity as reference_similarity

from fashiongen.metrics.ssim import StructuralSimilarity, structural_similarity, truncate_to_bytes


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first = torch.randint(0, 256, (2, 3, 24, 20), generator=generator, dtype=torch.uint8)
    second = (first * 0.7 + torch.rand(first.shape, generator=generator) * 60).to(torch.uint8)
    return second, first


@pytest.mark.parametrize("data_range", [255.0, None])
def test_uniform_window_equals_scikit_image(data_range: float | None) -> None:
    image, reference = pair()
    for index, value in enumerate(structural_similarity(image, reference, "uniform", data_range)):
        span = data_range or float(image[index].max()) - float(image[index].min())
        expected = reference_similarity(reference[index].numpy(), image[index].numpy(), channel_axis=0, data_range=span)
        assert value.item() == pytest.approx(expected, abs=1e-10)


def test_gaussian_window_has_thirteen_taps() -> None:
    """Written out for one channel; `tests/golden/test_deformable_gan.py` holds the numbers of scikit-image 0.13."""
    x, y = (picture[0, 0].double().numpy() for picture in pair())

    def mean(picture: np.ndarray) -> np.ndarray:
        return gaussian_filter(picture, 1.5, truncate=4, mode="reflect")

    covariance = mean(x * y) - mean(x) * mean(y)
    spread = mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2
    c1, c2 = 2.55**2, 7.65**2
    similarity = (2 * mean(x) * mean(y) + c1) * (2 * covariance + c2) / ((mean(x) ** 2 + mean(y) ** 2 + c1) * (spread + c2))
    image, reference = (picture[:1, :1] for picture in pair())
    value = structural_similarity(image, reference, data_range=255)
    assert value.item() == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=1e-10)


def test_equal_pictures() -> None:
    _, reference = pair()
    for window in ("gaussian", "uniform"):
        torch.testing.assert_close(structural_similarity(reference, reference, window), torch.ones(2).double())


def test_metric_stores_bytes_and_masks() -> None:
    image, reference = ((picture.double() + 0.5) / 127.5 - 1 for picture in pair())
    metric = StructuralSimilarity()
    metric.update(image[:1], reference[:1])
    metric.update(image[1:], reference[1:])
    torch.testing.assert_close(metric.compute(), structural_similarity(*pair()).mean())
    region = torch.zeros(2, 1, 24, 20)
    region[..., 4:18, 4:16] = 1
    masked = StructuralSimilarity()
    masked.update(image, reference, region)
    assert metric.compute() < masked.compute() < 1


def test_truncation() -> None:
    levels = torch.tensor([-1.0, -0.9, 0.0, 0.999, 1.0, 3.0, -2.0])
    assert truncate_to_bytes(levels).tolist() == [0, 12, 127, 254, 255, 255, 0]


def test_bad_input() -> None:
    image, reference = pair()
    with pytest.raises(ValueError, match="gaussian"):
        structural_similarity(image, reference, window="box")
    with pytest.raises(ValueError, match="larger pictures"):
        structural_similarity(image[..., :10, :10], reference[..., :10, :10])


def test_the_range_of_the_true_picture() -> None:
    image, reference = pair()
    for index, value in enumerate(structural_similarity(image, reference, "uniform", "reference")):
        span = float(reference[index].max()) - float(reference[index].min())
        expected = reference_similarity(reference[index].numpy(), image[index].numpy(), channel_axis=0, data_range=span)
        assert value.item() == pytest.approx(expected, abs=1e-10)
    with pytest.raises(ValueError, match="a number, None or 'reference'"):
        structural_similarity(image, reference, data_range="image")


def test_states_are_reset_and_merged() -> None:
    image, reference = ((picture.double() + 0.5) / 127.5 - 1 for picture in pair())
    metric, other = StructuralSimilarity(), StructuralSimilarity()
    metric.update(reference, image)
    metric.reset()
    metric.update(image[:1], reference[:1])
    other.update(image[1:], reference[1:])
    metric.merge_state(other)
    torch.testing.assert_close(metric.compute(), structural_similarity(*pair()).mean())
