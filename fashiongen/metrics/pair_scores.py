"""Figures of single pictures as PG2's score scripts compute them on 8-bit files (`score.py`, `score_mask.py`)."""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.metrics.ssim import structural_similarity

_GREY = (0.2125, 0.7154, 0.0721)


def blacken(image: Tensor, mask: Tensor) -> Tensor:
    """Multiply 8-bit pictures by 8-bit masks: image * mask / 255, cut off to whole numbers.

    Args:
        image: (B, C, H, W) uint8.
        mask: (B, 1, H, W) uint8, 255 where the picture stays.

    Returns:
        (B, C, H, W) uint8.
    """
    return (image.double() * (mask.double() / 255)).to(torch.uint8)


def pair_scores(image: Tensor, target: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
    """SSIM, PSNR and two distances of each picture, in float64.

    With a mask both pictures are blackened outside it first; the black counts as perfect agreement, so that a small mask gives a
    high figure. The published mask-SSIM is the mean of these over a test set.

    Args:
        image: (B, C, H, W) uint8, generated.
        target: (B, C, H, W) uint8, true.
        mask: (B, 1, H, W) uint8, 255 inside. The authors read the mask of the *source* pose here, not that of the target.

    Returns:
        name -> (B,): "ssim" (uniform window of 7 pixels); "psnr" in dB (infinite for equal pictures); "l1", mean absolute
        difference of the levels; "l2", the root of the *sum* of squared differences, divided by the number of values.
    """
    if mask is not None:
        image, target = blacken(image, mask), blacken(target, mask)
    difference = (image.double() - target.double()).flatten(1)
    squared = difference.square()
    return {
        "ssim": structural_similarity(image, target, window="uniform", data_range=255),
        "psnr": 10 * torch.log10(255**2 / squared.mean(dim=1)),
        "l1": difference.abs().mean(dim=1),
        "l2": squared.sum(dim=1).sqrt() / difference.shape[1],
    }


def grey_similarity(image: Tensor, target: Tensor) -> Tensor:
    """The SSIM that PG2 logs while it trains: on grey pictures, relative to the range of the target.

    Args:
        image: (B, 3, H, W) uint8, generated.
        target: (B, 3, H, W) uint8, true.

    Returns:
        (B,) float64.
    """
    weights = torch.tensor(_GREY, dtype=torch.float64, device=image.device).view(1, 3, 1, 1)
    grey, true = ((weights * picture.double() / 255).sum(dim=1, keepdim=True) for picture in (image, target))
    # Symmetric in the pictures, but the range is taken of the first.
    return structural_similarity(true, grey, window="uniform", data_range=None)
