"""Inception Score as the papers computed it: consecutive parts, population deviation, on pictures as they are or blackened."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from fashiongen.metrics.networks import published_inception
from fashiongen.metrics.ssim import truncate_to_bytes


class SplitScore(NamedTuple):
    """Mean and population standard deviation over the splits, and the score of each split."""

    mean: float
    std: float
    splits: list[float]


def inception_score(probabilities: Tensor, splits: int = 10) -> SplitScore:
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
    return SplitScore(values.mean().item(), values.std(correction=0).item(), scores)


class InceptionScore(Metric):
    """Inception Score of generated pictures; with regions it is the mask-IS. Higher is better.

    torchmetrics' `InceptionScore` shuffles the pictures, splits otherwise and takes the sample deviation: its numbers cannot be
    laid beside published ones.

    Args:
        network: 8-bit pictures (B, 3, H, W) -> logits (B, K). None takes the network of the published numbers,
            `fashiongen.metrics.networks.published_inception`.
        splits: number of consecutive parts.

    The parts follow the order of the pictures; what other processes saw comes behind, rank by rank. Processes that divide the
    pictures otherwise, such as those that Lightning's sampler makes take turns, say the places.
    """

    higher_is_better = True
    full_state_update = False
    probabilities: list[Tensor]
    places: list[Tensor]

    def __init__(self, network: Callable[[Tensor], Tensor] | None = None, splits: int = 10) -> None:
        super().__init__()
        self.network = published_inception() if network is None else network
        self.splits = splits
        self.add_state("probabilities", [], dist_reduce_fx="cat")
        self.add_state("places", [], dist_reduce_fx="cat")

    def update(self, prediction: Tensor, region: Tensor | None = None, places: Tensor | None = None) -> None:
        """Generated pictures.

        Args:
            prediction: (B, 3, H, W) in [-1, 1]; stored as bytes.
            region: (B, 1, H, W) of 0 and 1; the pictures are blackened outside it.
            places: (B,) whole numbers: where the pictures stand in the order; by default behind those that came before.
        """
        image = truncate_to_bytes(prediction)
        if region is not None:
            image = image * (region != 0)
        if isinstance(self.network, nn.Module):
            self.network.eval()
        self.probabilities.append(self.network(image).float().softmax(dim=1))
        self.places.append(image.new_zeros(len(image), dtype=torch.long) if places is None else places.to(image.device))

    def compute(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation over the parts.

        Raises:
            ValueError: when there are fewer pictures than parts.
        """
        if len(self.probabilities) == 0:
            raise ValueError(f"cannot split 0 pictures into {self.splits} parts")
        probabilities, places = (dim_zero_cat(state) for state in (self.probabilities, self.places))
        score = inception_score(probabilities[places.argsort(stable=True)], self.splits)
        return torch.tensor(score.mean, dtype=torch.float64), torch.tensor(score.std, dtype=torch.float64)
