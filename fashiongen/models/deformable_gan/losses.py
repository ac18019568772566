"""The terms of the generator's objective beside the adversarial one (CVPR 2018, section 3.3; authors' `conditional_gan.py`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fashiongen.losses.nearest_neighbour import nearest_neighbour_loss


class ContentLoss(nn.Module):
    """Distance between the generated picture and the target, in pixels or in features, place by place or nearest neighbour.

    Args:
        features: network that maps (B, 3, H, W) to a dictionary of feature maps, whose terms are added up; None compares
            pixels. The paper's nearest-neighbour loss looks at conv1_2 of VGG-19, its feature matching at conv2_1.
        neighbourhood: side of the window of the nearest-neighbour loss (3 for Market-1501, 5 for DeepFashion), a mean over places
            of a *sum* over channels; 1 is the mean absolute difference of all values.
    """

    def __init__(self, features: nn.Module | None = None, neighbourhood: int = 1) -> None:
        super().__init__()
        self.features = features
        self.neighbourhood = neighbourhood

    def forward(self, generated: Tensor, target: Tensor) -> Tensor:
        """Two (B, 3, H, W) pictures in [-1, 1] -> scalar; the target gets no gradient."""
        with torch.no_grad():
            wanted = self._maps(target)
        return torch.stack([self._distance(got, want) for got, want in zip(self._maps(generated), wanted, strict=True)]).sum()

    def _maps(self, image: Tensor) -> list[Tensor]:
        return [image] if self.features is None else list(self.features(image).values())

    def _distance(self, generated: Tensor, target: Tensor) -> Tensor:
        if self.neighbourhood == 1:
            return (generated - target).abs().mean()
        return nearest_neighbour_loss(generated, target, self.neighbourhood)


class StructureLoss(nn.Module):
    """Mean squared difference of the joint maps that a pose estimator sees in two pictures; not used in the paper.

    Args:
        estimator: frozen network from a BGR picture in [-0.5, 0.5] to (B, J >= 18, h, w) maps, the 18 joints first.
    """

    def __init__(self, estimator: nn.Module) -> None:
        super().__init__()
        self.estimator = estimator

    def forward(self, generated: Tensor, target: Tensor) -> Tensor:
        """Two (B, 3, H, W) RGB pictures in [-1, 1] -> scalar."""
        with torch.no_grad():
            wanted = self._joints(target)
        return (self._joints(generated) - wanted).square().mean()

    def _joints(self, image: Tensor) -> Tensor:
        return self.estimator(image.flip(1) / 2)[:, :18]


def smoothness(image: Tensor) -> Tensor:
    """Total variation of order 2.5: sum of (dx² + dy²)^1.25 over places, channels *and the batch*; its published weight is 0.

    Args:
        image: (B, C, H, W).

    Returns:
        scalar.
    """
    corner = image[:, :, :-1, :-1]
    down, right = image[:, :, 1:, :-1] - corner, image[:, :, :-1, 1:] - corner
    return (down.square() + right.square()).pow(1.25).sum()
