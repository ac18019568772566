"""Nearest-neighbour loss: every place may match the best of a small neighbourhood in the reference.

Deformable GANs (CVPR 2018, section 3.3). The best neighbour is found without gradient, one shift of the reference at a time;
only the distance to it enters the graph. The value is the same as that of a minimum over all shifts, the memory does not grow
with the neighbourhood.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def nearest_neighbour_distance(generated: Tensor, reference: Tensor, size: int = 5) -> Tensor:
    """Distance of every place to the closest place of the reference within a window.

    d(p) = min over q in the size x size window around p of sum over channels `abs(generated(p) - reference(q))`.
    Places outside the reference never count.

    Args:
        generated: (B, C, H, W) pictures or feature maps.
        reference: (B, C, H, W).
        size: side of the window, odd; 1 compares place with place.

    Returns:
        (B, H, W).

    Raises:
        ValueError: for an even size, or shapes that differ.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"the neighbourhood has an odd number of pixels a side, not {size}")
    if generated.shape != reference.shape:
        raise ValueError(f"cannot compare {tuple(generated.shape)} with {tuple(reference.shape)}")
    if size > 1:
        reference = _nearest(generated, reference, size)
    return (generated - reference).abs().sum(dim=1)


def nearest_neighbour_loss(generated: Tensor, reference: Tensor, size: int = 5) -> Tensor:
    """Mean of `nearest_neighbour_distance` over batch and places: a *sum* over channels, so it grows with their number."""
    return nearest_neighbour_distance(generated, reference, size).mean()


def _nearest(generated: Tensor, reference: Tensor, size: int) -> Tensor:
    """The reference, each place replaced by the closest place of its window; the first in reading order among equals."""
    batch, channels, height, width = generated.shape
    radius = size // 2
    # Infinitely far: the border never wins.
    padded = F.pad(reference.detach(), (radius,) * 4, value=torch.inf)
    with torch.no_grad():
        best = torch.full((batch, height, width), torch.inf, dtype=generated.dtype, device=generated.device)
        shift = torch.zeros(batch, height, width, dtype=torch.int64, device=generated.device)
        difference = torch.empty_like(generated)
        for row in range(size):
            for column in range(size):
                torch.sub(generated, padded[:, :, row : row + height, column : column + width], out=difference)
                distance = difference.abs_().sum(dim=1)
                closer = distance < best
                best = torch.where(closer, distance, best)
                shift.masked_fill_(closer, (row - radius) * width + column - radius)
        place = torch.arange(height * width, device=generated.device) + shift.flatten(1)
    return reference.flatten(2).gather(2, place[:, None].expand(-1, channels, -1)).view_as(reference)
