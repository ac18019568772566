"""Linear blend skinning with weights that are smooth functions of the rest position, and vertex normals."""

from __future__ import annotations

import torch
from torch import Tensor

from .numerics import smoothstep
from .skeleton import ARM_COS, ARM_SIN, BONE, UPPER_ARM_SHARE, Skeleton
from .topology import ARM_PATCHES, FIRST_VERTEX, HEAD_PATCHES, HULL_PATCHES, LEG_PATCHES, PATCHES, vertex_index
from .tubes import PATCH, sides

_SIDES = ("left", "right")
_HAIR = range(FIRST_VERTEX["hair"], FIRST_VERTEX["hair"] + PATCH["hair"].size)
_SHOES = range(FIRST_VERTEX["shoes"], FIRST_VERTEX["shoes"] + PATCH["shoes"].size)


def _hull_weights(position: Tensor) -> dict[str, Tensor]:
    x, y = position[:, 0], position[:, 1]
    neck = smoothstep(y, 0.835, 0.880)
    chest = smoothstep(y, 0.61, 0.72) * (1 - neck)
    spine = smoothstep(y, 0.545, 0.63) * (1 - neck - chest)
    pelvis = 1 - neck - chest - spine
    thighs = pelvis * smoothstep(y, 0.535, 0.40) * 0.80
    left = smoothstep(x, -0.085, 0.085)
    clavicle = smoothstep(x.abs(), 0.045, 0.095) * smoothstep(y, 0.75, 0.81) * 0.7 * chest
    on_left = (x > 0).float()
    return {
        "pelvis": pelvis - thighs,
        "spine": spine,
        "chest": chest - clavicle,
        "neck": neck,
        "left_clavicle": clavicle * on_left,
        "right_clavicle": clavicle * (1 - on_left),
        "left_thigh": thighs * left,
        "right_thigh": thighs * (1 - left),
    }


def _head_weights(position: Tensor, hair: Tensor) -> dict[str, Tensor]:
    chest = smoothstep(position[:, 1], 0.85, 0.76) * 0.9 * hair
    return {"head": 1 - chest, "chest": chest}


def _arm_weights(position: Tensor, side: str, skeleton: Skeleton) -> dict[str, Tensor]:
    shoulder = skeleton.rest[:, BONE[f"{side}_upper_arm"]]
    outwards = (position[:, 0] - shoulder[:, :1]) * (1.0 if side == "left" else -1.0)
    along = outwards * ARM_SIN - (position[:, 1] - shoulder[:, 1:2]) * ARM_COS
    arm = skeleton.arm[:, None]
    upper = smoothstep(along, -0.045, 0.030)
    fore = smoothstep(along - UPPER_ARM_SHARE * arm, -0.022, 0.022)
    hand = smoothstep(along - arm, -0.012, 0.010)
    return {
        f"{side}_clavicle": 1 - upper,
        f"{side}_upper_arm": upper * (1 - fore),
        f"{side}_forearm": fore * (1 - hand),
        f"{side}_hand": fore * hand,
    }


def _leg_weights(position: Tensor, side: str, shoe: Tensor) -> dict[str, Tensor]:
    y = position[:, 1]
    pelvis = smoothstep(y, 0.47, 0.56) * 0.85
    shin = smoothstep(y, 0.300, 0.246)
    foot = torch.where(shoe, 1.0, smoothstep(y, 0.060, 0.040))
    return {
        "pelvis": pelvis,
        f"{side}_thigh": (1 - pelvis) * (1 - shin),
        f"{side}_shin": (1 - pelvis) * shin * (1 - foot),
        f"{side}_foot": (1 - pelvis) * shin * foot,
    }


def _blend(position: Tensor, transform: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """(B, 3, n) rest points, (B, 19, 12, 1) bones -> (B, 3, n)."""
    mixed: Tensor | None = None
    for bone, weight in weights.items():
        part = transform[:, BONE[bone]] * weight[:, None]
        mixed = part if mixed is None else mixed.add_(part)
    assert mixed is not None
    x, y, z = position.unbind(1)
    return torch.stack(
        [mixed[:, 3 * i] * x + mixed[:, 3 * i + 1] * y + mixed[:, 3 * i + 2] * z + mixed[:, 9 + i] for i in range(3)], 1
    )


def skin(rest: Tensor, skeleton: Skeleton) -> Tensor:
    """(B, 3, V) rest vertices -> posed vertices, standing on y = 0."""
    device = rest.device
    transform = skeleton.transform[..., None].contiguous()
    posed = torch.empty_like(rest)

    def move(index: Tensor, weights: dict[str, Tensor], position: Tensor) -> None:
        posed[:, :, index] = _blend(position, transform, weights)

    index = vertex_index(HULL_PATCHES, None, device)
    position = rest.index_select(2, index)
    move(index, _hull_weights(position), position)
    index = vertex_index(HEAD_PATCHES, None, device)
    position = rest.index_select(2, index)
    move(index, _head_weights(position, (index >= _HAIR.start) & (index < _HAIR.stop)), position)
    for number, side in enumerate(_SIDES):
        index = vertex_index(ARM_PATCHES, number, device)
        position = rest.index_select(2, index)
        move(index, _arm_weights(position, side, skeleton), position)
        index = vertex_index(LEG_PATCHES, number, device)
        position = rest.index_select(2, index)
        move(index, _leg_weights(position, side, (index >= _SHOES.start) & (index < _SHOES.stop)), position)
    return posed


def lowest_foot(posed: Tensor) -> Tensor:
    """(B,) height of the lowest vertex of legs and shoes."""
    index = vertex_index(("legs", "shoes"), None, posed.device)
    return posed[:, 1].index_select(1, index).amin(1)


def normals(posed: Tensor) -> Tensor:
    """(B, 3, V) vertices -> (B, 3, V) unit normals, from differences along the grids."""
    found = []
    for patch in PATCHES:
        first, columns = FIRST_VERTEX[patch.name], patch.columns + 1
        grid = posed[:, :, first : first + patch.size].view(-1, 3, patch.sides, patch.rings, columns)
        before, after = (grid[..., :1], grid[..., -1:]) if patch.name == "coat" else (grid[..., -2:-1], grid[..., 1:2])
        around = torch.cat([grid[..., 1:], after], -1) - torch.cat([before, grid[..., :-1]], -1)
        down = torch.cat([grid[:, :, :, 1:], grid[:, :, :, -1:]], 3) - torch.cat([grid[:, :, :, :1], grid[:, :, :, :-1]], 3)
        if patch.sides == 2:
            around = around * sides(posed.device)
        cross = torch.stack([down[:, i] * around[:, j] - down[:, j] * around[:, i] for i, j in ((1, 2), (2, 0), (0, 1))], 1)
        found.append(cross.flatten(2))
    normal = torch.cat(found, 2)
    x, y, z = normal.unbind(1)
    length = torch.sqrt(x * x + y * y + z * z + 1e-18)
    return normal / length[:, None]
