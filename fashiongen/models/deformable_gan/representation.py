"""Pictures and key points -> what the networks of Deformable GAN read, batched, on the device (authors' `pose_utils.py`)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fashiongen.layers.gaussian_maps import PROFILES, gaussian_maps
from fashiongen.layers.part_affines import part_affines, part_masks, whole_affine
from fashiongen.layers.part_rectangles import rectangle_skip
from fashiongen.layers.polygons import fill_polygons, segment_quads

POSES = (*PROFILES, "stickman")
"""Representations of a pose; "staircase" is the one of the published weights."""

_BODY = (11, 5, 2, 8)
_RIGHT = (10, 9, 8, 2, 3, 4)
_LEFT = (13, 12, 11, 5, 6, 7)
_SHOULDERS = (5, 2)
_NOSE = 0
_EYES = (15, 14)  # the authors' tables swap left and right eye


class Conditioning(NamedTuple):
    """Inputs of `Generator.forward`, in its order, and the pose maps for the discriminator.

    Attributes:
        source: (B, C, H, W) picture of the person, then the maps of its pose unless they are left out.
        target: (B, C, H, W) maps of the target pose, then the background picture if there is one.
        transforms: (B, 10, 8) for "mask", (B, 11, 8) with rectangles, (B, 1, 8) for "full", else None.
        masks: (B, 10 or 11, H, W) bool for "mask", else None.
        joints: (B, 72) for "stn", else None.
    """

    source: Tensor
    target: Tensor
    transforms: Tensor | None
    masks: Tensor | None
    joints: Tensor | None


def condition(
    image: Tensor,
    source_keypoints: Tensor,
    target_keypoints: Tensor,
    warp_skip: str = "mask",
    pose: str = "gaussian",
    source_pose: bool = True,
    background: Tensor | None = None,
    maps: tuple[Tensor, Tensor] | None = None,
    parts: str = "joints",
) -> Conditioning:
    """Everything that the generator needs to paint a person in another pose.

    Args:
        image: (B, 3, H, W) in [-1, 1].
        source_keypoints: (B, 18, 3) of the picture.
        target_keypoints: (B, 18, 3) of the pose to be painted.
        warp_skip: the mode of the generator.
        pose: representation of a pose, one of `POSES`.
        source_pose: whether the generator sees the source pose.
        background: (B, 3, H, W), for a generator that was made for one.
        maps: what `pose_maps` gave for both poses, where it is at hand.
        parts: with "mask", where the parts come from: "joints" (`fashiongen.layers.part_affines`) or "rectangles"
            (`fashiongen.layers.rectangle_skip`).

    Raises:
        ValueError: for an unknown `pose`.
    """
    height, width = image.shape[-2:]
    source, target = image, maps[1] if maps else pose_maps(target_keypoints, height, width, pose).to(image)
    if source_pose:
        source = torch.cat([image, maps[0] if maps else pose_maps(source_keypoints, height, width, pose).to(image)], dim=1)
    if background is not None and warp_skip != "none":
        target = torch.cat([target, background], dim=1)
    transforms = masks = joints = None
    if warp_skip == "mask" and parts == "rectangles":
        transforms, masks = rectangle_skip(source_keypoints, target_keypoints, height, width)
        transforms = transforms.float()
    elif warp_skip == "mask":
        transforms = part_affines(source_keypoints, target_keypoints).float()
        masks = part_masks(target_keypoints, height, width)
    elif warp_skip == "full":
        transforms = whole_affine(source_keypoints, target_keypoints).float()
    elif warp_skip == "stn":
        joints = torch.cat([_pixel_rows(source_keypoints), _pixel_rows(target_keypoints)], dim=1)
    return Conditioning(source, target, transforms, masks, joints)


def pose_maps(keypoints: Tensor, height: int, width: int, pose: str = "gaussian") -> Tensor:
    """(B, 18, 3) key points -> (B, 18, H, W) in [0, 1]; (B, 3, H, W) for "stickman".

    Raises:
        ValueError: for a representation that is not in `POSES`.
    """
    if pose not in POSES:
        raise ValueError(f"pose is one of {', '.join(POSES)}, not {pose!r}")
    return stickman(keypoints, height, width) if pose == "stickman" else gaussian_maps(keypoints, height, width, profile=pose)


def stickman(keypoints: Tensor, height: int, width: int) -> Tensor:
    """A figure of bars: right limbs, left limbs and trunk in three channels, neck and eyes half as bright.

    Args:
        keypoints: (B, 18, 3) x, y in pixels with pixel centres at .5, then visibility.
        height: height H.
        width: width W; bars are 3*W // 128 pixels wide to either side.

    Returns:
        (B, 3, H, W) float32: 0, 0.5 or 1. What lacks a joint is left out.
    """
    joints = keypoints[..., :2].double() - 0.5
    seen = (keypoints[..., 2] > 0) & joints.isfinite().all(dim=-1)
    half_width = 3 * width // 128

    def bars(starts: Tensor, ends: Tensor, there: Tensor) -> Tensor:
        filled = fill_polygons(segment_quads(starts, ends, half_width), height, width, rays="horizontal")
        return (filled & there[..., None, None]).any(dim=1)

    def chain(members: tuple[int, ...]) -> Tensor:
        start, end = list(members[:-1]), list(members[1:])
        return bars(joints[:, start], joints[:, end], seen[:, start] & seen[:, end])

    shoulders, body, nose, eyes = list(_SHOULDERS), list(_BODY), joints[:, [_NOSE]], list(_EYES)
    trunk = fill_polygons(joints[:, body], height, width, rays="horizontal") & seen[:, body].all(dim=1)[:, None, None]
    neck = bars(joints[:, shoulders].mean(dim=1, keepdim=True), nose, seen[:, [*shoulders, _NOSE]].all(dim=1, keepdim=True))
    right, left = (
        torch.where(neck | bars(nose, joints[:, [eye]], seen[:, [_NOSE]] & seen[:, [eye]]), 0.5, limbs.float())
        for limbs, eye in zip((chain(_RIGHT), chain(_LEFT)), eyes, strict=True)
    )
    return torch.stack([right, left, trunk.float()], dim=1)


def _pixel_rows(keypoints: Tensor) -> Tensor:
    """(B, 18, 3) -> (B, 36): (y, x) pixel index of every joint, -1 where missing."""
    seen = keypoints[..., 2:] > 0
    return torch.where(seen, keypoints[..., :2].floor().flip(-1), -1).float().flatten(1)
