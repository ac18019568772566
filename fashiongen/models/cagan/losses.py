"""Colour consistency between scales, after StackGAN-v2: part of the profile "stacked" alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


def colour_statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean colour of each picture, and the covariance of colours.

    Args:
        image: (B, 3, H, W).

    Returns:
        (B, 3), and (3, 3): a *sum* over the batch of the covariances of the pictures, so it grows with the batch.
    """
    mean = image.mean(dim=(2, 3))
    deviations = (image - mean[:, :, None, None]).flatten(2)
    return mean, torch.einsum("bcn,bdn->cd", deviations, deviations) / deviations.shape[2]


def colour_loss(images: Sequence[Tensor], mean_weight: float = 1.0, covariance_weight: float = 5.0) -> Tensor:
    """How much the colours of pictures differ from one scale to the next; 0 for a single scale.

    Args:
        images: (B, 3, h, w) each, of growing size.
        mean_weight, covariance_weight: of the squared differences of mean colours and of covariances.

    Returns:
        scalar: the sum over neighbouring scales.
    """
    statistics = [colour_statistics(image) for image in images]
    total = images[0].new_zeros(())
    for (mean, covariance), (next_mean, next_covariance) in pairwise(statistics):
        total = total + mean_weight * (mean - next_mean).square().mean()
        total = total + covariance_weight * (covariance - next_covariance).square().mean()
    return total
