"""Perceptual distance: pictures compared by the features of a frozen network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class PerceptualLoss(nn.Module):
    """Weighted mean absolute difference of feature maps.

    sum over taps of factor * mean|phi(prediction) - phi(target)|, the mean over batch, channels and places. The target's
    features are computed without gradient.

    Args:
        features: network that maps (B, 3, H, W) to a dictionary of feature maps, usually `fashiongen.layers.VGG19Taps`.
        factors: tap name -> factor; these taps are compared.

    Raises:
        ValueError: when no tap is named.
    """

    def __init__(self, features: nn.Module, factors: Mapping[str, float]) -> None:
        super().__init__()
        if not factors:
            raise ValueError("a perceptual loss needs at least one tap with a factor")
        self.features = features
        self.factors = dict(factors)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Two (B, 3, H, W) pictures in [-1, 1] -> scalar."""
        distances = self.distances(prediction, target)
        return torch.stack([self.factors[tap] * distances[tap] for tap in self.factors]).sum()

    def distances(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The mean absolute difference at every tap, before its factor."""
        with torch.no_grad():
            wanted = self.features(target)
        got = self.features(prediction)
        return {tap: (got[tap] - wanted[tap]).abs().mean() for tap in self.factors}
