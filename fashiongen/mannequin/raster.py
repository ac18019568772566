"""Scanline rasterisation of triangles into a z-buffer, in plain tensor operations.

A triangle becomes rows, a row becomes fragments, and an integer scatter-minimum keeps the nearest fragment of every sample: the
same result on any device, in any order. Neighbouring triangles evaluate their common edge with the same expression, so there are
no cracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .topology import Topology

_SHIFT = 1
SAMPLES = 1 << _SHIFT
"""Samples along an edge of a pixel; a power of two, which divides by shifting."""
EMPTY = 1 << 62
_NEAREST = 2.0
_DEPTH_LEVELS = float(1 << 22)
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


def _ordered(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Two corners (x, y, z), the upper one first."""
    swap = second[1] < first[1]
    pairs = list(zip(first, second, strict=True))
    return tuple(torch.where(swap, b, a) for a, b in pairs), tuple(torch.where(swap, a, b) for a, b in pairs)


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
    upper, middle = _ordered(a.unbind(1), b.unbind(1))
    middle, lower = _ordered(middle, c.unbind(1))
    upper, middle = _ordered(upper, middle)
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = upper, middle, lower
    first = (y0 - 0.5).ceil().clamp(0, rows)
    length = ((y2 - 0.5).ceil().clamp(0, rows) - first).long()
    whole, top, bottom = ((end - start).clamp_min(1e-9) for start, end in ((y0, y2), (y0, y1), (y1, y2)))
    edges = [(x2 - x0) / whole, (x1 - x0) / top, (x2 - x1) / bottom, (z2 - z0) / whole, (z1 - z0) / top, (z2 - z1) / bottom]

    # one entry for each row of each triangle; the depth is interpolated along the edges, so that slivers cannot overshoot
    owner = torch.repeat_interleave(torch.arange(len(length), device=device), length)
    table = torch.stack([x0, y0, x1, y1, z0 + bias, z1 + bias, *edges], 1)
    x0, y0, x1, y1, z0, z1, *slopes = table.index_select(0, owner).unbind(1)
    start = torch.cumsum(length, 0) - length
    row = torch.arange(len(owner), device=device) + (first.long() - start).index_select(0, owner)
    y = row.float() + 0.5
    down, before, after = y - y0, y < y1, y - y1
    one, one_depth = x0 + down * slopes[0], z0 + down * slopes[3]
    other = torch.where(before, x0 + down * slopes[1], x1 + after * slopes[2])
    other_depth = torch.where(before, z0 + down * slopes[4], z1 + after * slopes[5])
    left = (torch.minimum(one, other) - 0.5).ceil().clamp(0, columns).long()
    span = (torch.maximum(one, other) - 0.5).ceil().clamp(0, columns).long() - left
    across = other - one
    slope = torch.where(across.abs() > 1e-4, (other_depth - one_depth) / across, 0.0)
    row_depth = one_depth + (0.5 - one) * slope
    page_row = row >> _SHIFT
    plane = batch * height * width
    base = (row & (SAMPLES - 1)) * (SAMPLES * plane) + (image.index_select(0, owner) * height + page_row) * width

    # one entry for each sample of each row
    fragment = torch.repeat_interleave(torch.arange(len(span), device=device), span)
    start = torch.cumsum(span, 0) - span
    column = torch.arange(len(fragment), device=device) + (left - start).index_select(0, fragment)
    depth = row_depth.index_select(0, fragment) + slope.index_select(0, fragment) * column.float()
    key = (((_NEAREST - depth) * _DEPTH_LEVELS).long() << 32) | owner.index_select(0, fragment)
    place = base.index_select(0, fragment) + (column & (SAMPLES - 1)) * plane + (column >> _SHIFT)
    samples = torch.full((SAMPLES * SAMPLES * plane,), EMPTY, dtype=torch.int64, device=device)
    return samples.scatter_reduce_(0, place, key, "amin")
