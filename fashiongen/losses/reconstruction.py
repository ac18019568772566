"""Distances between a picture and its target."""

from __future__ import annotations

from torch import Tensor

from fashiongen.layers.label_means import label_means


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


def label_colour_loss(prediction: Tensor, target: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Squared distance of the mean colours of labels: what L1, which asks for medians, leaves open.

    Args:
        prediction, target: (B, C, H, W).
        labels: (B, H, W) integer ids.
        classes: number of labels K.

    Returns:
        scalar: the mean over the labels that each picture has, and over channels.
    """
    difference, area = label_means(prediction - target, labels, classes)
    return difference.square().mean(dim=2).sum() / (area > 0).sum()
