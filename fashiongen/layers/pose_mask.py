"""Key points -> where the body roughly is."""

from __future__ import annotations

import torch
from kornia.morphology import closing as morphological_closing
from torch import Tensor
from torch.nn.functional import conv2d

from fashiongen.layers.pose_disks import joint_pixels

# fmt: off
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17),
)
# fmt: on
"""Pairs of OpenPose-18 joints that are joined: the skeleton, neck to ears, and the outline of the torso."""


def pose_mask(keypoints: Tensor, height: int, width: int, radius: int = 4, closing: int = 5, whole_pixels: bool = True) -> Tensor:
    """Discs along the limbs, their gaps closed (PG2, section 3.1; authors' `_getPoseMask`).

    A limb of d pixels gets discs at both joints and at n - 1 places between them, n = floor(d / radius); it is left out when a
    joint is missing, so that a lone joint paints nothing.

    Args:
        keypoints: (B, 18, 3) x, y in pixels of the map (pixel i spans [i, i + 1)), then visibility, 0 for a missing joint. Joints
            more than a picture's length outside, or not finite, are missing.
        height: height H of the mask.
        width: width W of the mask.
        radius: of the discs, pixels.
        closing: side of the square of the morphological closing (dilation, then erosion; what lies outside the picture has no
            say); 1 for none.
        whole_pixels: a joint lies in the centre of its pixel, as the detections that the authors trained with do. Without it
            fractions of pixels count and are cut off at the end, as in the authors' converter from row, column, visibility.

    Returns:
        (B, 1, H, W) float32 in {0, 1}.
    """
    pixels, seen = joint_pixels(keypoints)
    size = pixels.new_tensor([width, height])
    seen = seen & (pixels >= -size).all(dim=-1) & (pixels < 2 * size).all(dim=-1)
    exact = keypoints.dtype if keypoints.dtype == torch.float64 else torch.float32
    joints = pixels.to(exact) if whole_pixels else torch.where(seen[..., None], keypoints[..., :2] - 0.5, 0).to(exact)
    starts, ends = (torch.tensor([limb[end] for limb in LIMBS], device=joints.device) for end in (0, 1))
    first, second = joints[:, starts], joints[:, ends]
    limb_seen = seen[:, starts] & seen[:, ends]

    span = second - first
    pieces = (span.square().sum(dim=-1).sqrt() / radius).floor().clamp(min=1)
    longest = int(3 * (height**2 + width**2) ** 0.5 / radius) + 1
    steps = torch.arange(longest, device=joints.device)
    places = first[:, :, None] + span[:, :, None] * steps[:, None] / pieces[:, :, None, None]
    last = (steps == pieces[..., None])[..., None]
    centres = torch.where(last, second[:, :, None], places).floor().long() + radius

    # A frame of one radius keeps centres outside the picture whose discs reach into it.
    frame = size + 2 * radius
    painted = limb_seen[..., None] & (steps <= pieces[..., None]) & (centres >= 0).all(dim=-1) & (centres < frame).all(dim=-1)
    nowhere = (width + 2 * radius) * (height + 2 * radius)
    indices = torch.where(painted, centres[..., 1] * frame[0] + centres[..., 0], nowhere)
    dots = torch.zeros(keypoints.shape[0], nowhere + 1, dtype=torch.float32, device=joints.device)
    dots = dots.scatter(1, indices.flatten(1), 1.0)[:, :-1].view(-1, 1, height + 2 * radius, width + 2 * radius)

    offsets = torch.arange(-radius, radius + 1, device=joints.device).square()
    disk = (offsets[:, None] + offsets <= radius**2).float()
    mask = (conv2d(dots, disk[None, None]) > 0.5).float()
    return morphological_closing(mask, mask.new_ones(closing, closing)) if closing > 1 else mask
