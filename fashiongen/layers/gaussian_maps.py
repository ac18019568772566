"""Key points -> one soft map a joint, and back."""

from __future__ import annotations

import torch
from torch import Tensor

PROFILES = ("gaussian", "staircase", "exponential")


def gaussian_maps(keypoints: Tensor, height: int, width: int, sigma: float = 6.0, profile: str = "gaussian") -> Tensor:
    """One channel a joint that falls off with the distance d from it; a missing joint leaves its channel empty.

    Args:
        keypoints: (B, J, 3) x, y in pixels with pixel centres at .5, then visibility, 0 for a missing joint. Joints outside
            the picture count.
        height: height H of the maps.
        width: width W of the maps.
        sigma: width of the bump, pixels.
        profile: "gaussian", exp(-d²/2σ²); "staircase", exp(-ceil(d²/2σ²)) around the *pixel* that holds the joint: what
            Deformable GAN's code computes under Python 2, whose integer division rounds down, and what its published weights
            expect; "exponential", exp(-d/σ²), the formula printed in its paper.

    Returns:
        (B, J, H, W) float32 in [0, 1].

    Raises:
        ValueError: for an unknown profile, or a sigma that is not positive.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile is one of {', '.join(PROFILES)}, not {profile!r}")
    if sigma <= 0:
        raise ValueError(f"sigma must be positive, not {sigma}")
    joints = keypoints[..., :2].float()
    seen = (keypoints[..., 2] > 0) & joints.isfinite().all(dim=-1)
    joints = torch.where(seen[..., None], joints, 0)
    if profile == "staircase":
        joints = joints.floor() + 0.5
    columns, rows = (
        (torch.arange(length, device=joints.device) + 0.5 - joints[..., axis, None]).square()
        for axis, length in enumerate((width, height))
    )
    squared = rows[..., :, None] + columns[..., None, :]
    exponent = squared.sqrt() / sigma**2 if profile == "exponential" else squared / (2 * sigma**2)
    if profile == "staircase":
        exponent = exponent.ceil()
    return (-exponent).exp() * seen[..., None, None]


def locate_joints(maps: Tensor, threshold: float = 0.1) -> Tensor:
    """The joint of each map: its first maximum in reading order (the authors' `map_to_cord`).

    Args:
        maps: (B, J, H, W).
        threshold: a joint counts as found when its maximum exceeds this.

    Returns:
        (B, J, 3) centre (x, y) of the pixel and visibility 2; zeros where nothing was found.
    """
    width = maps.shape[-1]
    highest, place = maps.flatten(2).max(dim=2)
    joints = torch.stack([place % width + 0.5, place // width + 0.5, torch.full_like(place, 2)], dim=-1)
    return joints.to(maps.dtype) * (highest > threshold)[..., None]
