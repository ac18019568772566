"""Inception Score from class probabilities."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class InceptionScore(NamedTuple):
    """Mean and population standard deviation over the splits, and the score of each split."""

    mean: float
    std: float
    splits: list[float]


def inception_score(probabilities: Tensor, splits: int = 10) -> InceptionScore:
    """exp of the mean Kullback-Leibler divergence between each picture's class probabilities and their mean.

    Computed in float64, split by split in the given order (Salimans et al., 2016; the published numbers depend on the order
    and on the number of splits).

    Args:
        probabilities: (N, K) class probabilities; rows sum to 1.
        splits: number of consecutive parts.

    Raises:
        ValueError: when there are fewer pictures than splits, or for another shape.
    """
    if probabilities.ndim != 2:
        raise ValueError(f"class probabilities have shape (N, K), not {tuple(probabilities.shape)}")
    count = len(probabilities)
    if not 1 <= splits <= count:
        raise ValueError(f"cannot split {count} pictures into {splits} parts")
    scores = []
    for index in range(splits):
        part = probabilities[index * count // splits : (index + 1) * count // splits].double()
        mean = part.mean(dim=0, keepdim=True)
        divergence = (torch.special.xlogy(part, part) - torch.special.xlogy(part, mean)).sum(dim=1)
        scores.append(divergence.mean().exp().item())
    values = torch.tensor(scores, dtype=torch.float64)
    return InceptionScore(values.mean().item(), values.std(correction=0).item(), scores)
