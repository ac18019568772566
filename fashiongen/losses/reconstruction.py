"""Distances between a picture and its target."""

from __future__ import annotations

from torch import Tensor


def masked_l1(prediction: Tensor, target: Tensor, weight: Tensor | None = None, normalize: bool = False) -> Tensor:
    """Mean absolute difference, each place with its own weight.

    Args:
        prediction: (B, C, H, W).
        target: (B, C, H, W).
        weight: broadcastable to the pictures, usually (B, 1, H, W); 1 everywhere when None.
        normalize: divide by the sum of the weights instead of the number of values, so that the result does not depend on
            how large a mask is. An empty mask gives 0.

    Returns:
        scalar.
    """
    difference = (prediction - target).abs()
    if weight is None:
        return difference.mean()
    weighted = weight * difference
    if not normalize:
        return weighted.mean()
    total = weight.expand_as(difference).sum()
    return weighted.sum() / total.where(total > 0, 1)
