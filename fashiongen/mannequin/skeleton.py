"""The skeleton: 19 bones, their rest positions, and forward kinematics.

Unit: the rest height of a body is 1. x runs to the person's left, y up, z forward. The arms rest 32 degrees off the vertical.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .identity import Identity
from .numerics import DEGREE, euler, product, rotation
from .pose import Pose

ARM_REST = 32 * DEGREE
ARM_SIN, ARM_COS = math.sin(ARM_REST), math.cos(ARM_REST)
UPPER_ARM_SHARE = 0.534  # of shoulder to wrist
KNEE_HEIGHT = 0.272

BONES = (
    "pelvis", "spine", "chest", "neck", "head", "left_clavicle", "right_clavicle", "left_upper_arm", "right_upper_arm",
    "left_forearm", "right_forearm", "left_hand", "right_hand", "left_thigh", "right_thigh", "left_shin", "right_shin",
    "left_foot", "right_foot",
)  # fmt: skip
BONE = {name: index for index, name in enumerate(BONES)}


@dataclass(frozen=True)
class Skeleton:
    """Bones at rest and in a pose.

    Attributes:
        rest: (B, 19, 3) rest positions of the bones' heads, in the order of `BONES`.
        arm: (B,) length from shoulder to wrist.
        position: (B, 19, 3) posed positions.
        transform: (B, 19, 12) rotation (row by row) and offset that take a rest point to its posed place.
    """

    rest: Tensor
    arm: Tensor
    position: Tensor
    transform: Tensor

    def joint(self, bone: str) -> Tensor:
        """(B, 3) posed position of a bone's head."""
        return self.position[:, BONE[bone]]

    def carry(self, bone: str, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Take the rest points (x, y, z), each (B,), along with a bone: (B, 3)."""
        m = self.transform[:, BONE[bone]]
        return torch.stack([m[:, 3 * i] * x + m[:, 3 * i + 1] * y + m[:, 3 * i + 2] * z + m[:, 9 + i] for i in range(3)], 1)


def arm_length(presentation: Tensor) -> Tensor:
    """(B,) length of an arm from shoulder to wrist."""
    return 0.296 - 0.012 * presentation


def shoulder_x(identity: Identity) -> Tensor:
    """(B,) distance of a shoulder joint from the middle."""
    return (0.103 - 0.015 * identity.presentation) * identity.shoulder * (0.6 + 0.4 * identity.girth)


def rest_positions(identity: Identity) -> Tensor:
    """(B, 19, 3) rest positions of the bones."""
    shoulder, arm = shoulder_x(identity), arm_length(identity.presentation)
    elbow = UPPER_ARM_SHARE * arm
    hip = (0.041 + 0.004 * identity.presentation) * identity.hip * (0.55 + 0.45 * identity.girth)
    zero = torch.zeros_like(hip)

    def point(x: Tensor, y: float | Tensor, z: float) -> Tensor:
        return torch.stack([x, y + zero, z + zero], 1)

    points = [
        point(zero, 0.525, 0.0),
        point(zero, 0.60, 0.0),
        point(zero, 0.69, -0.004),
        point(zero, 0.84, -0.008),
        point(zero, 0.878, 0.004),
    ]
    paired: list[tuple[Tensor, float | Tensor, float]] = [
        (0.02 + zero, 0.825, -0.005),
        (shoulder, 0.797, -0.008),
        (shoulder + ARM_SIN * elbow, 0.797 - ARM_COS * elbow, -0.008),
        (shoulder + ARM_SIN * arm, 0.797 - ARM_COS * arm, -0.008),
        (hip, 0.50, 0.0),
        (0.98 * hip, KNEE_HEIGHT, 0.004),
        (0.96 * hip, 0.043, -0.012),
    ]
    for x, y, z in paired:
        points += [point(x, y, z), point(-x, y, z)]
    return torch.stack(points, 1)


def _local_rotations(pose: Pose) -> list[Tensor]:
    """Rotation of every bone against its parent, 19 x (B, 3, 3)."""
    zero = torch.zeros_like(pose.yaw)
    roll = pose.roll * DEGREE
    forward, sideways = (pose.lean * DEGREE).t().contiguous()
    twist = pose.twist * DEGREE
    down, left, tilt = (pose.head * DEGREE).t().contiguous()
    facing = rotation((0, 1, 0), pose.yaw * DEGREE)
    rotations = [
        product(facing, euler(zero, zero, roll)),
        euler(forward * 0.5, twist * 0.5, sideways * 0.4 - roll * 0.9),
        euler(forward * 0.5, twist * 0.5, sideways * 0.4 - roll * 0.55),
        euler(down * 0.4 + 0.04, left * 0.4, tilt * 0.5 + roll * 0.25),
        euler(down * 0.6 - 0.04, left * 0.6, tilt * 0.5),
    ]
    chains = []
    wrists = (pose.wrists * DEGREE).t().contiguous()
    for index, side in enumerate((1.0, -1.0)):
        abduction, flexion, turn, elbow = (pose.arms[:, index] * DEGREE).t().contiguous()
        lift = (abduction - 50 * DEGREE).clamp_min(0) * 0.28
        swing = product(rotation((-1, 0, 0), flexion), rotation((0, 0, side), abduction - ARM_REST - lift))
        along = (side * ARM_SIN, -ARM_COS, 0.0)
        hinge = (-ARM_COS, -side * ARM_SIN, 0.0)  # the arm's direction x forward
        hip, spread, toes_out, knee = (pose.legs[:, index] * DEGREE).t().contiguous()
        hip_swing = product(euler(zero, zero, -roll), rotation((0, 0, side), spread))
        chains.append(
            [
                rotation((0, 0, side), lift),
                product(swing, rotation(along, side * turn)),
                rotation(hinge, elbow),
                rotation(hinge, wrists[index]),
                product(hip_swing, product(rotation((-1, 0, 0), hip), rotation((0, side, 0), toes_out))),
                rotation((1, 0, 0), knee),
                rotation((1, 0, 0), (hip - knee) * 0.8),
            ]
        )
    for left_bone, right_bone in zip(*chains, strict=True):
        rotations += [left_bone, right_bone]
    return rotations


_PARENTS = (-1, 0, 1, 2, 3, 2, 2, 5, 6, 7, 8, 9, 10, 0, 0, 13, 14, 15, 16)


def pose_skeleton(identity: Identity, pose: Pose) -> Skeleton:
    """Forward kinematics."""
    rest = rest_positions(identity)
    local = _local_rotations(pose)
    world: list[Tensor] = []
    position: list[Tensor] = []
    for bone, parent in enumerate(_PARENTS):
        if parent < 0:
            world.append(local[bone])
            position.append(rest[:, bone])
        else:
            offset = (rest[:, bone] - rest[:, parent])[..., None]
            world.append(product(world[parent], local[bone]))
            position.append(position[parent] + product(world[parent], offset)[..., 0])
    rotations = torch.stack(world, 1)
    positions = torch.stack(position, 1)
    offsets = positions - product(rotations, rest[..., None])[..., 0]
    return Skeleton(
        rest=rest,
        arm=arm_length(identity.presentation),
        position=positions,
        transform=torch.cat([rotations.flatten(2), offsets], 2),
    )
