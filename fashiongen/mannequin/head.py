"""Head, ears and hair, in unit head coordinates: x left, y up, z forward, about 1 at the surface."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .identity import HairStyle, Identity
from .numerics import DEGREE, bump, power, smoothstep
from .tubes import PATCH, QUARTER, Mesh, ramp, ring, sides

HEAD_WIDTH, HEAD_HEIGHT, HEAD_DEPTH = 0.0490, 0.0665, 0.0590
SKULL_Y, SKULL_Z = 0.927, 0.012
HANGING = 98 * DEGREE
"""Beyond this polar angle long hair leaves the skull and hangs down."""

# polar angle in front, at the sides, behind where the hair ends (degrees); scale of the skull; 1 where it hangs down
_STYLES = {
    HairStyle.BUZZ: (52, 78, 112, 1.03, 0),
    HairStyle.SHORT: (50, 80, 118, 1.085, 0),
    HairStyle.SIDE_SWEPT: (47, 84, 120, 1.12, 0),
    HairStyle.AFRO: (52, 92, 118, 1.42, 0),
    HairStyle.BOB: (50, 122, 150, 1.13, 1),
    HairStyle.LONG: (50, 165, 215, 1.12, 1),
    HairStyle.BUN: (49, 86, 112, 1.05, 0),
    HairStyle.PONYTAIL: (49, 86, 115, 1.06, 0),
    HairStyle.BALD: (10, 10, 10, 0.9, 0),
}


def shape_head(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit sphere -> unit head: narrow jaw, flat back, nose, sockets, lips and chin."""
    low, high = torch.relu(-y), torch.relu(y)
    front = (z > 0).float()
    curved = low * low
    x = x * (1 - 0.31 * power(low, 1.7)) * (1 - 0.05 * high)
    z = z * torch.where(z < 0, 1 - 0.42 * power(low, 1.2) + 0.08 * high, 1 - 0.06 * low) + 0.10 * curved
    side = x.abs()
    nose = 0.27 * bump(x, 0, 0.15) * bump(y, -0.25, 0.13) + 0.13 * bump(x, 0, 0.11) * bump(y, -0.03, 0.17)
    brow = 0.03 * bump(x, 0, 0.5) * bump(y, 0.20, 0.10) - 0.06 * bump(side, 0.36, 0.17) * bump(y, 0.04, 0.10)
    mouth = 0.05 * bump(x, 0, 0.25) * bump(y, -0.53, 0.09) + 0.05 * bump(x, 0, 0.2) * bump(y, -0.86, 0.12)
    return x, y, z + front * (nose + brow + mouth)


def place_on_head(identity: Identity, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit head coordinates (broadcastable to (B, ...)) -> rest position."""
    shape = (-1, *[1] * (x.ndim - 1))
    size = identity.head_size.view(shape)
    narrow = (1 - 0.05 * identity.presentation).view(shape)
    return (
        HEAD_WIDTH * size * narrow * x,
        SKULL_Y - 0.006 + HEAD_HEIGHT * size * y + 0.066 * (size - 1),
        SKULL_Z + HEAD_DEPTH * size * z,
    )


def put_head(mesh: Mesh, identity: Identity) -> None:
    """Write head, ears, hair and bun or ponytail."""
    device = identity.girth.device
    style = identity.hair_style
    seen = torch.ones((), dtype=torch.bool, device=device)

    patch = PATCH["head"]
    polar = math.pi * ramp(patch.rings, device)
    angle = ring(patch.columns, 2.0, device)[0]
    sphere = (torch.sin(polar) * torch.sin(angle), torch.cos(polar) + 0 * angle, torch.sin(polar) * torch.cos(angle))
    x, y, z = (value[None] for value in shape_head(*sphere))
    mesh.put("head", place_on_head(identity, x, y, z), x, y, z, ramp(patch.rings, device), seen)

    patch = PATCH["ears"]
    polar = math.pi * ramp(patch.rings, device)
    angle = ring(patch.columns, 2.0, device)[0]
    out = 0.13 * torch.sin(polar) * torch.sin(angle)
    ahead = 0.14 * torch.sin(polar) * torch.cos(angle) - 0.12 - 0.10 * out
    tall = 0.23 * torch.cos(polar) + 0 * angle - 0.06
    x = (sides(device) * (1.0 + out))[None]
    covered = (style == HairStyle.BOB) | (style == HairStyle.LONG) | (style == HairStyle.AFRO)
    zero = torch.zeros(1, 1, 1, 1, device=device)
    mesh.put("ears", place_on_head(identity, x, tall[None, None], ahead[None, None]), zero, zero, 0.0, zero, ~covered[:, None])

    _put_hair(mesh, identity)
    _put_knot(mesh, identity)


def _put_hair(mesh: Mesh, identity: Identity) -> None:
    """The skull's own shape, larger, ending at a polar angle that depends on the azimuth; long hair hangs on from there."""
    device = identity.girth.device
    patch = PATCH["hair"]
    style = identity.hair_style
    table = torch.tensor([_STYLES[member] for member in HairStyle], device=device)[style][:, :, None, None]
    front, side, back, scale, hangs = table.unbind(1)
    swept = (style == HairStyle.SIDE_SWEPT).float()[:, None, None]
    angle = ring(patch.columns, 2.0, device)[0]
    azimuth = angle.abs() / math.pi
    end = front + (side - front) * smoothstep(azimuth, 0.20, 0.36) + (back - side) * smoothstep(azimuth, 0.45, 0.62)
    end = (end + swept * 10 * torch.sin(angle) * (azimuth < 0.5)) * DEGREE
    share = ramp(patch.rings, device)
    polar = end * share
    over = (polar - HANGING).clamp_min(0) * hangs
    polar = polar - over
    x, y, z = shape_head(torch.sin(polar) * torch.sin(angle), torch.cos(polar), torch.sin(polar) * torch.cos(angle))
    thin_edge = 1 - 0.75 * smoothstep(share, 0.8, 1.0) * (1 - hangs)
    scale = 1 + (scale - 1) * thin_edge
    volume = 1 + 0.10 * swept * bump(share, 0.5, 0.35) * (azimuth < 0.4)
    x, y, z = x * scale * (1 - 0.10 * over), y * scale * volume - 0.95 * over, z * scale * (1 - 0.05 * over)
    position = place_on_head(identity, x, y, z)
    behind = position[2] - 0.0144 * (over > 0) - 0.01 * over
    visible = (style != HairStyle.BALD)[:, None]
    mesh.put("hair", (position[0], position[1], behind), angle / QUARTER, polar + over, share, over, visible)


def _put_knot(mesh: Mesh, identity: Identity) -> None:
    device = identity.girth.device
    patch = PATCH["knot"]
    style = identity.hair_style
    tail = (style == HairStyle.PONYTAIL).float()[:, None, None]
    share = ramp(patch.rings, device)
    polar = math.pi * share
    angle = ring(patch.columns, 2.0, device)[0]
    narrow = 0.42 * (1 - 0.2 * tail)
    x = narrow * torch.sin(polar) * torch.sin(angle)
    y = torch.cos(polar) * (0.36 + 0.75 * tail) + 0.95 - 1.35 * tail + 0 * angle
    z = narrow * torch.sin(polar) * torch.cos(angle) - 0.62 - 0.75 * tail + 0.25 * tail * torch.cos(polar)
    worn = ((style == HairStyle.BUN) | (style == HairStyle.PONYTAIL))[:, None]
    zero = torch.zeros(1, 1, 1, device=device)
    mesh.put("knot", place_on_head(identity, x, y, z), (angle / QUARTER)[None, None], polar[None], share, zero, worn)
