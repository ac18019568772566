"""Ten rectangles on the body, one a part, and how one pose is read from another through them (ours).

`fashiongen.layers.part_affines`, the rules of Deformable GAN's authors, takes the torso's map from its four corners and the head's
from the face: seen from the side the corners lie on a line and the map stretches without bound, seen from behind there is no face.
The background moves with the torso, and where parts overlap the larger feature wins. Here every part is a rectangle that is as wide
from the side as a body is, each pixel belongs to one part, and what neither pose covers stays in its place.

Key points as in `fashiongen.layers.part_affines`; whatever joints are missing, nothing is ever infinite or NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.layers.part_affines import (
    FACE,
    LIMBS,
    MASK_END_EXTENSION,
    PARTS,
    START_EXTENSION,
    fit_affine,
    joint_indices,
    torso_length,
    transform_rows,
)
from fashiongen.layers.polygons import fill_polygons, segment_quads
from fashiongen.layers.pose_mask import pose_mask

_SHOULDERS, _HIPS, _EARS, _NECK = (2, 5), (8, 11), (16, 17), 1
# In torso lengths:
_TORSO_HALF_WIDTH = 0.25  # at least, from the side
_LIMB_HALF_WIDTH = (0.15,) * 4 + (0.11,) * 4
_HEAD_RADIUS = 0.4
_HEAD_ABOVE_NECK = 0.42
_BODY_RADIUS = 6 / 128  # of the discs along the limbs, in heights of the picture
_MIRRORED = (0, 1, *(2 + (limb ^ 1) for limb in range(len(LIMBS))))
_PRECEDENCE = ("head", *PARTS[:1:-1])
"""Who has the pixel where regions overlap: the head, forearms, upper arms, shins, thighs; the torso has the rest."""


@torch.no_grad()
def part_rectangles(keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """A rectangle around every part of the body.

    Args:
        keypoints: (B, 18, 3) x, y in pixels with pixel centres at .5, then visibility (0: missing).

    Returns:
        (B, 10, 4, 2) float64 corners (x, y) in pixel indices, in the order of `fashiongen.layers.part_affines.PARTS`, and (B, 10)
        bool, which parts can be located.
    """
    joints, seen = joint_indices(keypoints)
    length = torso_length(keypoints)[:, None]
    shoulders, hips = _middle(joints, seen, _SHOULDERS), _middle(joints, seen, _HIPS)
    span = torch.linalg.vector_norm(joints[:, _SHOULDERS[0]] - joints[:, _SHOULDERS[1]], dim=1, keepdim=True)
    span = torch.where(seen[:, _SHOULDERS].all(dim=1, keepdim=True), span, 0)
    there = seen[:, _SHOULDERS].any(dim=1) & seen[:, _HIPS].any(dim=1)
    torso = segment_quads(shoulders, hips, torch.maximum(span / 2, _TORSO_HALF_WIDTH * length))

    radius = torch.cat([torch.zeros_like(length), _HEAD_RADIUS * length], dim=1)
    above_neck = joints[:, _NECK] - torch.cat([torch.zeros_like(length), _HEAD_ABOVE_NECK * length], dim=1)
    ears, face = (seen[:, points].any(dim=1, keepdim=True) for points in (_EARS, FACE))
    centre = torch.where(face, _middle(joints, seen, FACE), above_neck)
    centre = torch.where(ears, _middle(joints, seen, _EARS), centre)
    head = segment_quads(centre - radius, centre + radius, _HEAD_RADIUS * length)

    start, end = (list(ends) for ends in zip(*LIMBS, strict=True))
    upper, lower = joints[:, start], joints[:, end]
    limbs = segment_quads(
        upper + START_EXTENSION * (upper - lower),
        lower + joints.new_tensor(MASK_END_EXTENSION)[:, None] * (lower - upper),
        joints.new_tensor(_LIMB_HALF_WIDTH)[:, None] * length[:, None],
    )
    located = torch.cat([there[:, None], face | seen[:, _NECK, None], seen[:, start] & seen[:, end]], dim=1)
    return torch.cat([torso[:, None], head[:, None], limbs], dim=1), located


@torch.no_grad()
def rectangle_skip(source: Tensor, target: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Transforms and regions for `fashiongen.layers.deformable_skip`, whose regions do not overlap: join them with "avg".

    A limb that is missing in the source is read from the limb of the other side. Torso and head are not mirrored when a person
    turns around: which side of a garment is which hardly shows, and a map that changes its sign would pass through nothing.

    Args:
        source: (B, 18, 3) key points of the picture that is read.
        target: (B, 18, 3) key points of the picture that is made.
        height: height H.
        width: width W.

    Returns:
        (B, 11, 8) float64 transforms as of `fashiongen.layers.part_affines`, the last the identity, and (B, 11, H, W) bool masks,
        the last what neither pose covers.
    """
    here, seen_here = part_rectangles(source)
    there, seen_there = part_rectangles(target)
    here = torch.where(seen_here[..., None, None], here, here[:, _MIRRORED])
    located = seen_there & (seen_here | seen_here[:, _MIRRORED])
    transforms = transform_rows(fit_affine(there, here, located[..., None].expand(-1, -1, 4))[0])
    identity = transforms.new_tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]).expand(len(transforms), 1, 8)
    return torch.cat([transforms, identity], dim=1), _regions(there, seen_there, source, target, height, width)


@torch.no_grad()
def rectangle_regions(source: Tensor, target: Tensor, height: int, width: int) -> Tensor:
    """The masks of `rectangle_skip`; arguments as there.

    The body is the pose mask (`fashiongen.layers.pose_mask`); what no other part claims of it is the torso's. Where the source
    alone covers the picture, no part has anything to say.
    """
    return _regions(*part_rectangles(target), source, target, height, width)


def _regions(corners: Tensor, located: Tensor, source: Tensor, target: Tensor, height: int, width: int) -> Tensor:
    """`rectangle_regions` of the rectangles (B, 10, 4, 2) of the target."""
    radius = max(1, round(_BODY_RADIUS * height))
    source_body, body = (pose_mask(pose, height, width, radius) > 0 for pose in (source, target))
    rectangles = fill_polygons(corners, height, width) & located[..., None, None]
    regions, free = {}, body[:, 0]
    for part in _PRECEDENCE:
        regions[part] = rectangles[:, PARTS.index(part)] & free
        free = free & ~regions[part]
    regions["torso"] = free
    return torch.cat([torch.stack([regions[part] for part in PARTS], dim=1), ~(source_body | body)], dim=1)


def _middle(joints: Tensor, seen: Tensor, members: tuple[int, ...]) -> Tensor:
    """(B, 2) mean of the visible ones of some joints; zero without any."""
    visible = seen[:, members, None]
    return (joints[:, members] * visible).sum(dim=1) / visible.sum(dim=1).clamp(min=1)
