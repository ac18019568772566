"""How the person stands: joint angles, drawn from families of everyday poses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from .random import pick, uniform

POSE_STREAM = 2


class Family(IntEnum):
    """Families of poses."""

    STAND = 0
    CONTRAPPOSTO = 1
    WALK = 2
    HANDS_ON_HIPS = 3
    CROSSED_ARMS = 4
    RAISED_ARMS = 5
    POCKETS = 6
    T_POSE = 7
    WAVE = 8
    THINKING = 9
    HAND_ON_HIP = 10


# (abduction from hanging, flexion forwards, twist about the upper arm (+ turns the elbow's plane inwards), elbow) of both arms
ARM_ANGLES: dict[Family, tuple[tuple[float, ...], tuple[float, ...]]] = {
    Family.STAND: ((9, 0, 0, 12), (9, 0, 0, 12)),
    Family.CONTRAPPOSTO: ((10, 0, 10, 18), (14, -6, 0, 25)),
    Family.WALK: ((8, 26, 5, 30), (8, -26, 0, 12)),
    Family.HANDS_ON_HIPS: ((44, -22, 68, 98), (44, -22, 68, 98)),
    Family.CROSSED_ARMS: ((12, 30, 76, 98), (12, 26, 70, 92)),
    Family.RAISED_ARMS: ((128, 20, 0, 35), (140, 20, 0, 30)),
    Family.POCKETS: ((20, -16, 10, 38), (20, -16, 10, 38)),
    Family.T_POSE: ((82, 0, 0, 6), (82, 0, 0, 6)),
    Family.WAVE: ((10, 0, 0, 15), (62, 30, -85, 112)),
    Family.THINKING: ((14, 28, 72, 72), (16, 40, 40, 128)),
    Family.HAND_ON_HIP: ((44, -22, 68, 98), (10, 0, 0, 15)),
}
ARM_JITTER = (5.0, 6.0, 6.0, 7.0)
_F = Family
DRAWN = (
    _F.STAND, _F.CONTRAPPOSTO, _F.CONTRAPPOSTO, _F.WALK, _F.WALK, _F.HANDS_ON_HIPS,
    _F.CROSSED_ARMS, _F.RAISED_ARMS, _F.POCKETS, _F.WAVE, _F.THINKING, _F.HAND_ON_HIP,
)  # fmt: skip
ONE_LEG_FREE = (_F.CONTRAPPOSTO, _F.HANDS_ON_HIPS, _F.HAND_ON_HIP, _F.THINKING, _F.POCKETS)


@dataclass(frozen=True)
class Pose:
    """Joint angles in degrees; the second axis of `arms` and `legs` is (left, right).

    Attributes:
        yaw: (B,) turn about the vertical; 0 faces the camera, positive turns to the person's left.
        arms: (B, 2, 4) abduction from hanging, flexion forwards, twist, elbow.
        legs: (B, 2, 4) flexion forwards, abduction, toes out, knee.
        roll: (B,) tilt of the pelvis.
        lean: (B, 2) forwards and sideways.
        twist: (B,) of the chest against the pelvis.
        head: (B, 3) down, left, tilt.
        wrists: (B, 2).
        family: (B,) int64, `Family`.
    """

    yaw: Tensor
    arms: Tensor
    legs: Tensor
    roll: Tensor
    lean: Tensor
    twist: Tensor
    head: Tensor
    wrists: Tensor
    family: Tensor


def sample_yaw(choice: Tensor, amount: Tensor) -> Tensor:
    """Turn in degrees, mostly towards the camera: draws (B,) in [0, 1) and (B,) in [-1, 1)."""
    half = torch.sign(amount) * (35 + 45 * amount.abs())
    away = 180 + 35 * amount
    profile = torch.sign(amount) * (80 + 70 * amount.abs())
    return torch.where(choice < 0.50, 28 * amount, torch.where(choice < 0.72, half, torch.where(choice < 0.86, away, profile)))


def sample_pose(seed: Tensor, family: Tensor | None = None, yaw: Tensor | None = None) -> Pose:
    """(B,) int64 seeds -> poses inside human limits.

    Args:
        family: (B,) int64 `Family` instead of a drawn one.
        yaw: (B,) degrees instead of a drawn turn.
    """
    device = seed.device
    draws = uniform(seed, POSE_STREAM, 32).t().contiguous()
    signed = (draws - 0.5) * 2
    if family is None:
        family = torch.tensor(DRAWN, device=device)[pick(draws[0], len(DRAWN))]
    if yaw is None:
        yaw = sample_yaw(draws[17], signed[18])
    swapped = draws[1] < 0.5
    side = torch.where(swapped, 1.0, -1.0)

    arms = torch.tensor([ARM_ANGLES[member] for member in Family], device=device)[family]
    arms = torch.where(swapped[:, None, None], arms.flip(1), arms)
    arms = arms + signed[2:10].t().reshape(-1, 2, 4) * torch.tensor(ARM_JITTER, device=device)
    elbow = arms[..., 3:].clamp(2, 140)
    arms = torch.cat([arms[..., :3], elbow], -1)

    stride = (family == Family.WALK).float() * (0.55 + 0.45 * draws[14]) * side
    standing = torch.zeros_like(family, dtype=torch.bool)
    for member in ONE_LEG_FREE:
        standing = standing | (family == member)
    lift = standing.float() * torch.where(draws[15] < 0.5, 1.0, -1.0) * (0.5 + 0.5 * draws[16])
    forwards = torch.stack([-stride, stride], 1)
    free = torch.relu(torch.stack([lift, -lift], 1))
    flexion = 18 * forwards + 12 * free
    abduction = (2.5 + 2 * draws[10:12].t()) * (1 - 0.7 * stride.abs())[:, None] + 4 * free
    toes_out = (6 + 6 * draws[12:14].t()) * (1 - 0.5 * stride.abs())[:, None] + 10 * free
    knee = 3 + 26 * torch.relu(forwards.flip(1)) + 22 * free
    turned = yaw.clamp(-60, 60) * 0.25 * (yaw.abs() < 70)
    return Pose(
        yaw=yaw,
        arms=arms,
        legs=torch.stack([flexion, abduction, toes_out, knee], -1),
        roll=6 * lift,
        lean=signed[22:24].t() * 2.5,
        twist=signed[24] * 5 + stride * 7,
        head=torch.stack([signed[19] * 6 - 1, signed[20] * 16 - turned, signed[21] * 4], 1),
        wrists=signed[25:27].t() * 10,
        family=family,
    )
