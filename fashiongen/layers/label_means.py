"""Mean colours of the labels of a picture."""

from __future__ import annotations

import torch
from torch import Tensor


def label_means(image: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean colour that each label has in a picture.

    Args:
        image: (B, C, H, W).
        labels: (B, H, W) integer ids in 0..count-1.
        count: number of labels.

    Returns:
        means (B, count, C), as `fashiongen.layers.segment_colours.paint` takes them, 0 for labels that are not there; and how many
        pixels each label has (B, count).
    """
    batch, channels = image.shape[:2]
    rows = torch.arange(batch, device=labels.device)[:, None, None] * count
    place = (labels.long() + rows).flatten()
    sums = image.new_zeros(batch * count, channels).index_add_(0, place, image.movedim(1, -1).reshape(-1, channels))
    sizes = torch.bincount(place, minlength=batch * count).to(image)
    return (sums / sizes.clamp(min=1)[:, None]).view(batch, count, channels), sizes.view(batch, count)
