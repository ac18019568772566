"""Key points -> maps that a network can read."""

from __future__ import annotations

import torch
from torch import Tensor


def pose_squares(
    keypoints: Tensor,
    height: int,
    width: int,
    radius: int = 5,
    missing_joint: str = "skip",
    original_size: Tensor | None = None,
) -> Tensor:
    """One channel a joint: a filled square around it (VITON section 3.1; authors' `extract_pose_map`).

    Args:
        keypoints: (B, J, 3) x, y in pixels of the map (pixel i spans [i, i + 1)), then visibility, 0 for a missing joint.
        height: height H of the map.
        width: width W of the map.
        radius: the square has 2*radius + 1 pixels a side, cut off at the border.
        missing_joint: "skip" leaves the channel of a missing joint empty. "corner" is what the authors' code does: it marks
            missing joints with -1 *before* scaling, which truncates to pixel 0 in pictures larger than the map, so that a
            part of a square appears in the top left corner. The published weights were trained with it.
        original_size: (B, 2) height and width of the pictures that the joints were found in. With it the authors' further
            rules apply: squares are also cut off at the last row and column of the *original* picture, and a missing joint
            falls in the corner only where the original is larger than the map.

    Returns:
        (B, J, H, W) float, 0 or 1.

    Raises:
        ValueError: for an unknown `missing_joint`.
    """
    if missing_joint not in ("skip", "corner"):
        raise ValueError(f"missing_joint is 'skip' or 'corner', not {missing_joint!r}")
    x, y = keypoints[..., 0].floor(), keypoints[..., 1].floor()
    drawn = keypoints[..., 2] > 0
    if missing_joint == "corner":
        corner = torch.zeros_like(keypoints[:, :1, 0]).expand_as(x), torch.zeros_like(keypoints[:, :1, 1]).expand_as(y)
        if original_size is not None:
            scale = original_size.to(keypoints)
            corner = (-width / scale[:, 1:]).trunc().expand_as(x), (-height / scale[:, :1]).trunc().expand_as(y)
        x, y = torch.where(drawn, x, corner[0]), torch.where(drawn, y, corner[1])
        drawn = drawn | (corner[0] >= 0)
    columns, rows = _near(x, width, radius), _near(y, height, radius)
    if original_size is not None:
        columns = columns & _inside(original_size[:, 1:], width)
        rows = rows & _inside(original_size[:, :1], height)
    squares = rows[..., :, None] & columns[..., None, :] & drawn[..., None, None]
    return squares.to(keypoints.dtype if keypoints.is_floating_point() else torch.float32)


def quantize_keypoints(keypoints: Tensor, original_size: Tensor, height: int, width: int) -> Tensor:
    """Scale joints to another size with the two truncations of VITON's code.

    The authors store joints as whole pixels of the original picture, scale them in float32 and truncate again.

    Args:
        keypoints: (B, J, 3) x, y as detected in the original picture (pixel *indices*: 0 is the centre of the first pixel),
            then visibility.
        original_size: (B, 2) height and width of the original pictures.
        height: new height.
        width: new width.

    Returns:
        (B, J, 3) in pixels of the new size with pixel centres at .5, ready for `pose_squares`; missing joints are zeros.
    """
    size = original_size.to(keypoints.device, torch.float32)[:, None]
    target = torch.tensor([width, height], dtype=torch.float32, device=keypoints.device)
    pixels = (keypoints[..., :2].trunc().float() * target / size.flip(-1)).trunc() + 0.5
    visibility = keypoints[..., 2:].float()
    return torch.cat([pixels, visibility], dim=-1) * (visibility > 0)


def _near(position: Tensor, length: int, radius: int) -> Tensor:
    pixel = torch.arange(length, device=position.device)
    return (pixel - position[..., None]).abs() <= radius


def _inside(limit: Tensor, length: int) -> Tensor:
    return torch.arange(length, device=limit.device) < limit[..., None]
