"""Swept surfaces at rest: rings around the torso, the arms and the legs, and the mesh they are collected in."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from .identity import Identity
from .numerics import bump, interpolate_shared, power, smoothstep
from .profiles import Sections, arm_table, leg_table
from .skeleton import ARM_COS, ARM_SIN, BONE, Skeleton
from .topology import FIRST_ROW, FIRST_VERTEX, PATCHES, ROWS, VERTICES, Patch

QUARTER = math.pi / 2
HIP_TOP, LEG_LENGTH = 0.535, 0.495
ARM_CLOTH = 0.29
"""Length of the arm in garment coordinates, the same for everybody."""

PATCH = {patch.name: patch for patch in PATCHES}


class Mesh:
    """The rest mesh of B people under construction.

    Attributes:
        vertices: (B, 7, V): x, y, z, then the garment coordinates u (quarter turns, 0 front), v (height or length along the
            arm), w (quarter of the circumference) and e (0 at the upper end, 1 at the lower one).
        rows: (B, ROWS) bool, rows of quads that are drawn.
    """

    def __init__(self, batch: int, device: torch.device) -> None:
        self.vertices = torch.empty(batch, 7, VERTICES, device=device)
        self.rows = torch.empty(batch, ROWS, dtype=torch.bool, device=device)

    def put(
        self,
        name: str,
        position: tuple[Tensor, Tensor, Tensor],
        u: Tensor,
        v: Tensor,
        w: Tensor | float,
        e: Tensor,
        visible: Tensor,
    ) -> None:
        """Write one patch; everything broadcasts to (B, [sides,] rings, columns + 1), `visible` to (B, rings - 1)."""
        patch: Patch = PATCH[name]
        shape = (patch.sides, patch.rings, patch.columns + 1) if patch.sides > 1 else (patch.rings, patch.columns + 1)
        first = FIRST_VERTEX[name]
        for channel, value in enumerate((*position, u, v, w, e)):
            self.vertices[:, channel, first : first + patch.size].view(-1, *shape).copy_(torch.as_tensor(value))
        row = FIRST_ROW[name]
        self.rows[:, row : row + patch.rings - 1] = visible


@lru_cache(maxsize=64)
def ring(columns: int, exponent: float, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Angle (0 in front, positive to the outside), sideways and forward extent of a super-ellipse, each (columns + 1,)."""
    angle = torch.linspace(-math.pi, math.pi, columns + 1, dtype=torch.float64)
    sideways, forward = super_ellipse(angle, exponent)
    return angle.float().to(device), sideways.float().to(device), forward.float().to(device)


def super_ellipse(angle: Tensor, exponent: float) -> tuple[Tensor, Tensor]:
    """Points of the unit super-ellipse |x|^n + |z|^n = 1 in the directions `angle`."""
    s, c = torch.sin(angle), torch.cos(angle)
    scale = power(power(s.abs(), exponent) + power(c.abs(), exponent), -1 / exponent)
    return s * scale, c * scale


@lru_cache(maxsize=64)
def ramp(rings: int, device: torch.device) -> Tensor:
    """(rings, 1) from 0 to 1."""
    return torch.linspace(0, 1, rings, device=device)[:, None]


@lru_cache(maxsize=8)
def sides(device: torch.device) -> Tensor:
    """(2, 1, 1): 1 on the left, -1 on the right."""
    return torch.tensor((1.0, -1.0), device=device)[:, None, None]


def hull_points(
    identity: Identity,
    sections: Sections,
    y: Tensor,
    sideways: Tensor,
    forward: Tensor,
    cloth: bool,
    folds: Tensor | None = None,
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """A tube around the torso.

    Args:
        sections: its cross-sections.
        y: (B, K, N) heights.
        sideways, forward: broadcastable directions (`super_ellipse`).
        cloth: bridges the bust.
        folds: broadcastable, in -1 .. 1, pushes the lobes of the sections in and out.

    Returns:
        Position (x, y, z) and quarter circumference, each (B, K, N).
    """
    half_width, front, back, centre, quarter, lobes = sections.at(y)
    in_front = forward > 0
    scale = 1 + lobes * folds if folds is not None else 1.0
    x = half_width * sideways * scale
    z = torch.where(in_front, front, back) * forward * scale
    bust = identity.bust[:, None, None]
    side = x.abs()
    swell = bump(side, 0.038, 0.030) * bump(y, 0.718, 0.030)
    if cloth:
        swell = swell + 0.55 * bump(x, 0.0, 0.05) * bump(y, 0.715, 0.034)
    seat = (0.007 + 0.008 * identity.presentation)[:, None, None] * bump(side, 0.042, 0.034) * bump(y, 0.505, 0.035)
    z = z + torch.where(in_front, bust * swell, -seat) + centre
    return (x, y, z), quarter


def arm_points(
    identity: Identity, skeleton: Skeleton, along: Tensor, ease: Tensor, columns: int
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """A tube around both arms.

    Args:
        along: (B, K) distance from the shoulder joint, negative inside the torso.
        ease: (B, K) or (B, 1) between skin and tube.

    Returns:
        Position, each (B, 2, K, columns + 1), and (columns + 1,) angles. The inner end runs sideways into the torso and shrinks,
        which leaves no hump on the shoulder.
    """
    device = along.device
    length = skeleton.arm[:, None]
    thickness = identity.limb * (1 - 0.17 * identity.presentation) * (0.75 + 0.25 * identity.girth)
    radius = interpolate_shared(arm_table(device), (along + 0.05) / (length + 0.05)) * thickness[:, None]
    angle, sideways, forward = ring(columns, 2.1, device)
    radius = (radius + ease)[:, None, :, None]
    depth = (1.08 - 0.30 * smoothstep(along / length, 0.75, 1.0))[:, None, :, None]
    outwards, ahead = radius * sideways, radius * depth * forward
    s = along[:, None, :, None]
    beyond, within = torch.relu(s), torch.relu(-s)
    shoulder = skeleton.rest[:, [BONE["left_upper_arm"], BONE["right_upper_arm"]]][:, :, :, None, None]
    x = shoulder[:, :, 0] + sides(device) * (beyond * ARM_SIN - within * 0.95 + outwards * ARM_COS)
    y = shoulder[:, :, 1] - beyond * ARM_COS - within * 0.10 + outwards * (ARM_SIN + 0.30 * smoothstep(within, 0.0, 0.03))
    return (x, y, shoulder[:, :, 2] + ahead), angle


def standard_arm_quarter(feminine: Tensor, share: Tensor, ease: Tensor) -> Tensor:
    """Quarter circumference of a sleeve: (B,), (B, K) share of the arm, (B, K) ease -> (B, K)."""
    return (
        interpolate_shared(arm_table(share.device), (share * 0.29 + 0.05) / 0.34) * (1 - 0.17 * feminine)[:, None] + ease
    ) * QUARTER


def leg_points(
    identity: Identity, skeleton: Skeleton, share: Tensor, ease: Tensor | float, columns: int, least: Tensor | None = None
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Tensor]:
    """A tube around both legs.

    Args:
        share: (B, K) from the hip (0) to the ankle (1).
        ease: (B, K) between skin and tube.
        least: (B, K) least radius.

    Returns:
        Position, each broadcastable to (B, 2, K, columns + 1), (columns + 1,) angles, and (B, K) quarter circumference.
    """
    device = share.device
    thickness = (0.40 + 0.60 * identity.girth) * (0.97 + 0.05 * identity.presentation) * (0.5 + 0.5 * identity.limb)
    radius = interpolate_shared(leg_table(device), share) * thickness[:, None]
    if least is not None:
        radius = torch.maximum(radius, least)
    radius = radius + ease
    angle, sideways, forward = ring(columns, 2.1, device)
    hip = skeleton.rest[:, BONE["left_thigh"], 0][:, None] * (1 - 0.04 * share)
    centre = 0.004 * bump(share, 0.2, 0.15) - 0.007 * bump(share, 0.68, 0.1) + 0.002 - 0.012 * smoothstep(share, 0.75, 1.0)
    r = radius[:, None, :, None]
    x = sides(device) * (hip[:, None, :, None] + r * 0.97 * sideways)
    y = (HIP_TOP - LEG_LENGTH * share)[:, None, :, None]
    z = centre[:, None, :, None] + r * 1.06 * forward
    return (x, y, z), angle, radius * QUARTER
