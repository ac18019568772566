"""Structural similarity with the settings behind published numbers, which differ in the third digit from today's libraries."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

WINDOWS = ("gaussian", "uniform")
_SIGMA, _GAUSSIAN_RADIUS, _GAUSSIAN_CROP = 1.5, 6, 5
_UNIFORM_RADIUS = 3
_K1, _K2 = 0.01, 0.03

DataRange = float | Literal["reference"] | None


def truncate_to_bytes(image: Tensor) -> Tensor:
    """[-1, 1] -> uint8 by truncation, 255*(v + 1)/2 without rounding, as the papers' code stores pictures."""
    return (255 * (image + 1) / 2).clamp(0, 255).to(torch.uint8)


def value_range(image: Tensor, reference: Tensor, data_range: DataRange) -> Tensor:
    """(B, 1, 1, 1): the range of values that a figure counts with, see `structural_similarity`.

    Raises:
        ValueError: for a word that is not "reference".
    """
    if isinstance(data_range, str) and data_range != "reference":
        raise ValueError(f"data_range is a number, None or 'reference', not {data_range!r}")
    if data_range is None or data_range == "reference":
        picture = image if data_range is None else reference
        return picture.amax(dim=(1, 2, 3), keepdim=True) - picture.amin(dim=(1, 2, 3), keepdim=True)
    return torch.full_like(image[:, :1, :1, :1], float(data_range))


def structural_similarity(image: Tensor, reference: Tensor, window: str = "gaussian", data_range: DataRange = None) -> Tensor:
    """SSIM of each picture: per channel, in float64, then the mean over channels and places.

    Args:
        image: (B, C, H, W) generated pictures, in any units, such as 0..255.
        reference: (B, C, H, W) true pictures, in the same.
        window: "gaussian": standard deviation 1.5 over 13 pixels, population covariance, 5 pixels at the border left out
            (scikit-image 0.13's `gaussian_weights=True`; newer versions take 11 pixels). "uniform": 7x7, sample covariance,
            3 pixels left out (scikit-image's default).
        data_range: difference of the largest and smallest possible value, 255 in most papers. None takes max - min of each
            *generated* picture, as Deformable GAN's evaluation does; "reference" that of each true picture, as PG2's training log
            and Disentangled PIG's `score.py` do.

    Returns:
        (B,) float64; 1 for equal pictures.

    Raises:
        ValueError: for an unknown window or range, or pictures smaller than the window.
    """
    if window not in WINDOWS:
        raise ValueError(f"window is 'gaussian' or 'uniform', not {window!r}")
    radius = _GAUSSIAN_RADIUS if window == "gaussian" else _UNIFORM_RADIUS
    side = 2 * radius + 1
    if min(image.shape[-2:]) < side:
        raise ValueError(f"structural similarity with a window of {side} pixels needs larger pictures than {tuple(image.shape)}")
    offset = torch.arange(-radius, radius + 1, dtype=torch.float64, device=image.device)
    if window == "gaussian":
        taps, border, correction = (-0.5 * (offset / _SIGMA).square()).exp(), radius - _GAUSSIAN_CROP, 1.0
    else:
        taps, border, correction = torch.ones_like(offset), 0, side**2 / (side**2 - 1)
    taps = taps / taps.sum()

    def local_mean(picture: Tensor) -> Tensor:
        planes = F.pad(picture, (border,) * 4, mode="replicate").flatten(0, 1)[:, None]
        planes = F.conv2d(F.conv2d(planes, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1))
        return planes[:, 0].unflatten(0, picture.shape[:2])

    x, y = image.double(), reference.double()
    span = value_range(x, y, data_range)
    c1, c2 = (_K1 * span).square(), (_K2 * span).square()
    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x = correction * (local_mean(x * x) - mean_x.square())
    variance_y = correction * (local_mean(y * y) - mean_y.square())
    covariance = correction * (local_mean(x * y) - mean_x * mean_y)
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2))
    return similarity.mean(dim=(1, 2, 3))


class StructuralSimilarity(Metric):
    """Mean of `structural_similarity` over pictures that were stored as bytes; higher is better.

    Args:
        window: see `structural_similarity`.
        data_range: see `structural_similarity`.
    """

    higher_is_better = True
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, window: str = "gaussian", data_range: DataRange = None) -> None:
        super().__init__()
        self.window = window
        self.data_range = data_range
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor, region: Tensor | None = None) -> None:
        """Two (B, 3, H, W) batches in [-1, 1].

        With a region (B, 1, H, W) of 0 and 1 both pictures are blackened outside it first (mask-SSIM): the black counts as
        perfect agreement.
        """
        image, reference = truncate_to_bytes(prediction), truncate_to_bytes(target)
        if region is not None:
            inside = region != 0
            image, reference = image * inside, reference * inside
        similarity = structural_similarity(image, reference, self.window, self.data_range)
        self.total += similarity.sum()
        self.count += len(similarity)

    def compute(self) -> Tensor:
        return self.total / self.count
