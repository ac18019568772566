from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fashiongen.metrics.detection_score import DetectionScore


class Brightest(nn.Module):
    """As sure as the brightest level is high."""

    def forward(self, image: Tensor) -> Tensor:
        assert not self.training and image.dtype == torch.uint8
        return image.flatten(1).amax(dim=1) / 255


def pictures() -> Tensor:
    return torch.rand(5, 3, 8, 6, generator=torch.Generator().manual_seed(1)) * 1.5 - 1


def test_the_mean_of_the_highest_confidences() -> None:
    images = pictures()
    expected = (torch.floor(255 * (images + 1) / 2) / 255).flatten(1).amax(dim=1).double().mean().item()
    metric = DetectionScore(Brightest()).train()
    for batch in (images[:2], images[2:]):
        metric.update(batch)
    assert metric.compute().item() == pytest.approx(expected)
    metric.reset()
    metric.update(images[:2])
    other = DetectionScore(Brightest())
    other.update(images[2:])
    metric.merge_state(other)
    assert metric.compute().item() == pytest.approx(expected)


def test_another_answer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gives \(B,\) confidences, here 5, not \(5, 1\)"):
        DetectionScore(lambda image: torch.zeros(len(image), 1)).update(pictures())
