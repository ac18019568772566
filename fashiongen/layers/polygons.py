"""Filling polygons on the pixel grid, batched, on any device.

The rule is scikit-image 0.13's: a pixel belongs to a polygon when a ray from its centre crosses an odd number of edges, where
each edge holds one of its two ends. Newer versions count pixels on an edge as inside, which changes the published masks.
"""

from __future__ import annotations

import torch
from torch import Tensor


def fill_polygons(vertices: Tensor, height: int, width: int, rays: str = "vertical") -> Tensor:
    """Pixels inside polygons, by the even-odd rule.

    Args:
        vertices: (..., K, 2) corners (x, y) in pixel indices (0 is the centre of the first pixel), in order; use float64 where
            the result must be exact. A polygon without area, or with a corner that is not finite, covers nothing.
        height: height H of the picture.
        width: width W of the picture.
        rays: direction of the ray, which decides about pixels exactly on an edge: "vertical" (scikit-image's
            `grid_points_in_poly`) or "horizontal" (its `draw.polygon`).

    Returns:
        (..., H, W) bool.

    Raises:
        ValueError: for another direction.
    """
    if rays == "horizontal":
        return fill_polygons(vertices.flip(-1), width, height).transpose(-1, -2)
    if rays != "vertical":
        raise ValueError(f"rays are 'vertical' or 'horizontal', not {rays!r}")
    finite = vertices.isfinite().all(dim=-1, keepdim=True).all(dim=-2, keepdim=True)
    x, y = torch.where(finite, vertices, 0).unbind(dim=-1)
    column = torch.arange(width, device=vertices.device, dtype=vertices.dtype)
    row = torch.arange(height, device=vertices.device, dtype=vertices.dtype)[:, None]
    inside = torch.zeros(*x.shape[:-1], height, width, dtype=torch.bool, device=vertices.device)
    for corner in range(x.shape[-1]):
        x0, y0, x1, y1 = (value[..., index, None] for index in (corner, corner - 1) for value in (x, y))
        run = torch.where(x0 == x1, 1, x1 - x0)
        crossing = (y1 - y0) * (column - x0) / run + y0
        spans = (x0 <= column) != (x1 <= column)
        inside = inside ^ (spans[..., None, :] & (row < crossing[..., None, :]))
    return inside


def segment_quads(start: Tensor, end: Tensor, half_width: Tensor | float) -> Tensor:
    """Rectangles around line segments.

    Args:
        start: (..., 2) points (x, y).
        end: (..., 2) points (x, y).
        half_width: distance of the long sides from the segment; a number, or broadcastable to (..., 1).

    Returns:
        (..., 4, 2) corners; a segment without length gives a quad without area.
    """
    along = start - end
    normal = torch.stack([-along[..., 1], along[..., 0]], dim=-1)
    length = torch.linalg.vector_norm(normal, dim=-1, keepdim=True)
    offset = half_width * (normal / torch.where(length > 0, length, 1))
    return torch.stack([start + offset, start - offset, end - offset, end + offset], dim=-2)
