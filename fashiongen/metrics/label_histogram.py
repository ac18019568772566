"""Do drawn label maps hold the labels in the right amounts?"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


def label_histogram(labels: Tensor, classes: int) -> Tensor:
    """Share of the area of each label.

    Args:
        labels: (N, H, W) integer ids.
        classes: number of labels K.

    Returns:
        (N, K) float32, each row sums to 1.
    """
    flat = labels.flatten(1).long()
    counts = torch.zeros(len(flat), classes, device=labels.device)
    return counts.scatter_add_(1, flat, torch.ones_like(flat, dtype=counts.dtype)) / flat.shape[1]


class LabelHistogramDistance(Metric):
    """Total variation distance between the label histograms of drawn and true maps; lower is better.

    Half the sum over labels of the absolute difference of their shares of the area, over all pictures of each set together: 0 when
    every label covers as much in both sets, 1 when they have no label in common.

    Args:
        classes: number of labels.
        background: count label 0 as well; without it the distance does not see how large people are.
    """

    full_state_update = False
    higher_is_better = False
    drawn: Tensor
    true: Tensor

    def __init__(self, classes: int, background: bool = False) -> None:
        super().__init__()
        self.classes = classes
        self.background = background
        for name in ("drawn", "true"):
            self.add_state(name, torch.zeros(classes, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, drawn: Tensor, true: Tensor) -> None:
        """Two (B, H, W) batches of integer ids; they need not belong together."""
        self.drawn += label_histogram(drawn, self.classes).double().sum(dim=0)
        self.true += label_histogram(true, self.classes).double().sum(dim=0)

    def compute(self) -> Tensor:
        first = 0 if self.background else 1
        drawn, true = (each[first:] / each[first:].sum().clamp(min=1e-12) for each in (self.drawn, self.true))
        return ((drawn - true).abs().sum() / 2).float()
