"""Sampling of a feature map under one affine map, with the border habits of the classic Keras spatial transformer."""

from __future__ import annotations

import torch
from torch import Tensor


def spatial_transformer(features: Tensor, theta: Tensor) -> Tensor:
    """Bilinear sampling at an affine grid.

    The grid runs from -1 to 1 with both ends included, but 1 stands for the *width*, not for the last pixel, and the corners of
    the bilinear cell are clipped to the picture while the position is not. Outside, and in the last row and column of the
    identity map, the weights cancel to zero.

    Args:
        features: (B, C, h, w).
        theta: (B, 2, 3); maps (x, y, 1) of the output to (x, y) of the input.

    Returns:
        (B, C, h, w), differentiable in both arguments; features of a lower precision are sampled in float32.
    """
    batch, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        exact, theta = features.float(), theta.float()
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height, device=features.device),
            torch.linspace(-1, 1, width, device=features.device),
            indexing="ij",
        )
        position = theta @ torch.stack([x.flatten(), y.flatten(), torch.ones_like(x).flatten()])
        x, left, right = _cell(position[:, 0], width)
        y, top, bottom = _cell(position[:, 1], height)
        flat = exact.flatten(2)
        sampled = torch.zeros_like(flat)
        for row, row_weight in ((top, bottom - y), (bottom, y - top)):
            for column, column_weight in ((left, right - x), (right, x - left)):
                place = (row * width + column).long()[:, None].expand(-1, channels, -1)
                sampled = sampled + flat.gather(2, place) * (row_weight * column_weight)[:, None]
    return sampled.view(batch, channels, height, width).to(features.dtype)


def _cell(position: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Position in pixels and its two neighbours, which alone are clipped."""
    position = 0.5 * (position + 1) * length
    lower = position.detach().floor()
    return position, lower.clamp(0, length - 1), (lower + 1).clamp(0, length - 1)
