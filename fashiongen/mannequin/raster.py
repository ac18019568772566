"""Scanline rasterisation of triangles into a z-buffer, in plain tensor operations.

A triangle becomes rows, a row becomes fragments, and an integer scatter-minimum keeps the nearest fragment of every sample: the same
result on any device, in any order. Neighbouring triangles evaluate their common edge with the same expression, so there are no cracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .topology import Topology

SAMPLES = 2
"""Samples along an edge of a pixel."""
EMPTY = 1 << 62
_NEAREST = 2.0
_DEPTH_LEVELS = float(1 << 22)
_STEEPEST = 0.02  # depth per sample; edge-on slivers have huge slopes
_LOW_BITS = (1 << 32) - 1


@dataclass(frozen=True)
class Visibility:
    """What is seen at every sample, and the T' triangles that were drawn.

    Attributes:
        samples: (S * S, B * H * W) int64, one plane for each place in the pixel; `EMPTY`, or depth and triangle.
        image: (T',) int64, the picture of a triangle.
        triangle: (T',) int64, its row in the topology.
        a, b, c: (T', 3) its corners: x and y in samples, depth.
        area: (T',) twice the signed area, negative where the inside is seen.
    """

    samples: Tensor
    image: Tensor
    triangle: Tensor
    a: Tensor
    b: Tensor
    c: Tensor
    area: Tensor


def unpack(key: Tensor) -> tuple[Tensor, Tensor]:
    """Keys of filled samples -> depth (with the layer's bias) and drawn triangle."""
    return _NEAREST - (key >> 32).float() / _DEPTH_LEVELS, key & _LOW_BITS


def _ordered(x0: Tensor, y0: Tensor, x1: Tensor, y1: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    swap = y1 < y0
    return torch.where(swap, x1, x0), torch.where(swap, y1, y0), torch.where(swap, x0, x1), torch.where(swap, y0, y1)


def rasterise(corners: Tensor, visible: Tensor, topology: Topology, height: int, width: int) -> Visibility:
    """Draw the triangles of B meshes.

    Args:
        corners: (B, V, 3) vertices: x to the right and y down in samples, depth (larger is nearer, below 2).
        visible: (B, T) bool, triangles to draw.
        height, width: of the page in pixels.
    """
    batch, vertices = corners.shape[:2]
    flat = corners.reshape(-1, 3)
    drawn = visible.view(-1).nonzero()[:, 0]
    count = len(topology.corners)
    image = drawn // count
    triangle = drawn - image * count
    index = topology.corners.index_select(0, triangle) + (image * vertices)[:, None]
    a, b, c = (flat.index_select(0, index[:, k]) for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    area = area * -topology.winding.index_select(0, triangle)
    low, high = torch.minimum(torch.minimum(a, b), c)[:, :2], torch.maximum(torch.maximum(a, b), c)[:, :2]
    on_page = (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < width * SAMPLES) & (low[:, 1] < height * SAMPLES)
    faces = (area > 1e-7) | ((area < -1e-7) & topology.two_sided.index_select(0, triangle))
    kept = (faces & on_page).nonzero()[:, 0]
    image, triangle, area = (value.index_select(0, kept) for value in (image, triangle, area))
    a, b, c = (value.index_select(0, kept) for value in (a, b, c))
    samples = _fill(a, b, c, image, topology.bias.index_select(0, triangle), batch, height, width)
    return Visibility(samples.view(SAMPLES * SAMPLES, -1), image, triangle, a, b, c, area)


def _fill(a: Tensor, b: Tensor, c: Tensor, image: Tensor, bias: Tensor, batch: int, height: int, width: int) -> Tensor:
    device = a.device
    rows, columns = height * SAMPLES, width * SAMPLES
    ax, ay, az = a.unbind(1)
    e1, e2 = b - a, c - a
    inverse = 1 / (e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0])
    slope_x = ((e1[:, 2] * e2[:, 1] - e2[:, 2] * e1[:, 1]) * inverse).clamp(-_STEEPEST, _STEEPEST)
    slope_y = ((e2[:, 2] * e1[:, 0] - e1[:, 2] * e2[:, 0]) * inverse).clamp(-_STEEPEST, _STEEPEST)
    origin = az + (0.5 - ax) * slope_x - ay * slope_y + bias
    x0, y0, x1, y1 = _ordered(ax, ay, b[:, 0], b[:, 1])
    x1, y1, x2, y2 = _ordered(x1, y1, c[:, 0], c[:, 1])
    x0, y0, x1, y1 = _ordered(x0, y0, x1, y1)
    first = (y0 - 0.5).ceil().clamp(0, rows)
    length = ((y2 - 0.5).ceil().clamp(0, rows) - first).long()
    long_edge = (x2 - x0) / (y2 - y0).clamp_min(1e-9)
    upper_edge = (x1 - x0) / (y1 - y0).clamp_min(1e-9)
    lower_edge = (x2 - x1) / (y2 - y1).clamp_min(1e-9)

    # one entry for each row of each triangle
    owner = torch.repeat_interleave(torch.arange(len(length), device=device), length)
    start = torch.cumsum(length, 0) - length
    table = torch.stack([x0, y0, x1, y1, long_edge, upper_edge, lower_edge, origin, slope_x, slope_y], 1)
    x0, y0, x1, y1, long_edge, upper_edge, lower_edge, origin, slope_x, slope_y = table.index_select(0, owner).unbind(1)
    row = torch.arange(len(owner), device=device) + (first.long() - start).index_select(0, owner)
    y = row.float() + 0.5
    one = x0 + (y - y0) * long_edge
    other = torch.where(y < y1, x0 + (y - y0) * upper_edge, x1 + (y - y1) * lower_edge)
    left = (torch.minimum(one, other) - 0.5).ceil().clamp(0, columns).long()
    span = (torch.maximum(one, other) - 0.5).ceil().clamp(0, columns).long() - left
    page_row = torch.div(row, SAMPLES, rounding_mode="floor")
    plane = batch * height * width
    base = (row - page_row * SAMPLES) * SAMPLES * plane + (image.index_select(0, owner) * height + page_row) * width
    row_depth = origin + y * slope_y

    # one entry for each sample of each row
    fragment = torch.repeat_interleave(torch.arange(len(span), device=device), span)
    start = torch.cumsum(span, 0) - span
    column = torch.arange(len(fragment), device=device) + (left - start).index_select(0, fragment)
    depth = row_depth.index_select(0, fragment) + slope_x.index_select(0, fragment) * column.float()
    page_column = torch.div(column, SAMPLES, rounding_mode="floor")
    key = (((_NEAREST - depth) * _DEPTH_LEVELS).long() << 32) | owner.index_select(0, fragment)
    place = base.index_select(0, fragment) + (column - page_column * SAMPLES) * plane + page_column
    samples = torch.full((SAMPLES * SAMPLES * plane,), EMPTY, dtype=torch.int64, device=device)
    return samples.scatter_reduce_(0, place, key, "amin")
