"""Detection score: how surely a detector of people sees one on generated pictures."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from fashiongen.metrics.ssim import truncate_to_bytes


class DetectionScore(Metric):
    """Mean over pictures of the highest confidence in a person, 0 where none is found (Deformable GAN). Higher is better.

    Args:
        detector: 8-bit pictures (B, 3, H, W) -> (B,) confidences. The published numbers are those of
            `fashiongen.metrics.networks.CaffePersons`; `TorchvisionPersons` adapts what is at hand.
    """

    higher_is_better = True
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, detector: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.detector = detector
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor) -> None:
        """(B, 3, H, W) in [-1, 1]; stored as bytes.

        Raises:
            ValueError: when the detector does not give one number a picture.
        """
        if isinstance(self.detector, nn.Module):
            self.detector.eval()
        confidence = self.detector(truncate_to_bytes(prediction))
        if confidence.shape != prediction.shape[:1]:
            raise ValueError(f"a detector gives (B,) confidences, here {len(prediction)}, not {tuple(confidence.shape)}")
        self.total += confidence.double().sum()
        self.count += len(confidence)

    def compute(self) -> Tensor:
        return self.total / self.count
