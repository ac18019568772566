import pytest
import torch

from fashiongen.models.cagan.losses import colour_loss, colour_statistics


def pictures(size=8, batch=2):
    torch.manual_seed(0)
    return torch.rand(batch, 3, size, size) * 2 - 1


def test_statistics_of_colours():
    image = pictures()
    mean, covariance = colour_statistics(image)
    assert torch.allclose(mean, image.mean((2, 3)))
    expected = sum(torch.cov(each.flatten(1), correction=0) for each in image)
    assert torch.allclose(covariance, expected, atol=1e-6)


def test_the_covariance_grows_with_the_batch():
    image = pictures(batch=1)
    assert torch.allclose(colour_statistics(image.repeat(3, 1, 1, 1))[1], 3 * colour_statistics(image)[1])


def test_neighbouring_scales_are_compared():
    small, middle, large = pictures(4), pictures(8), pictures(16)
    assert colour_loss([small]) == 0
    assert colour_loss([middle, middle.repeat_interleave(2, 2).repeat_interleave(2, 3)]) == pytest.approx(0, abs=1e-6)
    both = colour_loss([small, middle]) + colour_loss([middle, large])
    assert torch.allclose(colour_loss([small, middle, large]), both)
    (mean, covariance), (next_mean, next_covariance) = colour_statistics(small), colour_statistics(middle)
    expected = 2 * (mean - next_mean).square().mean() + 3 * (covariance - next_covariance).square().mean()
    assert torch.allclose(colour_loss([small, middle], 2, 3), expected)
