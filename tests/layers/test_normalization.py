from __future__ import annotations

import pytest
import torch
from torch import nn

from fashiongen.layers import BatchNorm2d


@pytest.mark.parametrize("decay", [0.9, 0.999])
def test_without_the_bias_it_is_pytorchs(decay: float) -> None:
    ours, theirs = BatchNorm2d(5, decay=decay), nn.BatchNorm2d(5, momentum=1 - decay)
    for _ in range(3):
        features = torch.randn(3, 5, 4, 4) * 2 + 1
        torch.testing.assert_close(ours(features), theirs(features))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(features), theirs.eval()(features))


def test_biased_running_variance() -> None:
    norm = BatchNorm2d(4, decay=0.75, biased=True)
    features = torch.randn(2, 4, 2, 1)
    output = norm(features)
    variance, mean = torch.var_mean(features, dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(norm.running_mean, 0.25 * mean)
    torch.testing.assert_close(norm.running_var, 0.75 + 0.25 * variance)
    torch.testing.assert_close(output, nn.BatchNorm2d(4)(features))


def test_one_value_per_channel_gives_the_shift() -> None:
    norm = BatchNorm2d(3, biased=True)
    nn.init.constant_(norm.bias, 0.3)
    output = norm(torch.randn(1, 3, 1, 1))
    # Without spread the rounding of the mean is enlarged by 1 / sqrt(eps).
    torch.testing.assert_close(output, torch.full((1, 3, 1, 1), 0.3), atol=1e-4, rtol=0)
    torch.testing.assert_close(norm.running_var, torch.full((3,), 0.9))


def test_evaluation_leaves_the_statistics_alone() -> None:
    norm = BatchNorm2d(3).eval()
    norm(torch.randn(4, 3, 2, 2))
    assert norm.running_mean.eq(0).all() and norm.running_var.eq(1).all()


def test_gradients_are_pytorchs() -> None:
    ours, theirs = BatchNorm2d(3, biased=True), nn.BatchNorm2d(3)
    features = torch.randn(2, 3, 4, 4)
    a, b = features.clone().requires_grad_(), features.clone().requires_grad_()
    ours(a).pow(3).sum().backward()
    theirs(b).pow(3).sum().backward()
    torch.testing.assert_close(a.grad, b.grad)


def test_another_number_of_axes_is_refused() -> None:
    with pytest.raises(ValueError, match="4D"):
        BatchNorm2d(3)(torch.randn(2, 3))
