"""The region of a person that masked metrics look at, from key points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.layers.polygons import fill_polygons, segment_quads

_LINKS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17)),
)
_CLOSING = 5


def pose_region(keypoints: Tensor, height: int, width: int, radius: int = 4) -> Tensor:
    """Bars along the limbs and discs on the joints, closed with a 5x5 square (Deformable GAN's `produce_ma_mask`).

    Args:
        keypoints: (B, 18, 3) x, y in pixels with pixel centres at .5, then visibility, 0 for a missing joint.
        height: height H.
        width: width W.
        radius: half width of the bars and radius of the discs, pixels; 4 at every size in the published numbers.

    Returns:
        (B, 1, H, W) bool.
    """
    joints = keypoints[..., :2].double() - 0.5
    seen = (keypoints[..., 2] > 0) & joints.isfinite().all(dim=-1)
    joints = torch.where(seen[..., None], joints, 0)
    start, end = (list(ends) for ends in zip(*_LINKS, strict=True))
    bars = fill_polygons(segment_quads(joints[:, start], joints[:, end], radius), height, width, rays="horizontal")
    bars = bars & (seen[:, start] & seen[:, end])[..., None, None]
    columns, rows = (
        (torch.arange(size, device=joints.device) - joints[..., axis, None]).square() for axis, size in enumerate((width, height))
    )
    discs = (rows[..., :, None] + columns[..., None, :] < radius**2) & seen[..., None, None]
    region = (bars.any(dim=1, keepdim=True) | discs.any(dim=1, keepdim=True)).float()
    margin = _CLOSING // 2
    dilated = F.max_pool2d(region, _CLOSING, stride=1, padding=margin)
    return F.max_pool2d(-dilated, _CLOSING, stride=1, padding=margin) == -1
