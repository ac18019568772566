"""Garments laid flat: where every point of a top lies in its shop picture, and the mesh that draws it there.

The flat garment is the worn one at its garment coordinates, so the two correspond exactly, whoever wears it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .cloth import collar_height, neckline, sleeve_ease, sleeve_rings, standard_top_sections
from .numerics import DEGREE, smoothstep
from .outfit import Top
from .topology import FIRST_VERTEX, VERTICES, Slot
from .tubes import ARM_CLOTH, PATCH, QUARTER, Mesh, ramp, ring, standard_arm_quarter

_LONG_SLEEVE = 0.6
_LONG_ANGLE, _SHORT_ANGLE = 33 * DEGREE, 50 * DEGREE  # from hanging straight down
_SHOULDER_TIP = 0.088, 0.806
"""Where the upper edge of a sleeve begins: at the end of the shoulder line."""
_SLEEVE_START = -0.035
_FILL = (0.92, 0.88)  # of the page's height and width


@dataclass(frozen=True)
class FlatLayout:
    """Where the points of B tops lie when they are spread out, in body heights: x to the wearer's left, y up.

    Attributes:
        top: the tops.
        box: (B, 4) left, right, bottom and top of each.
    """

    top: Top
    box: Tensor

    def place(self, image: Tensor, slot: Tensor, side: Tensor, u: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Flat position x, y of points of top `image` (K,) at garment coordinates (`Rendering.coordinates`)."""
        return _place(self.top, image, slot, side, u, v, w)

    def in_box(self, image: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Position in the bounding box, (0, 0) its upper left and (1, 1) its lower right corner."""
        left, right, bottom, top = self.box.t().contiguous()[:, image]
        return (x - left) / (right - left), (top - y) / (top - bottom)

    def page_scale(self, height: int, width: int) -> Tensor:
        """(B,) pixels per body height on a page."""
        left, right, bottom, top = self.box.t().contiguous()
        return torch.minimum(_FILL[0] * height / (top - bottom), _FILL[1] * width / (right - left))

    def on_page(self, image: Tensor, x: Tensor, y: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Position in pixels on the shop picture."""
        left, right, bottom, top = self.box.t().contiguous()[:, image]
        scale = self.page_scale(height, width)[image]
        return 0.5 * width + (x - 0.5 * (left + right)) * scale, 0.5 * height - (y - 0.5 * (bottom + top)) * scale


def front_offset(u: Tensor) -> Tensor:
    """Column u in [-2, 2] -> place across its panel in [-1, 1]: the back panel is folded under the front."""
    return torch.where(u.abs() <= 1, u, torch.sign(u) * 2 - u)


def _place(top: Top, image: Tensor, slot: Tensor, side: Tensor, u: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    across = front_offset(u)
    sleeve = top.sleeve[image]
    armhole = torch.where(sleeve > 0, 1 - 0.44 * ((v - 0.788) / 0.056).clamp(0, 1), 1 - 0.42 * smoothstep(v, 0.735, 0.79))
    body_x = across * (0.4 * w + 0.06) * armhole
    long = sleeve > _LONG_SLEEVE
    sine = torch.where(long, math.sin(_LONG_ANGLE), math.sin(_SHORT_ANGLE))
    cosine = torch.where(long, math.cos(_LONG_ANGLE), math.cos(_SHORT_ANGLE))
    along, below = v - _SLEEVE_START, (1 - across) * w
    sleeve_x = _SHOULDER_TIP[0] - 0.008 * top.feminine[image] + along * sine - below * cosine
    sleeve_y = _SHOULDER_TIP[1] - along * cosine - below * sine
    on_sleeve = slot == Slot.SLEEVE
    return torch.where(on_sleeve, torch.where(side == 1, -sleeve_x, sleeve_x), body_x), torch.where(on_sleeve, sleeve_y, v)


def _flat_mesh(top: Top) -> Mesh:
    """Garment coordinates of top, sleeves and collar; positions are left at 0 and filled by `flat_mesh`."""
    device = top.sleeve.device
    mesh = Mesh(len(top.sleeve), device)
    mesh.vertices.zero_()
    mesh.rows.zero_()
    nowhere = (torch.zeros((), device=device),) * 3
    seen = torch.ones((), dtype=torch.bool, device=device)
    sections = standard_top_sections(top)
    sections = sections.with_quarter_of(sections)

    patch = PATCH["top"]
    u = ring(patch.columns, 2.35, device)[0] / QUARTER
    share = ramp(patch.rings, device)
    upper = neckline(top, u)[:, None]
    y = upper + (top.hem[:, None, None] - upper) * share
    mesh.put("top", nowhere, u, y, sections.at(y)[4], share, seen)

    patch = PATCH["sleeves"]
    cloth = sleeve_rings(top, patch.rings)
    quarter = standard_arm_quarter(top.feminine, cloth / ARM_CLOTH, sleeve_ease(top, cloth))
    u = ring(patch.columns, 2.0, device)[0] / QUARTER
    share = ramp(patch.rings, device)
    mesh.put("sleeves", nowhere, u, cloth[:, None, :, None], quarter[:, None, :, None], share, (top.sleeve > 0)[:, None])

    patch = PATCH["collar"]
    angle = ring(patch.columns, 2.1, device)[0]
    share = ramp(patch.rings, device)
    y = collar_height(angle, share).expand(len(cloth), -1, -1)
    mesh.put("collar", nowhere, angle / QUARTER, y, sections.at(y)[4], share, top.collar[:, None])
    return mesh


def flat_layout(top: Top) -> FlatLayout:
    """How B tops are spread out."""
    return _layout(top, _flat_mesh(top))


def _vertices(name: str) -> slice:
    return slice(FIRST_VERTEX[name], FIRST_VERTEX[name] + PATCH[name].size)


def _layout(top: Top, mesh: Mesh) -> FlatLayout:
    x, y = _positions(top, mesh)
    lows, highs = [], []
    for name in ("top", "sleeves"):
        part = torch.stack([x[:, _vertices(name)], y[:, _vertices(name)]], 1)
        if name == "sleeves":
            part = torch.where((top.sleeve > 0)[:, None, None], part, torch.tensor((0.0, 0.7), device=x.device)[:, None])
        lows.append(part.amin(2))
        highs.append(part.amax(2))
    low, high = torch.minimum(*lows), torch.maximum(*highs)
    return FlatLayout(top, torch.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1))


def _positions(top: Top, mesh: Mesh) -> tuple[Tensor, Tensor]:
    batch, device = len(top.sleeve), top.sleeve.device
    slot = torch.full((VERTICES,), int(Slot.TOP), device=device)
    side = torch.zeros(VERTICES, dtype=torch.int64, device=device)
    slot[_vertices("sleeves")] = int(Slot.SLEEVE)
    right = _vertices("sleeves")
    side[right.start + PATCH["sleeves"].size // 2 : right.stop] = 1
    image = torch.arange(batch, device=device).repeat_interleave(VERTICES)
    u, v, w = (mesh.vertices[:, channel].reshape(-1) for channel in (3, 4, 5))
    x, y = _place(top, image, slot.repeat(batch), side.repeat(batch), u, v, w)
    return x.view(batch, VERTICES), y.view(batch, VERTICES)


def flat_mesh(top: Top) -> tuple[Mesh, FlatLayout, Tensor]:
    """Mesh with flat positions (z up from the table), layout, and (B, 3, V) normals of B tops."""
    mesh = _flat_mesh(top)
    layout = _layout(top, mesh)
    x, y = _positions(top, mesh)
    u = mesh.vertices[:, 3]
    z = (u.abs() <= 1.0001).float() * 0.02
    z[:, _vertices("top")] += 0.03
    z[:, _vertices("collar")] += 0.05
    tilt = front_offset(u) * 0.55
    right = _vertices("sleeves")
    tilt[:, right.start + PATCH["sleeves"].size // 2 : right.stop] *= -1
    length = torch.sqrt(1 + tilt * tilt)
    normal = torch.stack([tilt / length, torch.zeros_like(tilt), 1 / length], 1)
    mesh.vertices[:, 0], mesh.vertices[:, 1], mesh.vertices[:, 2] = x, y, z
    return mesh, layout, normal
