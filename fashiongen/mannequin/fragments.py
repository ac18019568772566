"""From visible samples to fragments, one for each surface seen in a pixel, and back from fragments to pages."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .raster import EMPTY, SAMPLES, Visibility, unpack
from .topology import Topology

_PLANES = SAMPLES * SAMPLES


@dataclass(frozen=True)
class Fragments:
    """K fragments of B pages. A pixel's samples are grouped by surface; a group is shaded once, at its centroid.

    Attributes:
        image: (K,) int64 picture.
        pixel: (K,) int64 place in B * H * W.
        x, y: (K,) centroid in pixels.
        place: (K,) int64 place in planes x P, P being the pixels that show anything.
        weight: (K,) share of the pixel.
        depth: (K,) in body heights, larger is nearer, 0 at the pelvis.
        slot, side: (K,) int64, `Slot`; 0 left, 1 right, 2 middle.
        inside: (K,) bool, the inside of a garment is seen.
        normal: (3, K) unit, towards the camera's side.
        u, v, w, e: (K,) garment coordinates.
        pixels: (P,) int64, the pixels that show anything.
        first: (P,) int64 the heaviest fragment of each of these pixels: it decides labels.
        nearest: (P,) depth of the nearest sample.
        coverage: (P,) share of the pixel that is covered.
    """

    image: Tensor
    pixel: Tensor
    x: Tensor
    y: Tensor
    place: Tensor
    weight: Tensor
    depth: Tensor
    slot: Tensor
    side: Tensor
    inside: Tensor
    normal: Tensor
    u: Tensor
    v: Tensor
    w: Tensor
    e: Tensor
    pixels: Tensor
    first: Tensor
    nearest: Tensor
    coverage: Tensor

    def to_page(self, value: Tensor, empty: float, shape: tuple[int, int, int]) -> Tensor:
        """(K,) or (C, K) values of the heaviest fragments -> (B, H, W) or (B, C, H, W), `empty` elsewhere."""
        chosen = value.index_select(-1, self.first)
        batch, height, width = shape
        if value.ndim == 1:
            page = torch.full((batch * height * width,), empty, dtype=value.dtype, device=value.device)
            return page.index_copy_(0, self.pixels, chosen).view(shape)
        page = torch.full((len(value), batch * height * width), empty, dtype=value.dtype, device=value.device)
        return page.index_copy_(1, self.pixels, chosen).view(-1, batch, height, width).transpose(0, 1).contiguous()

    def blend(self, colour: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """(3, K) colours -> (B, 3, H, W), weighted by how much of a pixel they cover; black elsewhere."""
        weighted = torch.zeros(3, _PLANES * len(self.pixels), device=colour.device)
        weighted.index_copy_(1, self.place, colour * self.weight)
        planes = weighted.view(3, _PLANES, -1).unbind(1)
        total = planes[0]
        for plane in planes[1:]:
            total = total + plane
        batch, height, width = shape
        page = torch.zeros(3, batch * height * width, device=colour.device).index_copy_(1, self.pixels, total)
        return page.view(3, batch, height, width).transpose(0, 1)


def gather_fragments(visibility: Visibility, attributes: Tensor, topology: Topology, height: int, width: int) -> Fragments:
    """Group the samples of every pixel by surface and interpolate the attributes of the groups.

    Args:
        attributes: (B, V, 7) normal, u, v, w and e of the vertices.
    """
    device = attributes.device
    samples = visibility.samples
    nearest = samples[0]
    for plane in samples[1:]:
        nearest = torch.minimum(nearest, plane)
    pixels = (nearest < EMPTY).nonzero()[:, 0]
    samples = samples.index_select(1, pixels)
    count = len(pixels)
    triangle = visibility.triangle
    slots, sides = topology.slot.index_select(0, triangle), topology.side.index_select(0, triangle)
    surface = ((slots * 4 + sides) * 2 + (visibility.area < 0)).int()
    filled = samples < EMPTY
    drawn = unpack(samples)[1].clamp_max(max(len(triangle) - 1, 0))
    group = torch.where(filled, surface.index_select(0, drawn.view(-1)).view(_PLANES, count), -1)

    size = torch.ones(_PLANES, count, device=device)
    leader = torch.ones(_PLANES, count, dtype=torch.bool, device=device)
    centre = [torch.full((_PLANES, count), 0.5, device=device) for _ in range(2)]
    for k in range(_PLANES):
        centre[0][k] += k % SAMPLES
        centre[1][k] += k // SAMPLES
    for i in range(_PLANES):
        for j in range(i + 1, _PLANES):
            same = group[i] == group[j]
            one = same.float()
            size[i] += one
            size[j] += one
            leader[j] &= ~same
            for axis, (own, other) in enumerate(((i % SAMPLES, j % SAMPLES), (i // SAMPLES, j // SAMPLES))):
                centre[axis][i] += one * (other + 0.5)
                centre[axis][j] += one * (own + 0.5)
    leader &= filled
    rank = torch.where(leader, size * 8 - torch.arange(_PLANES, device=device)[:, None], -1.0)
    heaviest = torch.zeros(count, dtype=torch.int64, device=device)
    most = rank[0]
    for k in range(1, _PLANES):
        heaviest = torch.where(rank[k] > most, k, heaviest)
        most = torch.maximum(most, rank[k])

    place = leader.view(-1).nonzero()[:, 0]
    which = place % count
    number = torch.zeros(_PLANES * count, dtype=torch.int64, device=device)
    number[place] = torch.arange(len(place), device=device)
    depth, drawn = unpack(samples.view(-1).index_select(0, place))
    pixel = pixels.index_select(0, which)
    page_row = torch.div(pixel, width, rounding_mode="floor")
    image = torch.div(page_row, height, rounding_mode="floor")
    members = size.view(-1).index_select(0, place)
    x = (pixel - page_row * width).float() * SAMPLES + centre[0].view(-1).index_select(0, place) / members
    y = (page_row - image * height).float() * SAMPLES + centre[1].view(-1).index_select(0, place) / members

    mesh_triangle = triangle.index_select(0, drawn)
    corner = topology.corners.index_select(0, mesh_triangle) + (image * attributes.shape[1])[:, None]
    vertex = attributes.reshape(-1, attributes.shape[2])
    p0, p1, p2 = (vertex.index_select(0, corner[:, k]) for k in range(3))
    second, third = _barycentric(visibility, drawn, x, y)
    values = (p0 + second[:, None] * (p1 - p0) + third[:, None] * (p2 - p0)).t().contiguous()
    nx, ny, nz = values[:3]
    inside = visibility.area.index_select(0, drawn) < 0
    facing = torch.where(inside, -1.0, 1.0) / torch.sqrt(nx * nx + ny * ny + nz * nz + 1e-9)
    return Fragments(
        image=image,
        pixel=pixel,
        x=x / SAMPLES,
        y=y / SAMPLES,
        place=place,
        weight=members / _PLANES,
        depth=depth - topology.bias.index_select(0, mesh_triangle),
        slot=slots.index_select(0, drawn),
        side=sides.index_select(0, drawn),
        inside=inside,
        normal=values[:3] * facing,
        u=torch.where(values[3] > 2, values[3] - 4, values[3]),
        v=values[4],
        w=values[5],
        e=values[6],
        pixels=pixels,
        first=number.index_select(0, heaviest * count + torch.arange(count, device=device)),
        nearest=unpack(nearest.index_select(0, pixels))[0],
        coverage=filled.sum(0).float() / _PLANES,
    )


def _barycentric(visibility: Visibility, drawn: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of the corners b and c at (x, y); a centroid may lie outside its triangle, so they are clamped."""
    a, e1, e2 = visibility.a, visibility.b - visibility.a, visibility.c - visibility.a
    inverse = 1 / (e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0])
    table = torch.stack([a[:, 0], a[:, 1], e2[:, 1] * inverse, e2[:, 0] * inverse, e1[:, 0] * inverse, e1[:, 1] * inverse], 1)
    ax, ay, e2y, e2x, e1x, e1y = table.index_select(0, drawn).unbind(1)
    dx, dy = x - ax, y - ay
    return (dx * e2y - dy * e2x).clamp(-0.2, 1.2), (dy * e1x - dx * e1y).clamp(-0.2, 1.2)
