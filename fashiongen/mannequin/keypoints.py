"""Exact key points in OpenPose's order, with visibility that clothes cannot fool."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from fashiongen.data.parsing import PARTS

from .camera import Projection
from .head import place_on_head
from .identity import Identity
from .skeleton import Skeleton

OPENPOSE18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "right_hip",
    "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
_BONES = {"shoulder": "upper_arm", "elbow": "forearm", "wrist": "hand", "hip": "thigh", "knee": "shin", "ankle": "foot"}
_OWN_PARTS = {
    "shoulder": ("torso", "{}_upper_arm"), "elbow": ("{}_upper_arm", "{}_forearm"), "wrist": ("{}_forearm",),
    "hip": ("torso", "{}_thigh"), "knee": ("{}_thigh", "{}_shin"), "ankle": ("{}_shin",),
}  # fmt: skip
# unit head coordinates, and how far before the point a surface may lie without hiding it
_HEAD_POINTS = {
    "nose": ((0.0, -0.25, 1.10), 0.012),
    "right_eye": ((-0.37, 0.03, 0.90), 0.012),
    "left_eye": ((0.37, 0.03, 0.90), 0.012),
    "right_ear": ((-1.02, -0.05, -0.10), 0.02),
    "left_ear": ((1.02, -0.05, -0.10), 0.02),
}


@lru_cache(maxsize=8)
def _tables(device: torch.device) -> tuple[Tensor, Tensor]:
    """(18, 11) bool which parts show a joint, and (18,) tolerance of head points (NaN for joints)."""
    shows = torch.zeros(len(OPENPOSE18), len(PARTS), dtype=torch.bool)
    tolerance = torch.full((len(OPENPOSE18),), float("nan"))
    for row, name in enumerate(OPENPOSE18):
        if name in _HEAD_POINTS:
            tolerance[row] = _HEAD_POINTS[name][1]
        elif name == "neck":
            shows[row, [PARTS.index("torso"), PARTS.index("head")]] = True
        else:
            side, joint = name.split("_")
            shows[row, [PARTS.index(part.format(side)) for part in _OWN_PARTS[joint]]] = True
    return shows.to(device), tolerance.to(device)


def locate_keypoints(identity: Identity, skeleton: Skeleton, project: Projection, parts: Tensor, depth: Tensor) -> Tensor:
    """Project the joints and judge what is seen.

    A joint is seen if the page shows one of its own body parts at its pixel, so that its own cloth does not hide it; a point of the
    head is seen if no surface lies clearly before it.

    Args:
        parts: (B, H, W) uint8 body parts.
        depth: (B, H, W) body heights towards the camera, any low value where nothing is.

    Returns:
        (B, 18, 3) x, y in pixels and visibility 2 (seen), 1 (hidden), 0 (outside the page).
    """
    batch, height, width = parts.shape
    zero = torch.zeros_like(identity.girth)
    points = []
    for name in OPENPOSE18:
        if name in _HEAD_POINTS:
            x, y, z = (zero + value for value in _HEAD_POINTS[name][0])
            points.append(skeleton.carry("head", *place_on_head(identity, x, y, z)))
        elif name == "neck":
            points.append(0.5 * (skeleton.joint("left_upper_arm") + skeleton.joint("right_upper_arm")))
        else:
            side, joint = name.split("_")
            points.append(skeleton.joint(f"{side}_{_BONES[joint]}"))
    x, y, z = project(*torch.stack(points, 2).unbind(1))
    shows, tolerance = _tables(parts.device)
    column, row = x.floor().long(), y.floor().long()
    on_page = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    part = parts.reshape(batch, -1).gather(1, pixel).long()
    surface = depth.reshape(batch, -1).gather(1, pixel)
    by_part = shows.view(-1).index_select(0, (part + torch.arange(18, device=part.device) * len(PARTS)).view(-1)).view(batch, -1)
    seen = torch.where(tolerance.isnan(), by_part, surface <= z + tolerance)
    visibility = torch.where(on_page, torch.where(seen, 2.0, 1.0), 0.0)
    return torch.stack([x, y, visibility], 2)
