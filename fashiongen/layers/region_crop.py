"""Boxes of a feature map, all of them at once and all at one size, in the convention of TensorFlow's `crop_and_resize`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def region_crop(features: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Cut boxes out of feature maps and resize them (Disentangled PIG, `tf.image.crop_and_resize` on y / H, x / W).

    Row i of S samples y = y1 / H * (H - 1) + i * (y2 - y1) / H * (H - 1) / (S - 1), bilinearly between the centres of pixels, and
    columns likewise: coordinates are divided by the *length* and multiplied by the length less one, so that a box is cut a
    little above and to the left of where it lies. A single row (S = 1) samples the middle. What lies outside the map is 0. Neither
    `roi_align` nor `interpolate` does this.

    One `grid_sample` cuts all boxes of a picture from the one feature map, which is never copied.

    Args:
        features: (B, C, H, W).
        boxes: (B, N, 4) y1, x1, y2, x2 in pixels, whole or not.
        size: side S of the crops.

    Returns:
        (B, N, C, S, S), of the type of `features`.

    Raises:
        ValueError: for other shapes, or a size below 1.
    """
    if features.ndim != 4 or boxes.ndim != 3 or boxes.shape[-1] != 4 or features.shape[0] != boxes.shape[0]:
        raise ValueError(f"features (B, C, H, W) and boxes (B, N, 4) do not fit: {tuple(features.shape)}, {tuple(boxes.shape)}")
    if size < 1:
        raise ValueError(f"a crop has at least 1 row, not {size}")
    exact = torch.promote_types(features.dtype, torch.float32)
    height, width = features.shape[-2:]
    edges = boxes.to(exact)
    rows = _grid_coordinates(edges[..., 0], edges[..., 2], height, size)
    columns = _grid_coordinates(edges[..., 1], edges[..., 3], width, size)
    grid = torch.stack(torch.broadcast_tensors(columns[..., None, :], rows[..., :, None]), dim=-1)
    crops = F.grid_sample(features.to(exact), grid.flatten(1, 2), padding_mode="zeros", align_corners=False)
    return crops.to(features.dtype).unflatten(2, (-1, size)).transpose(1, 2)


def _grid_coordinates(first: Tensor, last: Tensor, length: int, size: int) -> Tensor:
    """(B, N) edges in pixels -> (B, N, S) coordinates of `grid_sample` without aligned corners."""
    steps = torch.linspace(0, 1, size, dtype=first.dtype, device=first.device) if size > 1 else first.new_tensor([0.5])
    places = (first[..., None] + (last - first)[..., None] * steps) * ((length - 1) / length)
    outside = (places < 0) | (places > length - 1)
    return ((2 * places + 1) / length - 1).masked_fill(outside, -3)
