"""Clothes at rest: tubes around the hull, the arms and the legs, loosened, flared and cut."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .body import COAT_SLEEVE
from .identity import Identity
from .numerics import bump, power, smoothstep
from .outfit import WAIST, Outfit, Top
from .profiles import Sections, body_sections, heights, standard_sections
from .skeleton import BONE, Skeleton
from .tubes import (
    ARM_CLOTH,
    HIP_TOP,
    LEG_LENGTH,
    PATCH,
    QUARTER,
    Mesh,
    arm_points,
    hull_points,
    leg_points,
    ramp,
    ring,
    sides,
    standard_arm_quarter,
    super_ellipse,
)

NECK_SIDE = 0.842
_CHEST_KNOT = 71  # of profiles.heights, at .738
CROTCH = 0.452


@dataclass(frozen=True)
class Fit:
    """What several garments of one outfit share: cross-sections of the wearer's body and hull, and of the dress form."""

    body: Sections
    hull: Sections
    form: Sections


def fit(identity: Identity, outfit: Outfit) -> Fit:
    """Cross-sections that the clothes of an outfit are built on."""
    return Fit(body_sections(identity, hull=False), body_sections(identity, hull=True), standard_sections(outfit.top.feminine))


def put_clothes(mesh: Mesh, identity: Identity, skeleton: Skeleton, outfit: Outfit) -> None:
    """Write every garment; those that are not worn are switched off."""
    shared = fit(identity, outfit)
    _put_top(mesh, identity, outfit, shared)
    _put_sleeves(mesh, identity, skeleton, outfit)
    _put_lower(mesh, identity, outfit, shared)
    _put_trousers(mesh, identity, skeleton, outfit)
    _put_coat(mesh, identity, outfit, shared)
    _put_belt_and_collar(mesh, identity, outfit, shared)
    _put_shoes(mesh, identity, skeleton, outfit)


def neckline(top: Top, u: Tensor) -> Tensor:
    """(B, N) height of the upper edge of a top over (N,) columns u."""
    distance = u.abs() / top.neck_width[:, None]
    rounded = power((1 - distance * distance).clamp(0, 1), 0.6)
    cut = torch.where(top.pointed[:, None], (1 - distance).clamp(0, 1), rounded)
    return NECK_SIDE - top.neck_drop[:, None] - top.neck_depth[:, None] * cut


def top_sections(top: Top, hull: Sections, below: Tensor, hang: Tensor) -> Sections:
    """A top around some hull: `below` (B, 96) is the room that it leaves for what is under it, `hang` (B,) bridges the waist."""
    y = heights(below.device)
    chest = hull.half_width[:, _CHEST_KNOT, None]
    bridge = hang[:, None] * torch.relu(chest * 0.97 - hull.half_width) * (y < 0.74)
    ease = top.ease[:, None] * smoothstep(y, 0.85, 0.79) + 0.0035 + below + bridge
    return hull.loosened(ease, top.flare[:, None], lobes=0.10)


def standard_top_sections(top: Top) -> Sections:
    """The top on the dress form."""
    form = standard_sections(top.feminine)
    return top_sections(top, form, torch.zeros_like(form.front), top.hang)


def sleeve_ease(top: Top, along: Tensor) -> Tensor:
    """(B, K) room in the sleeve at lengths (B, K) from the shoulder."""
    flare = top.sleeve_flare[:, None] * smoothstep(along / ARM_CLOTH, 0.1, 1.0)
    cuff = 1 - 0.6 * smoothstep(along / ARM_CLOTH, 0.55, 1.0)
    return top.sleeve_ease[:, None] * smoothstep(along, -0.01, 0.07) * cuff + flare + 0.0035


def sleeve_rings(top: Top, rings: int) -> Tensor:
    """(B, K) garment coordinate v along a sleeve."""
    return -0.035 + (top.sleeve * ARM_CLOTH + 0.035).clamp_min(0.02)[:, None] * ramp(rings, top.sleeve.device)[:, 0]


def collar_height(angle: Tensor, share: Tensor) -> Tensor:
    """Heights of a collar at (N,) angles and (K, 1) shares from its upper edge to its lower one."""
    return 0.852 - 0.024 * share - 0.022 * bump(angle, 0, 0.8) * share - 0.014 * bump(angle, 0, 0.9)


def _put_top(mesh: Mesh, identity: Identity, outfit: Outfit, shared: Fit) -> None:
    patch = PATCH["top"]
    top = outfit.top
    device = identity.girth.device
    angle, sideways, forward = ring(patch.columns, 2.35, device)
    u = angle / QUARTER
    share = ramp(patch.rings, device)
    upper = neckline(top, u)[:, None]
    y = upper + (outfit.top_hem[:, None, None] - upper) * share
    loose = torch.where(outfit.tucked, -0.002, 0.005 + 0.7 * outfit.lower.ease)[:, None]
    below = loose * smoothstep(heights(device), 0.66, 0.60)
    hang = torch.where(outfit.tucked, 0.15, top.hang) * torch.where(outfit.coat, 0.4, 1.0)
    sections = top_sections(top, shared.hull, below, hang).with_quarter_of(standard_top_sections(top))
    folds = torch.cos(5 * angle + (top.phase * (2 * math.pi))[:, None, None])
    position, quarter = hull_points(identity, sections, y, sideways, forward, cloth=True, folds=folds)
    whole = (upper - y) / (upper - top.hem[:, None, None])
    mesh.put("top", position, u, y, quarter, whole, torch.ones((), dtype=torch.bool, device=device))


def _put_sleeves(mesh: Mesh, identity: Identity, skeleton: Skeleton, outfit: Outfit) -> None:
    top = outfit.top
    scale = (skeleton.arm / ARM_CLOTH)[:, None]
    patch = PATCH["sleeves"]
    cloth = sleeve_rings(top, patch.rings)
    ease = sleeve_ease(top, cloth)
    position, angle = arm_points(identity, skeleton, cloth * scale, ease, patch.columns)
    quarter = standard_arm_quarter(top.feminine, cloth / ARM_CLOTH, ease)
    share = ramp(patch.rings, cloth.device)
    worn = (top.sleeve > 0) & ~outfit.coat
    mesh.put("sleeves", position, angle / QUARTER, cloth[:, None, :, None], quarter[:, None, :, None], share, worn[:, None])

    patch = PATCH["coat_sleeves"]
    cloth = (-0.035 + (COAT_SLEEVE * ARM_CLOTH + 0.035) * ramp(patch.rings, cloth.device)[:, 0]).expand(len(cloth), -1)
    ease = (top.sleeve_ease * 0.5 + 0.007)[:, None] * smoothstep(cloth, -0.01, 0.07)
    ease = ease + 0.004 * smoothstep(cloth / ARM_CLOTH, 0.1, 1.0) + 0.0035
    position, angle = arm_points(identity, skeleton, cloth * scale, ease, patch.columns)
    quarter = standard_arm_quarter(top.feminine, cloth / ARM_CLOTH, ease)
    mesh.put(
        "coat_sleeves", position, angle / QUARTER, cloth[:, None, :, None], quarter[:, None, :, None], share, outfit.coat[:, None]
    )


def _put_lower(mesh: Mesh, identity: Identity, outfit: Outfit, shared: Fit) -> None:
    """The whole skirt, or the hips of trousers."""
    patch = PATCH["lower"]
    lower = outfit.lower
    device = identity.girth.device
    angle, sideways, forward = ring(patch.columns, 2.3, device)
    share = ramp(patch.rings, device)
    skirt = lower.skirt
    end = torch.where(skirt, lower.hem, CROTCH)[:, None, None]
    y = WAIST + (end - WAIST) * (share + 0 * angle)
    room = (0.0035 + 0.0005 * (~skirt).float())[:, None] + lower.ease[:, None] * 0.6 * smoothstep(heights(device), 0.6, 0.5)
    flare = torch.where(skirt, lower.flare, 0.0)[:, None]

    def loosened(body: Sections, hull: Sections) -> Sections:
        pairs = ((getattr(hull, n), getattr(body, n)) for n in ("half_width", "front", "back", "centre", "quarter", "lobes"))
        return Sections(*(torch.where(skirt[:, None], a, b) for a, b in pairs)).loosened(room, flare, lobes=0.14)

    form = loosened(standard_sections(outfit.top.feminine, hull=False), shared.form)
    sections = loosened(shared.body, shared.hull).with_quarter_of(form)
    folds = torch.cos(5 * angle + (lower.phase * (2 * math.pi))[:, None, None])
    position, quarter = hull_points(identity, sections, y, sideways, forward, cloth=True, folds=folds)
    mesh.put("lower", position, angle / QUARTER, y, quarter, share, ~outfit.dress[:, None])


def _put_trousers(mesh: Mesh, identity: Identity, skeleton: Skeleton, outfit: Outfit) -> None:
    patch = PATCH["trousers"]
    lower = outfit.lower
    share = ramp(patch.rings, lower.hem.device)
    t = ((HIP_TOP - lower.hem) / LEG_LENGTH)[:, None] * share[:, 0]
    least = (lower.radius[:, None] + lower.leg_flare[:, None] * smoothstep(t, 0.5, 1.0)) * smoothstep(t, 0.15, 0.62)
    ease = 0.004 + lower.ease[:, None] * smoothstep(t, 0.0, 0.2)
    position, angle, quarter = leg_points(identity, skeleton, t, ease, patch.columns, least)
    worn = ~outfit.dress & ~lower.skirt
    y = (HIP_TOP - LEG_LENGTH * t)[:, None, :, None]
    mesh.put("trousers", position, angle / QUARTER, y, quarter[:, None, :, None], share, worn[:, None])


def coat_gap(opening: Tensor, y: Tensor) -> Tensor:
    """Half of the gap of an open coat at heights y, radians."""
    return opening * (0.55 + 0.54 * smoothstep(y, 0.70, 0.83) + 0.25 * smoothstep(y, 0.62, 0.45))


def _put_coat(mesh: Mesh, identity: Identity, outfit: Outfit, shared: Fit) -> None:
    """Open in front: the columns run from the left front edge round the back to the right one, so u runs from 0 to 4."""
    patch = PATCH["coat"]
    device = identity.girth.device
    share = ramp(patch.rings, device)
    height = 0.838 + (outfit.coat_hem[:, None, None] - 0.838) * share
    gap = coat_gap(outfit.outerwear.opening[:, None, None], height)
    across = torch.linspace(-1, 1, patch.columns + 1, device=device)
    angle = math.pi + across * (math.pi - gap)
    sideways, forward = super_ellipse(angle, 2.35)
    y = height.expand_as(angle)
    knots = heights(device)
    flare = torch.maximum(outfit.top.flare, torch.where(outfit.skirt, outfit.lower.flare, 0.0))
    flare = torch.clamp_min(1.14 * flare + 0.03, 0.12)[:, None]

    def loosened(hull: Sections) -> Sections:
        chest = hull.half_width[:, _CHEST_KNOT, None]
        bridge = 0.9 * torch.relu(chest * 0.98 - hull.half_width) * (knots < 0.74)
        ease = (
            0.011 + outfit.top.ease[:, None] * 0.6 * smoothstep(knots, 0.85, 0.79) + 0.008 * smoothstep(knots, 0.66, 0.58) + bridge
        )
        return hull.loosened(ease, flare)

    sections = loosened(shared.hull).with_quarter_of(loosened(shared.form))
    position, quarter = hull_points(identity, sections, y, sideways, forward, cloth=True)
    mesh.put("coat", position, angle / QUARTER, y, quarter, share, outfit.coat[:, None])


def _put_belt_and_collar(mesh: Mesh, identity: Identity, outfit: Outfit, shared: Fit) -> None:
    device = identity.girth.device
    batch = len(identity.girth)
    patch = PATCH["belt"]
    angle, sideways, forward = ring(patch.columns, 2.3, device)
    share = ramp(patch.rings, device)
    y = (0.606 - 0.016 * share).expand(batch, patch.rings, patch.columns + 1)
    sections = shared.hull.loosened(torch.full_like(shared.hull.front, 0.0075)).with_quarter_of(shared.form)
    position, quarter = hull_points(identity, sections, y, sideways, forward, cloth=True)
    mesh.put("belt", position, angle / QUARTER, y, quarter, share, outfit.belt[:, None])

    patch = PATCH["collar"]
    angle, sideways, forward = ring(patch.columns, 2.1, device)
    share = ramp(patch.rings, device)
    y = collar_height(angle, share).expand(batch, -1, -1)
    (x, _, z), quarter = hull_points(identity, shared.body.with_quarter_of(shared.form), y, sideways, forward, cloth=True)
    out = 0.004 + 0.010 * share
    collar = (x + out * sideways, y, z + out * forward)
    mesh.put("collar", collar, angle / QUARTER, y, quarter, share, outfit.top.collar[:, None])


# heel to toe: place along the foot, half width, height
_SHOE = (
    (-.034, .003, .030), (-.033, .012, .046), (-.028, .0185, .056), (-.018, .0205, .060), (-.004, .0205, .060), (.012, .0200, .054),
    (.030, .0215, .042), (.050, .0240, .034), (.066, .0245, .029), (.080, .0220, .025), (.090, .0150, .020), (.095, .003, .010),
)  # fmt: skip


def _put_shoes(mesh: Mesh, identity: Identity, skeleton: Skeleton, outfit: Outfit) -> None:
    """Flat soles; a boot swells at the ankle. u runs around the foot, v is the height, w the place along it."""
    patch = PATCH["shoes"]
    device = identity.girth.device
    angle, sideways, forward = ring(patch.columns, 2.5, device)
    along, half_width, height = torch.tensor(_SHOE, device=device).t().contiguous()[:, :, None]
    shaft = outfit.shoes.boot[:, None, None, None] * torch.exp(-power((along + 0.008).abs() / 0.022, 4))
    half_height = (height + shaft) / 2
    foot = skeleton.rest[:, [BONE["left_foot"], BONE["right_foot"]]][:, :, :, None, None]
    wide = 1.04 * (0.95 + 0.1 * (1 - identity.presentation))[:, None, None, None]
    x = foot[:, :, 0] + sides(device) * half_width * wide * sideways
    y = half_height * (1 + forward)
    z = foot[:, :, 2] + along
    share = ramp(patch.rings, device)
    seen = torch.ones((), dtype=torch.bool, device=device)
    mesh.put("shoes", (x, y - 0.002, z), angle / QUARTER, y, along[None, None] + 0 * foot[:, :, 0], share[None, None], seen)
