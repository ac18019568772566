from __future__ import annotations

import pytest
import torch

from fashiongen.layers import VGG19Taps
from fashiongen.losses import PerceptualLoss


@pytest.fixture(scope="module")
def features() -> VGG19Taps:
    return VGG19Taps(["conv1_2", "conv2_2"], "random", width=4)


def test_weighted_mean_distances(features: VGG19Taps) -> None:
    prediction, target = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    loss = PerceptualLoss(features, {"conv1_2": 2.0, "conv2_2": 0.5})
    first, second = ((features(prediction)[tap] - features(target)[tap]).abs().mean() for tap in ("conv1_2", "conv2_2"))
    torch.testing.assert_close(loss(prediction, target), 2 * first + 0.5 * second)
    assert loss(prediction, prediction) == 0


def test_only_the_prediction_learns(features: VGG19Taps) -> None:
    prediction, target = torch.rand(1, 3, 8, 8, requires_grad=True), torch.rand(1, 3, 8, 8, requires_grad=True)
    PerceptualLoss(features, {"conv2_2": 1.0})(prediction, target).backward()
    assert prediction.grad is not None and target.grad is None


def test_factors_are_needed(features: VGG19Taps) -> None:
    with pytest.raises(ValueError, match="at least one tap"):
        PerceptualLoss(features, {})
