"""Distances between pictures inside a region."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import structural_similarity_index_measure


class _RegionMean(Metric):
    """Mean of a per-pixel map over the region of each picture, then over pictures; a picture with an empty region is left out."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def _accumulate(self, value: Tensor, region: Tensor | None) -> None:
        if region is None:
            region = torch.ones_like(value[:, :1])
        area = region.sum(dim=(1, 2, 3))
        means = (value.mean(1, keepdim=True) * region).sum(dim=(1, 2, 3)) / area.clamp_min(1e-9)
        self.total += means[area > 0].double().sum()
        self.count += (area > 0).sum()

    def compute(self) -> Tensor:
        return (self.total / self.count).float()


class MaskedL1(_RegionMean):
    """Mean absolute difference, in units of a [0, 1] picture, over a region of each picture; lower is better."""

    higher_is_better = False

    def update(self, prediction: Tensor, target: Tensor, region: Tensor | None = None) -> None:
        """Two (B, 3, H, W) batches in [-1, 1] and weights (B, 1, H, W) in [0, 1]; everywhere when `region` is None."""
        self._accumulate((prediction.float() - target.float()).abs() / 2, region)


class MaskedSSIM(_RegionMean):
    """Structural similarity (Gaussian window, sigma 1.5, 11 pixels) averaged over a region of each picture; higher is better.

    The windows at the rim of a region see what lies outside it: the similarity map is made on whole pictures and then averaged.
    """

    higher_is_better = True

    def update(self, prediction: Tensor, target: Tensor, region: Tensor | None = None) -> None:
        """Two (B, 3, H, W) batches in [-1, 1] and weights (B, 1, H, W) in [0, 1]; everywhere when `region` is None."""
        _, similarity = structural_similarity_index_measure(  # type: ignore[misc]
            prediction.float(), target.float(), data_range=(-1.0, 1.0), return_full_image=True
        )
        self._accumulate(similarity, region)
