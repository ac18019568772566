"""The face: eyes, brows, nose, lips, cheeks and beard, painted in unit head coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from .fragments import Fragments
from .identity import Identity
from .labels import LABEL
from .numerics import bump, smoothstep

_BLUSH = (0.02, 0.12, 0.11)
_SCLERA = (0.97, 0.96, 0.95)
_LASHES = (0.10, 0.07, 0.07)


def _ellipse(x: Tensor, y: Tensor, centre: tuple[float, float], radii: tuple[float, float]) -> Tensor:
    """Squared radius, 1 on the ellipse."""
    dx, dy = (x - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    return dx * dx + dy * dy


def _inside(squared: Tensor, hardness: float) -> Tensor:
    """Soft indicator of squared radius < 1; `hardness` follows the size of a pixel."""
    return ((1 - squared) * (hardness / 6) + 0.5).clamp(0, 1)


def _mix(below: Tensor, above: Tensor | tuple[float, float, float], share: Tensor) -> Tensor:
    """(3, K) colours painted over with (3, K) or one colour by (K,) shares."""
    if not isinstance(above, Tensor):
        above = below.new_tensor(above)[:, None]
    return below + (above - below) * share


def paint_head(fragments: Fragments, chosen: Tensor, identity: Identity, pixels_per_head: float) -> tuple[Tensor, Tensor]:
    """Albedo and labels of the fragments `chosen` (M,) that lie on the head.

    Args:
        pixels_per_head: pixels across half the height of a head; features stay a pixel soft.

    Returns:
        (3, M) RGB in [0, 1] and (M,) int64 fine labels.
    """
    x, y, z = fragments.u[chosen], fragments.v[chosen], fragments.w[chosen]
    image = fragments.image[chosen]
    colour = identity.skin.t()[:, image]
    hair, presentation = identity.hair.t()[:, image], identity.presentation[image]
    front = (z > 0.05).float()
    side, left = x.abs(), x > 0
    crisp = max(0.5, min(3.0, pixels_per_head / 8))

    cheek = bump(side, 0.50, 0.20) * bump(y, -0.28, 0.17) * (0.6 + 0.6 * presentation)
    colour = colour * (1 - cheek * colour.new_tensor(_BLUSH)[:, None])
    under_lip = 1 - torch.exp(-_ellipse(x, y, (0, -0.52), (0.22, 0.07)))
    beard = identity.beard[image] * smoothstep(y, -0.30, -0.55) * torch.maximum(front, (y < -0.2).float())
    beard = beard * under_lip * smoothstep(z, -0.3, 0.1)
    colour = _mix(colour, hair, beard)

    brow_y = 0.245 - 1.5 * (side - 0.36) * (side - 0.36)
    brow = _inside(_ellipse(side, y - brow_y, (0.38, 0.0), (0.19, 0.036)), 4 * crisp) * front
    colour = _mix(colour, hair * 0.75, brow * 0.8)

    opening = _ellipse(side, y, (0.37, 0.03), (0.165, 0.090))
    eye = _inside(opening, 5 * crisp) * front
    tone = identity.skin[image].mean(1)
    white = colour.new_tensor(_SCLERA)[:, None] * (0.64 + 0.32 * tone)
    colour = _mix(colour, white, eye)
    iris = _inside(_ellipse(side, y, (0.36, 0.03), (0.088, 0.092)), 6 * crisp) * eye
    colour = _mix(colour, identity.eye.t()[:, image] * 0.8, iris)
    pupil = _inside(_ellipse(side, y, (0.36, 0.03), (0.040, 0.042)), 6 * crisp) * eye
    colour = _mix(colour, (0.03, 0.02, 0.02), pupil * 0.9)
    glint = _inside(_ellipse(side - torch.where(left, 0.03, -0.03), y, (0.36, 0.065), (0.030, 0.026)), 4)
    colour = _mix(colour, (1.0, 1.0, 1.0), glint * eye * min(1.0, pixels_per_head / 24))
    lid_y = 0.112 - 1.1 * (side - 0.37) * (side - 0.37)
    lid = _inside(_ellipse(side, y - lid_y, (0.385, 0.0), (0.19, 0.030)), 4 * crisp) * front
    colour = _mix(colour, _LASHES, lid * (0.55 + 0.30 * presentation))
    crease = bump(y, 0.165, 0.022) * bump(side, 0.37, 0.14) * front
    colour = colour * (1 - 0.14 * crease)

    nostril = torch.exp(-_ellipse(side, y, (0.070, -0.345), (0.045, 0.028))) * front
    colour = colour * (1 - 0.40 * nostril * colour.new_tensor((0.7, 0.85, 0.85))[:, None])
    wing = bump(side, 0.125, 0.030) * bump(y, -0.30, 0.07) * front
    colour = colour * (1 - 0.12 * wing)

    curved = y - 0.95 * x * x
    bow = 0.016 * bump(side, 0.06, 0.05)
    upper = _inside(_ellipse(x, curved - bow, (0, -0.532), (0.245, 0.046)), 4 * crisp) * front * (curved > -0.540)
    lower = _inside(_ellipse(x, curved, (0, -0.560), (0.200, 0.062)), 4 * crisp) * front * (curved <= -0.540)
    lips = torch.maximum(upper, lower)
    lip = identity.lip.t()[:, image]
    colour = _mix(colour, lip * torch.where(upper > lower, 0.93, 1.0), lips * 0.9)
    smile = bump(curved, -0.540, 0.014) * torch.exp(-((x / 0.23).square().square())) * front
    colour = colour * (1 - 0.50 * smile)

    label = torch.full_like(image, LABEL["face"])
    label = torch.where(((z < -0.35) & (y < -0.45)) | (y < -0.93), LABEL["neck"], label)
    label = torch.where(brow > 0.45, torch.where(left, LABEL["left_brow"], LABEL["right_brow"]), label)
    label = torch.where((opening < 1.2) & (front > 0), torch.where(left, LABEL["left_eye"], LABEL["right_eye"]), label)
    nose = (front > 0) & (side < 0.17 - 0.08 * (y + 0.3).clamp_min(0)) & (y < 0.05) & (y > -0.37)
    label = torch.where(nose, LABEL["nose"], label)
    label = torch.where(upper > 0.5, LABEL["upper_lip"], torch.where(lower > 0.5, LABEL["lower_lip"], label))
    return colour, label
