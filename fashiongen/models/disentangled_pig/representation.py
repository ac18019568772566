"""What Disentangled PIG makes of key points: vectors for the pose auto-encoder, regions of interest, the mask of the body."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fashiongen.layers.part_boxes import part_boxes
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.models.disentangled_pig.networks import REGIONS


class Regions(NamedTuple):
    """Where a body and its parts are.

    Attributes:
        boxes: (B, 7, 4) int64 y1, x1, y2, x2 in pixels, [0, 0, 1, 1] for a region without joints.
        visible: (B, 7) bool, which regions have a visible joint.
        mask: (B, 1, H, W) in {0, 1}, the whole body.
    """

    boxes: Tensor
    visible: Tensor
    mask: Tensor


def regions_of(keypoints: Tensor, height: int, width: int, rule: str = "market", mask_radius: int = 7) -> Regions:
    """Key points (B, 18, 3) in pixels -> `Regions`.

    Args:
        keypoints: x, y, visibility; a body may lack joints, or all of them.
        height: of the picture.
        width: of the picture.
        rule: of `fashiongen.layers.part_boxes.part_boxes`.
        mask_radius: of `fashiongen.layers.pose_mask.pose_mask`.
    """
    boxes, visible = part_boxes(keypoints, height, width, rule)
    count = len(REGIONS)
    return Regions(boxes[:, :count], visible[:, :count], pose_mask(keypoints, height, width, radius=mask_radius))


def normalized_pose(keypoints: Tensor, height: int, width: int) -> Tensor:
    """Key points -> what the pose auto-encoder sees.

    Args:
        keypoints: (B, 18, 3) x, y in pixels (pixel i spans [i, i + 1)), visibility 0 for a missing joint.
        height: H of the picture.
        width: W of the picture.

    Returns:
        (B, 18, 3): row 2 r / H - 1 and column 2 c / W - 1, counted from the centre of the first pixel, and visibility in {0, 1};
        (-1, -1, 0) for a missing joint.
    """
    seen = (keypoints[..., 2:] > 0) & keypoints[..., :2].isfinite().all(dim=-1, keepdim=True)
    places = torch.where(seen, keypoints[..., :2] - 0.5, 0)
    scale = places.new_tensor([2 / width, 2 / height])
    return torch.cat([(places * scale - 1).flip(-1), seen.to(places)], dim=-1)


def keypoints_of(pose: Tensor, height: int, width: int) -> Tensor:
    """What the pose auto-encoder drew -> key points, in the centres of whole pixels inside the picture.

    Args:
        pose: (B, 18, 3) as `normalized_pose` makes it; places outside the picture come to its border.
        height: H of the picture.
        width: W of the picture.

    Returns:
        (B, 18, 3) x, y in pixels, visibility 2 or 0; zeros for a joint that is not visible.
    """
    size = pose.new_tensor([width, height])
    pixels = ((pose[..., :2].flip(-1) + 1) / 2 * size).clamp(min=0).minimum(size - 1).floor()
    seen = pose[..., 2:] > 0.5
    return torch.where(seen, torch.cat([pixels + 0.5, torch.full_like(pixels[..., :1], 2.0)], dim=-1), 0)
