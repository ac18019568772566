"""The coloured body renderings that ClothNet's body maps are read from.

The template of `classner/up` paints 31 regions of the SMPL body (and the crotch) in fixed colours on white; seven classes follow
from them. Left and right are the person's own.
"""

from __future__ import annotations

import torch
from torch import Tensor

REGIONS = {
    "right hand": (253, 107, 0), "right wrist": (253, 90, 97), "right lower arm": (249, 178, 3), "right elbow": (79, 22, 30),
    "right upper arm": (255, 218, 0), "right shoulder": (84, 81, 17), "right upper body": (211, 228, 94),
    "right lower body": (154, 165, 46), "right upper leg": (110, 43, 84), "right knee": (66, 28, 43),
    "right lower leg": (165, 72, 26), "right ankle": (249, 111, 72), "right foot": (219, 155, 60), "left hand": (82, 104, 125),
    "left wrist": (98, 233, 115), "left lower arm": (3, 165, 122), "left elbow": (28, 28, 48), "left upper arm": (38, 159, 36),
    "left shoulder": (35, 67, 48), "left upper body": (253, 228, 94), "left lower body": (181, 151, 103),
    "left upper leg": (45, 49, 72), "left knee": (84, 28, 37), "left lower leg": (249, 153, 86), "left ankle": (102, 229, 66),
    "left foot": (248, 206, 74), "left upper head": (225, 22, 23), "right upper head": (149, 1, 23),
    "right lower head": (10, 77, 22), "left lower head": (38, 26, 24), "neck": (167, 207, 29), "crotch": (191, 175, 95),
}  # fmt: skip
"""RGB colour of every region; region i has the id i + 1, and the crotch that of the right lower body."""

_WHITE = (255, 255, 255)
_BACKGROUND, _HEAD, _TORSO, _RIGHT_ARM, _LEFT_ARM, _RIGHT_LEG, _LEFT_LEG = range(7)


def body_regions(rendering: Tensor) -> Tensor:
    """The region of every pixel, by the nearest of the colours.

    Args:
        rendering: (..., 3, H, W) uint8 RGB.

    Returns:
        (..., H, W) uint8: 0 background, 1..31 regions.
    """
    crotch = list(REGIONS).index("crotch")
    ids = [0, *range(1, crotch + 1), list(REGIONS).index("right lower body") + 1]
    return torch.tensor(ids, dtype=torch.uint8, device=rendering.device)[_nearest(rendering)]


def body_classes(rendering: Tensor) -> Tensor:
    """The class of every pixel that ClothNet's sketches are conditioned on.

    Args:
        rendering: (..., 3, H, W) uint8 RGB.

    Returns:
        (..., H, W) uint8: background, head, torso (with neck and shoulders), right arm, left arm, right leg, left leg.
    """
    table = torch.tensor([_BACKGROUND, *map(_class_of, REGIONS)], dtype=torch.uint8, device=rendering.device)
    return table[_nearest(rendering)]


def _nearest(rendering: Tensor) -> Tensor:
    """0 for white, else the place in `REGIONS` + 1."""
    colours = torch.tensor([_WHITE, *REGIONS.values()], dtype=torch.float32, device=rendering.device)
    pixels = rendering.movedim(-3, -1).float()
    distances = torch.cdist(pixels.flatten(0, -2), colours, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.argmin(dim=-1).view(pixels.shape[:-1])


def _class_of(region: str) -> int:
    side, _, part = region.partition(" ")
    if part.endswith("head"):
        return _HEAD
    if part.endswith(("arm", "elbow", "wrist", "hand")):
        return _RIGHT_ARM if side == "right" else _LEFT_ARM
    if part.endswith(("leg", "knee", "ankle", "foot")):
        return _RIGHT_LEG if side == "right" else _LEFT_LEG
    return _TORSO
