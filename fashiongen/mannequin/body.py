"""Skin below the head: torso, arms, hands and legs."""

from __future__ import annotations

import torch
from torch import Tensor

from .identity import Identity
from .numerics import power
from .outfit import Outfit
from .profiles import body_sections
from .skeleton import ARM_COS, ARM_SIN, BONE, Skeleton
from .tubes import ARM_CLOTH, HIP_TOP, LEG_LENGTH, PATCH, QUARTER, Mesh, arm_points, hull_points, leg_points, ramp, ring, sides

COAT_SLEEVE = 0.985
_HAND_WIDTH = (0.0150, 0.0175, 0.0215, 0.0228, 0.0218, 0.0200, 0.0165, 0.0070)
_HAND_THICKNESS = (0.0125, 0.0120, 0.0120, 0.0110, 0.0095, 0.0085, 0.0068, 0.0030)
_THUMB_RADIUS = (0.008, 0.0085, 0.007, 0.002)


def put_body(mesh: Mesh, identity: Identity, skeleton: Skeleton, outfit: Outfit) -> None:
    """Write torso, arms, hands and legs; rows that clothes cover are switched off."""
    _put_torso(mesh, identity, outfit)
    _put_arms(mesh, identity, skeleton, outfit)
    _put_hands(mesh, identity, skeleton)
    patch = PATCH["legs"]
    share = ramp(patch.rings, identity.girth.device)[:, 0].expand(len(identity.girth), -1)
    position, angle, quarter = leg_points(identity, skeleton, share, 0.0, patch.columns)
    y = HIP_TOP - LEG_LENGTH * share
    bare = y[:, 1:] < (outfit.bare_leg + 0.02)[:, None]
    mesh.put("legs", position, angle / QUARTER, y[:, None, :, None], quarter[:, None, :, None], share[:, None, :, None], bare)


def _put_torso(mesh: Mesh, identity: Identity, outfit: Outfit) -> None:
    patch = PATCH["torso"]
    device = identity.girth.device
    angle, sideways, forward = ring(patch.columns, 2.3, device)
    share = ramp(patch.rings, device)
    height = 0.885 - 0.43 * share
    y = height.expand(len(identity.girth), patch.rings, patch.columns + 1)
    position, quarter = hull_points(identity, body_sections(identity, hull=False), y, sideways, forward, cloth=False)
    lowest_neckline = 0.842 - outfit.top.neck_drop - outfit.top.neck_depth - 0.03
    mesh.put("torso", position, angle / QUARTER, y, quarter, share, height[:-1, 0] > lowest_neckline[:, None])


def _put_arms(mesh: Mesh, identity: Identity, skeleton: Skeleton, outfit: Outfit) -> None:
    patch = PATCH["arms"]
    device = identity.girth.device
    length = skeleton.arm[:, None]
    along = -0.05 + (length + 0.056) * ramp(patch.rings, device)[:, 0]
    position, angle = arm_points(identity, skeleton, along, torch.zeros_like(length), patch.columns)
    covered = torch.where(outfit.top.sleeve > 0, outfit.top.sleeve, -4.0)
    covered = torch.where(outfit.coat, torch.clamp_min(covered, COAT_SLEEVE), covered) * skeleton.arm
    cloth = (along / length * ARM_CLOTH)[:, None, :, None]
    share = (along / length)[:, None, :, None]
    mesh.put("arms", position, angle / QUARTER, cloth, 0.04, share, along[:, 1:] > covered[:, None] - 0.012)


def _put_hands(mesh: Mesh, identity: Identity, skeleton: Skeleton) -> None:
    """Mittens with a thumb; the thumb's side faces forward. Fingers are drawn by the shader along e."""
    device = identity.girth.device
    wrist = skeleton.rest[:, [BONE["left_hand"], BONE["right_hand"]]][:, :, :, None, None]
    length = (0.095 - 0.006 * identity.presentation)[:, None, None, None]
    strength = (0.9 + 0.1 * (1 - identity.presentation))[:, None, None, None]

    def place(along: Tensor, outwards: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = wrist[:, :, 0] + sides(device) * (along * ARM_SIN + outwards * ARM_COS)
        return x, wrist[:, :, 1] - along * ARM_COS + outwards * ARM_SIN, wrist[:, :, 2] + ahead

    patch = PATCH["hands"]
    share = ramp(patch.rings, device)
    angle, sideways, forward = ring(patch.columns, 2.2, device)
    width = torch.tensor(_HAND_WIDTH, device=device)[:, None]
    thickness = torch.tensor(_HAND_THICKNESS, device=device)[:, None]
    position = place(
        length * share - 0.004, strength * thickness * sideways - 0.006 * share * share, strength * width * forward * 0.92
    )
    seen = torch.ones((), dtype=torch.bool, device=device)
    mesh.put("hands", position, angle / QUARTER, ARM_CLOTH + length * share, 0.0, share, seen)

    patch = PATCH["thumbs"]
    share = ramp(patch.rings, device)
    angle, sideways, forward = ring(patch.columns, 2.0, device)
    radius = torch.tensor(_THUMB_RADIUS, device=device)[:, None]
    position = place(
        0.016 + 0.038 * share + 0 * length,
        radius * sideways - 0.004 - 0.004 * share,
        0.010 + 0.020 * power(share, 0.7) + radius * forward,
    )
    mesh.put("thumbs", position, angle / QUARTER, torch.full_like(length, ARM_CLOTH), 0.0, torch.zeros_like(share), seen)
