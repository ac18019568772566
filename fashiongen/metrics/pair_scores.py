"""Figures of pairs of pictures as the authors' score scripts compute them on 8-bit files.

Sources: `score.py` and `score_mask.py` of PG2 and of Disentangled PIG, `test.py` of Deformable GAN.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from fashiongen.metrics.ssim import DataRange, structural_similarity, truncate_to_bytes, value_range

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


def luminance(image: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 -> (B, 1, H, W) float64 grey in [0, 255], with the weights of scikit-image's `rgb2gray`."""
    weights = torch.tensor(_GREY, dtype=torch.float64, device=image.device).view(1, 3, 1, 1)
    return (weights * image.double()).sum(dim=1, keepdim=True)


def pair_scores(
    image: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    window: str = "uniform",
    data_range: DataRange = 255.0,
    grey: bool = False,
    units: float = 255.0,
) -> dict[str, Tensor]:
    """SSIM, PSNR and two distances of each picture, in float64. The defaults are PG2's.

    With a mask both pictures are blackened outside it first; the black counts as perfect agreement, so that a small mask gives a
    high figure. The published mask-SSIM is the mean of these over a test set.

    Args:
        image: (B, 3, H, W) uint8, generated.
        target: (B, 3, H, W) uint8, true.
        mask: (B, 1, H, W) uint8, 255 inside. The authors of PG2 and Disentangled PIG read the mask of the *source* pose here,
            those of Deformable GAN that of the target.
        window: of the SSIM, see `fashiongen.metrics.ssim.structural_similarity`.
        data_range: of SSIM and PSNR, in levels of 0..255; "reference" for that of each target, None for that of each picture.
        grey: compare grey pictures, as Disentangled PIG's unmasked figures do.
        units: the distances are given for pictures whose levels span this: 255, 1, or 2 for pictures in [-1, 1].

    Returns:
        name -> (B,): "ssim"; "psnr" in dB (infinite for equal pictures); "l1", mean absolute difference; "l2", the root of the
        *sum* of squared differences, divided by the number of values.
    """
    if mask is not None:
        image, target = blacken(image, mask), blacken(target, mask)
    drawn, true = (luminance(each) if grey else each.double() for each in (image, target))
    difference = (drawn - true).flatten(1)
    squared = difference.square()
    return {
        "ssim": structural_similarity(drawn, true, window, data_range),
        "psnr": 10 * torch.log10(value_range(drawn, true, data_range).flatten().square() / squared.mean(dim=1)),
        "l1": difference.abs().mean(dim=1) * (units / 255),
        "l2": squared.sum(dim=1).sqrt() / difference.shape[1] * (units / 255),
    }


def grey_similarity(image: Tensor, target: Tensor) -> Tensor:
    """The SSIM that PG2 logs while it trains: on grey pictures, relative to the range of the target.

    Args:
        image: (B, 3, H, W) uint8, generated.
        target: (B, 3, H, W) uint8, true.

    Returns:
        (B,) float64.
    """
    return pair_scores(image, target, data_range="reference", grey=True)["ssim"]


class PairScores(Metric):
    """Mean and population standard deviation of `pair_scores` over pictures that were stored as bytes.

    Args:
        window, data_range, grey, units: see `pair_scores`.

    `compute` gives "ssim", "psnr", "l1", "l2" and each with "_std" behind its name, as float64 scalars. Some equal pictures make
    the mean PSNR infinite and its deviation NaN, as with the authors' scripts.
    """

    full_state_update = False
    names = ("ssim", "psnr", "l1", "l2")
    totals: Tensor
    squares: Tensor
    count: Tensor

    def __init__(self, window: str = "uniform", data_range: DataRange = 255.0, grey: bool = False, units: float = 255.0) -> None:
        super().__init__()
        self.window, self.data_range, self.grey, self.units = window, data_range, grey, units
        for name in ("totals", "squares"):
            self.add_state(name, torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor, region: Tensor | None = None) -> None:
        """Two (B, 3, H, W) batches in [-1, 1]; with a region (B, 1, H, W) of 0 and 1 both are blackened outside it first."""
        mask = None if region is None else 255 * (region != 0).to(torch.uint8)
        image, true = truncate_to_bytes(prediction), truncate_to_bytes(target)
        scores = pair_scores(image, true, mask, self.window, self.data_range, self.grey, self.units)
        values = torch.stack([scores[name] for name in self.names])
        self.totals += values.sum(dim=1)
        self.squares += values.square().sum(dim=1)
        self.count += values.shape[1]

    def compute(self) -> dict[str, Tensor]:
        means = self.totals / self.count
        deviations = (self.squares / self.count - means.square()).clamp_min(0).sqrt()
        pairs = zip(self.names, means, deviations, strict=True)
        return {key: value for name, mean, std in pairs for key, value in ((name, mean), (f"{name}_std", std))}
