"""Key points -> one filled disc a joint."""

from __future__ import annotations

import torch
from torch import Tensor


def pose_disks(keypoints: Tensor, height: int, width: int, radius: int = 4) -> Tensor:
    """One channel a joint: 1 on the pixels within `radius` of the joint's pixel, -1 elsewhere (PG2, authors' `solid` mode).

    Args:
        keypoints: (B, J, 3) x, y in pixels of the map (pixel i spans [i, i + 1)), then visibility, 0 for a missing joint.
            Joints outside the picture count; a joint that is not finite is missing.
        height: height H of the maps.
        width: width W of the maps.
        radius: of the discs, pixels; radius 4 has 49 of them. Discs are cut off at the border.

    Returns:
        (B, J, H, W) in {-1, 1}, of the key points' floating type (float32 for whole numbers); a missing joint gives -1 everywhere.
    """
    pixels, seen = joint_pixels(keypoints)
    columns, rows = (
        (torch.arange(length, device=keypoints.device) - pixels[..., axis, None]).square()
        for axis, length in enumerate((width, height))
    )
    disks = (rows[..., :, None] + columns[..., None, :] <= radius**2) & seen[..., None, None]
    return disks.to(keypoints.dtype if keypoints.is_floating_point() else torch.float32) * 2 - 1


def joint_pixels(keypoints: Tensor, limit: int = 2**14) -> tuple[Tensor, Tensor]:
    """The pixel that holds each joint.

    Args:
        keypoints: (..., 3) x, y, visibility.
        limit: joints further than this from the origin are missing.

    Returns:
        (..., 2) int64 column and row, 0 for a missing joint; (...) bool, False for a missing joint: invisible, not finite, or
        beyond `limit`.
    """
    places = keypoints[..., :2]
    seen = (keypoints[..., 2] > 0) & (places.abs() <= limit).all(dim=-1)
    return torch.where(seen[..., None], places, 0).floor().long(), seen
