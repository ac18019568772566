"""The rasteriser against a plain test of every sample."""

import torch

from fashiongen.mannequin.raster import EMPTY, SAMPLES, rasterise, unpack
from fashiongen.mannequin.topology import Topology


def soup(triangles: int) -> Topology:
    """Unconnected two-sided triangles."""
    return Topology(
        corners=torch.arange(3 * triangles).view(-1, 3),
        slot=torch.zeros(triangles, dtype=torch.int64),
        side=torch.zeros(triangles, dtype=torch.int64),
        winding=torch.ones(triangles),
        two_sided=torch.ones(triangles, dtype=torch.bool),
        row=torch.zeros(triangles, dtype=torch.int64),
        bias=torch.zeros(triangles),
    )


def brute_force(corners: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(rows, columns) nearest depth of every sample, -inf where nothing is."""
    y = torch.arange(height * SAMPLES)[:, None] + 0.5
    x = torch.arange(width * SAMPLES)[None] + 0.5
    nearest = torch.full((height * SAMPLES, width * SAMPLES), -torch.inf)
    for a, b, c in corners.view(-1, 3, 3).double():
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        second = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        third = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        inside = (second >= 0) & (third >= 0) & (second + third <= 1)
        depth = a[2] + second * (b[2] - a[2]) + third * (c[2] - a[2])
        nearest = torch.where(inside, torch.maximum(nearest, depth.float()), nearest)
    return nearest


def test_agrees_with_brute_force() -> None:
    generator = torch.Generator().manual_seed(3)
    corners = torch.rand(1, 60, 3, generator=generator) * torch.tensor([60.0, 44.0, 1.0]) - torch.tensor([6.0, 6.0, 0.5])
    visibility = rasterise(corners, torch.ones(1, 20, dtype=torch.bool), soup(20), 16, 24)
    planes = visibility.samples.view(SAMPLES, SAMPLES, 16, 24).permute(2, 0, 3, 1).reshape(32, 48)
    depth = torch.where(planes == EMPTY, -torch.inf, unpack(planes)[0])
    expected = brute_force(corners, 16, 24)
    assert torch.equal(depth.isinf(), expected.isinf())
    assert (depth - expected)[~depth.isinf()].abs().max() < 1e-4


def test_neighbours_leave_no_crack_and_no_overlap() -> None:
    """A fan around an inner point covers a convex outline exactly once."""
    angle = torch.linspace(0, 2 * torch.pi, 14)[:-1] + 0.2
    rim = torch.stack([30 + 25 * torch.cos(angle), 30 + 25 * torch.sin(angle), torch.zeros(13)], 1)
    centre = torch.tensor([30.3, 28.9, 0.0])
    fan = torch.cat([torch.stack([centre, rim[k], rim[(k + 1) % 13]]) for k in range(13)])
    together = rasterise(fan[None], torch.ones(1, 13, dtype=torch.bool), soup(13), 32, 32).samples < EMPTY
    single = torch.zeros_like(together, dtype=torch.int64)
    for k in range(13):
        one = torch.zeros(1, 13, dtype=torch.bool)
        one[0, k] = True
        single += (rasterise(fan[None], one, soup(13), 32, 32).samples < EMPTY).long()
    assert single.max() == 1
    assert torch.equal(single == 1, together)
    expected = brute_force(fan[None], 32, 32).isfinite()
    filled = together.view(SAMPLES, SAMPLES, 32, 32).permute(2, 0, 3, 1).reshape(64, 64)
    assert torch.equal(filled, expected)


def test_slivers_do_not_overshoot_in_depth() -> None:
    sliver = torch.tensor([[[3.0, 2.0, 0.1], [4.2, 28.0, 0.3], [3.45, 15.0, -0.2]]])
    samples = rasterise(sliver, torch.ones(1, 1, dtype=torch.bool), soup(1), 16, 16).samples
    depth = unpack(samples[samples < EMPTY])[0]
    assert len(depth) > 0
    assert depth.min() >= -0.2001
    assert depth.max() <= 0.3001
